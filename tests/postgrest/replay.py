#!/usr/bin/env python3
"""Replays a published HTTP specification against Transom in native mode. See README.md beside this file."""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import urllib.parse

# What a path may hold as it is: what separates its parts, and escapes that are there already.
PLAIN = "/?&=:@!$'()*+,;%~-._"


class NoServer(Exception):
    """The server that a case needs does not start."""


class Servers:
    """One server for each configuration, started when first needed."""

    def __init__(self, arguments, configurations, folder):
        self.arguments, self.configurations, self.folder = arguments, configurations, pathlib.Path(folder)
        self.running = {}

    def port(self, name, override):
        key = (name, json.dumps(override or {}, sort_keys=True))
        if key not in self.running:
            self.running[key] = self.start(name, override or {})
        process, answer = self.running[key]
        if process.poll() is not None:
            raise NoServer(answer)
        return answer

    def start(self, name, override):
        keys = {**self.configurations["base"], **self.configurations.get(name, {}), **override}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        keys.update({"db-uri": self.arguments.database, "server-host": "127.0.0.1", "server-port": str(port)})
        file = self.folder / f"{len(self.running)}.conf"
        quoted = lambda value: '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        file.write_text("".join(f"{key} = {quoted(value)}\n" for key, value in keys.items() if value is not None))
        log = (self.folder / f"{len(self.running)}.log").open("w")
        command = [self.arguments.transom, "serve", "--postgrest-config", file]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 20
        while time.monotonic() < until and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return process, port
            except OSError:
                time.sleep(0.02)
        process.kill()
        process.wait()
        return process, f"no server with the configuration {name}: {pathlib.Path(log.name).read_text()}"

    def stop(self):
        for process, _ in self.running.values():
            process.kill()


def token(claims, secret):
    part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(claims.encode())
    return (signed + b"." + part(hmac.new(secret, signed, hashlib.sha256).digest())).decode()


def signed(other_secret, claims, secret):
    now = lambda found: str(int(time.time()) + int(found.group(1) or 0))
    claims = re.sub(r"\bNOW([+-]\d+)?\b", now, claims)
    return token(claims, other_secret.encode() if other_secret else secret)


def ask(port, step, secret):
    """The status, headers and body of the reply to one step."""
    body = base64.b64decode(step["body_base64"]) if "body_base64" in step else (step.get("body") or "").encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    names = {name.lower() for name, _ in step.get("headers", [])}
    path = urllib.parse.quote(step["path"].encode(), safe=PLAIN)
    connection.putrequest(step["method"], path, skip_accept_encoding=True, skip_host="host" in names)
    for name, value in step.get("headers", []):
        value = re.sub(r"JWT-OF(?:-SECRET\[(.*?)\])? (\{.*\})", lambda found: signed(*found.groups(), secret), value)
        connection.putheader(name, value.encode())
    if body or step["method"] in ("POST", "PATCH", "PUT"):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body or None)
    reply = connection.getresponse()
    data = reply.read()
    headers = [(name.lower(), value.encode("latin-1").decode(errors="replace")) for name, value in reply.getheaders()]
    connection.close()
    return reply.status, headers, data


