#!/usr/bin/env python3
"""Runs the own tests of the published client `@supabase/postgrest-js` against Transom. See README.md beside this file."""

import argparse
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.parse

# Where the tests believe a server to be.
SERVERS = re.compile(r"http://localhost:(?:3000|3001|54321/rest/v1)\b")
# A setting of a role is the whole server's; it goes into the configuration instead.
ROLE_SETTING = re.compile(r"(?mi)^alter role \w+ set pgrst\.(\w+) (?:to|=) '([^']*)';$")
ROLES = ("anon", "authenticated", "authenticator", "service_role")
PACKAGES = ("vitest@3", "zod@3", "node-abort-controller", "type-fest")
RUNNER = """
import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'
class ByName extends BaseSequencer {
  async sort(files) { return files.sort((a, b) => a.moduleId.localeCompare(b.moduleId)) }
}
export default defineConfig({ test: {
  globals: true, setupFiles: ['./setup.ts'], include: ['test/**/*.test.ts'], typecheck: { enabled: false },
  fileParallelism: false, sequence: { sequencer: ByName }, testTimeout: 30000,
  reporters: ['default', 'json'], outputFile: { json: 'results.json' },
} })
"""
SETUP = "import { vi } from 'vitest'\n;(globalThis as any).jest = vi\n"


class Database:
    """A database of its own, and the roles that the tests' schema names; both are gone afterwards."""

    def __init__(self, url):
        self.url, self.name = url, f"client_suite_{secrets.token_hex(4)}"
        self.here = urllib.parse.urlsplit(url)._replace(path="/" + self.name).geturl()
        self.made = []

    def __enter__(self):
        self.run(self.url, f"create database {self.name}")
        # What the tests see of the server that their image has: it is in the plans that they compare.
        self.run(self.url, f"alter database {self.name} set effective_cache_size = '128MB'")
        self.run(self.url, f"alter database {self.name} set compute_query_id = on")
        for role in ROLES:
            if not self.run(self.url, f"select 1 from pg_roles where rolname = '{role}'"):
                self.run(self.url, f"create role {role}")
                self.made.append(role)
        self.run(self.here, "create schema extensions")
        return self

    def __exit__(self, *_):
        self.run(self.url, f"drop database {self.name} with (force)")
        for role in self.made:
            self.run(self.url, f"drop role {role}")

    def run(self, url, text):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise SystemExit(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()


def load(tests, database):
    """Loads schema and seeds; the configuration that the tests were written for."""
    files = [*sorted((tests / "db").glob("*.sql")), *sorted((tests / "supabase/migrations").glob("*.sql"))]
    seed = tests / "supabase/seed.sql"
    keys = {}
    for file in [*files, *([seed] if seed.exists() else [])]:
        text = file.read_text()
        keys.update((name.replace("_", "-"), value) for name, value in ROLE_SETTING.findall(text))
        database.run(database.here, ROLE_SETTING.sub("", text))
    compose, toml = tests / "db/docker-compose.yml", tests / "supabase/config.toml"
    if toml.exists():
        api = tomllib.loads(toml.read_text())["api"]
        there = database.run(database.here, "select nspname from pg_namespace").split()
        keys["db-schemas"] = ",".join(name for name in api["schemas"] if name in there)
        keys["db-extra-search-path"] = ",".join(api["extra_search_path"])
        keys["db-max-rows"] = api["max_rows"]
    elif compose.exists():
        found = re.findall(r"(?m)^\s*PGRST_(\w+): (.+)$", compose.read_text())
        keys.update((name.lower().replace("_", "-"), value.strip("'\"")) for name, value in found)
    keys["db-anon-role"] = database.run(database.here, "select current_user")
    return keys


def serve(transom, keys, database, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = {**keys, "db-uri": database.here, "server-host": "127.0.0.1", "server-port": port}
    file, log = folder / "server.conf", folder / "server.log"
    file.write_text("".join(f"{key} = {json.dumps(str(value))}\n" for key, value in keys.items()))
    command = [transom, "serve", "--postgrest-config", file]
    process = subprocess.Popen(command, stdout=log.open("w"), stderr=subprocess.STDOUT)
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return process, port
        except OSError:
            time.sleep(0.02)
    process.kill()
    raise SystemExit(f"no server: {log.read_text()}")


def prepare(tests, client, port, folder):
    """The tests, the client's own sources where they expect them, and a runner, in one folder."""
    (folder / "package.json").write_text('{"type": "module"}')
    npm = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--silent"]
    subprocess.run([*npm, f"@supabase/postgrest-js@{client}", *PACKAGES], cwd=folder, check=True, timeout=300)
    package = folder / "node_modules/@supabase/postgrest-js"
    shutil.copytree(package / "src", folder / "src")
    for file in tests.rglob("*"):
        if file.suffix in (".ts", ".snap"):
            copy = folder / "test" / file.relative_to(tests)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(SERVERS.sub(f"http://127.0.0.1:{port}", file.read_text()))
    (folder / "vitest.config.mjs").write_text(RUNNER)
    (folder / "setup.ts").write_text(SETUP)
    return json.loads((package / "package.json").read_text())["version"]


def run(folder, parts):
    """The results of each file: its name, and name and outcome of each of its tests."""
    # CI: a snapshot that is not there is a failure, and none is written.
    command = ["npx", "vitest", "run", *parts]
    log = (folder / "runner.log").open("w")
    environment = {**os.environ, "CI": "1", "NO_COLOR": "1"}
    subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log, timeout=900)
    results = folder / "results.json"
    if not results.exists():
        raise SystemExit(f"no results: {(folder / 'runner.log').read_text()}")
    for file in json.loads(results.read_text())["testResults"]:
        tests = [(test["fullName"], test["status"]) for test in file["assertionResults"]]
        # A file that cannot be read at all has no test.
        tests = tests or [("the file itself", "failed")]
        yield pathlib.Path(file["name"]).name, [test for test in tests if test[1] in ("passed", "failed")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", required=True, type=pathlib.Path, help="a checkout of the client, with its folder test")
    parser.add_argument("--transom", default="target/debug/transom", help="the binary")
    parser.add_argument("--database", required=True, help="as whom to make a database and roles; needs psql")
    parser.add_argument("--client", default="latest", help="the version of the published client; needs npm")
    parser.add_argument("--failures", type=pathlib.Path, help="a file for the runner's own words")
    parser.add_argument("parts", nargs="*", help="only files whose name contains one of these")
    arguments = parser.parse_args()
    tests, transom = arguments.suite / "test", pathlib.Path(arguments.transom).resolve()
    held = counted = 0
    said = []
    with tempfile.TemporaryDirectory() as folder, Database(arguments.database) as database:
        folder = pathlib.Path(folder)
        keys = load(tests, database)
        process, port = serve(transom, keys, database, folder)
        try:
            version = prepare(tests, arguments.client, port, folder)
            for name, results in sorted(run(folder, arguments.parts)):
                good = sum(status == "passed" for _, status in results)
                print(f"{good:5} of {len(results):<5} {name}", flush=True)
                held, counted = held + good, counted + len(results)
                said += [f"{name}: {test}" for test, status in results if status == "failed"]
            if arguments.failures:
                shutil.copy(folder / "runner.log", arguments.failures)
        finally:
            process.terminate()
            process.wait(20)
    print(f"{held} of {counted}, {100 * held / max(counted, 1):.1f} %; the client is {version}")
    for test in said:
        print(f"failed: {test}")
    sys.exit(held < counted)


if __name__ == "__main__":
    main()