def same(one, other):
    """Equal as JSON: true is not 1."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


MISSING = object()


def at(document, pointer):
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(part) if isinstance(document, list) else part]
        except (KeyError, IndexError, TypeError, ValueError):
            return MISSING
    return document


def listed(value):
    return [value] if isinstance(value, str) else value


def faults(expect, status, headers, data):
    """What of the expectations does not hold."""
    text = data.decode(errors="replace")
    try:
        document = json.loads(text)
    except ValueError:
        document = MISSING
    of = lambda name: [value for key, value in headers if key == name.lower()]
    posix = lambda pattern: pattern.replace("[[:digit:]]", "[0-9]")
    found = []
    check = lambda holds, what: holds or found.append(what)
    check("status" not in expect or status == expect["status"], f"status {status}, not {expect.get('status')}")
    check("json" not in expect or same(document, expect["json"]), "another JSON")
    json_type = any(value.startswith("application/json") for value in of("content-type"))
    check(not expect.get("json_type") or json_type, f"type {of('content-type')}")
    check("body" not in expect or text == expect["body"], "another body")
    for name, value in expect.get("headers", []):
        check(value in of(name), f"{name}: {of(name)}, not {value!r}")
    for name in expect.get("absent", []):
        check(not of(name), f"{name}: {of(name)}, not absent")
    for name, part in expect.get("header_contains", []):
        check(any(part in value for value in of(name)), f"{name}: {of(name)} has no {part!r}")
    for name, pattern in expect.get("header_regex", []):
        check(any(re.search(posix(pattern), value) for value in of(name)), f"{name}: {of(name)} !~ {pattern!r}")
    for part in listed(expect.get("body_contains", [])):
        check(part in text, f"the body has no {part!r}")
    for pattern in listed(expect.get("body_regex", [])):
        check(re.search(pattern, text), f"the body !~ {pattern!r}")
    for pointer, value in expect.get("pointer", []):
        check(same(at(document, pointer), value), f"{pointer}: another value")
    for pointer in expect.get("pointer_absent", []):
        check(at(document, pointer) in (MISSING, None), f"{pointer}: there")
    if "plan_cost_below" in expect:
        cost = at(document, "/0/Plan/Total Cost")
        check(cost is not MISSING and cost < expect["plan_cost_below"], f"cost {cost}")
    if expect.get("is_error_format"):
        members = set(document) if isinstance(document, dict) else set()
        check("message" in members and members <= {"message", "details", "hint", "code"}, "not an error's body")
    return found


def replay(case, servers, secret, times):
    try:
        port = servers.port(case.get("config", "base"), case.get("override"))
    except NoServer as error:
        return [f"    {error}"]
    found = []
    for step in case["steps"]:
        for _ in range(times if step["method"] in ("GET", "HEAD") else 1):
            status, headers, data = ask(port, step, secret)
        for fault in faults(step.get("expect", {}), status, headers, data):
            found.append(f"    {step['method']} {step['path']}\n      {fault}\n      {data[:1000].decode(errors='replace')}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transom", default="target/debug/transom", help="the binary")
    parser.add_argument("--cases", required=True, type=pathlib.Path, help="the folder of the cases")
    parser.add_argument("--database", required=True, help="where the fixtures are")
    parser.add_argument("--failures", type=pathlib.Path, help="a file for what did not hold")
    parser.add_argument("--times", type=int, default=1, help="how often to ask each read; the last answer is judged")
    parser.add_argument("parts", nargs="*", help="only files whose name contains one of these")
    arguments = parser.parse_args()
    configurations = json.loads((arguments.cases / "configurations.json").read_text())
    secret = configurations["secret"].encode()
    held = counted = partly = 0
    said = []
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers(arguments, configurations, folder)
        try:
            for file in sorted(arguments.cases.glob("*.jsonl")):
                if arguments.parts and not any(part in file.stem for part in arguments.parts):
                    continue
                cases = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
                good = 0
                for case in cases:
                    found = replay(case, servers, secret, arguments.times)
                    good += not found
                    partly += not found and "unexpressible" in json.dumps(case)
                    if found:
                        said.append(f"{file.stem}: {case['name']}\n" + "\n".join(found))
                print(f"{good:5} of {len(cases):<5} {file.stem}", flush=True)
                held, counted = held + good, counted + len(cases)
        finally:
            servers.stop()
    print(f"{held} of {counted}, {100 * held / max(counted, 1):.1f} %; {partly} of them hold as far as they can be written down")
    if arguments.failures:
        arguments.failures.write_text("\n\n".join(said) + "\n")


if __name__ == "__main__":
    main()
