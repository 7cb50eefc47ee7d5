//! The rounds: every work on every server in turn, so that a noisy moment touches all alike.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, ensure};

use crate::{
    Run, data,
    load::{self, Figures, Requests, Target},
    servers::{self, Server},
    table::{self, Sample},
};

const SECRET: &str = "bench-secret-of-at-least-32-characters";

/// Everything that runs during the measurement.
struct Field {
    transom: Server,
    ceiling: Server,
    express_reads: Server,
    express_normal: Server,
    express_full: Server,
    rows: u32,
    token: String,
    member: String,
}

/// Measures and returns the table.
pub fn run(run: &Run) -> anyhow::Result<String> {
    std::fs::create_dir_all(&run.work)?;
    let database = prepare(run)?;
    let field = start(run, &database)?;
    let resident_start = field.transom.resident_mib()?;
    let started_ms = field.transom.started_ms;
    let mut samples = Vec::new();
    for round in 0..=run.rounds {
        eprintln!("round {round} of {} (round 0 warms up)", run.rounds);
        let sample = sample(run, &field)?;
        if round > 0 {
            samples.push(sample);
        }
    }
    let resident_load = field.transom.resident_mib()?;
    field.transom.stop()?;
    Ok(table::render(run, &samples, resident_start, resident_load, started_ms))
}

fn sample(run: &Run, field: &Field) -> anyhow::Result<Sample> {
    let of = |server: &Server, token: Option<&String>| Target {
        port: server.port,
        rows: field.rows,
        token: token.cloned(),
    };
    let go = |target: Target, requests: Requests| -> anyhow::Result<Figures> {
        load::run(&target, requests, run.connections, run.seconds)
    };
    let transom = of(&field.transom, None);
    let (normal, full) = (of(&field.express_normal, None), of(&field.express_full, None));
    let reads = of(&field.express_reads, None);
    let ceiling = go(of(&field.ceiling, None), data::transom_a)?;
    let a = go(transom.clone(), data::transom_a)?;
    let peer_a = go(reads.clone(), data::peer_a)?;
    let b = go(transom.clone(), data::transom_b)?;
    let peer_b = go(reads, data::peer_b)?;
    let c = go(transom.clone(), data::transom_c)?;
    let peer_c = go(normal, data::peer_c)?;
    let fsync_c = go(full, data::peer_c)?;
    let d = go(transom.clone(), data::transom_d)?;
    let read_only = go(transom, data::transom_a)?;
    let token = go(of(&field.transom, Some(&field.token)), data::transom_a)?;
    let open = go(of(&field.transom, Some(&field.member)), data::transom_a)?;
    let guarded = go(of(&field.transom, Some(&field.member)), data::transom_guarded)?;
    Ok(Sample {
        ceiling: ceiling.per_second,
        a: a.per_second,
        peer_a: peer_a.per_second,
        b: b.per_second,
        peer_b: peer_b.per_second,
        c: c.per_second,
        peer_c: peer_c.per_second,
        fsync_c: fsync_c.per_second,
        d: d.per_second,
        d_p99_us: d.read_p99_us(),
        a_p99_us: read_only.read_p99_us(),
        a_again: read_only.per_second,
        token: token.per_second,
        open: open.per_second,
        guarded: guarded.per_second,
    })
}

fn transom(run: &Run, project: &std::path::Path, port: u16, admin: u16) -> anyhow::Result<Command> {
    let binary = std::fs::canonicalize(&run.transom)
        .with_context(|| format!("{} is not built", run.transom.display()))?;
    let mut command = Command::new(binary);
    command.env("TRANSOM_BENCH_SECRET", SECRET).arg("serve").arg(project);
    command.arg("--listen").arg(format!("127.0.0.1:{port}"));
    command.arg("--admin-listen").arg(format!("127.0.0.1:{admin}"));
    Ok(command)
}

/// Makes the project and its rows, once; the database is filled through the API itself.
fn prepare(run: &Run) -> anyhow::Result<PathBuf> {
    let project = run.work.join("project");
    std::fs::create_dir_all(project.join("migrations"))?;
    for (name, text) in [
        ("transom.toml", include_str!("../project/transom.toml")),
        ("policies.sql", include_str!("../project/policies.sql")),
        ("migrations/0001_bench.sql", include_str!("../project/migrations/0001_bench.sql")),
    ] {
        std::fs::write(project.join(name), text)?;
    }
    let filled = run.work.join(format!("filled-{}", run.rows));
    if !filled.exists() {
        let _ = std::fs::remove_dir_all(project.join("data"));
        let (port, admin) = (servers::free_port()?, servers::free_port()?);
        let command = transom(run, &project, port, admin)?;
        let server = Server::start(command, port, "/rest/v1/products?limit=1", &run.work.join("fill.log"))?;
        let token = mint(run, &project, "service_role", &[])?;
        eprintln!("filling {} rows", run.rows);
        for (table, body) in data::batches(run.rows) {
            let reply = servers::answer(port, "POST", &format!("/rest/v1/{table}"), Some(&token), &body)?;
            ensure!(reply.starts_with("HTTP/1.1 201"), "filling {table}: {reply}");
        }
        server.stop()?;
        std::fs::write(filled, "")?;
    }
    Ok(project)
}

fn mint(run: &Run, project: &std::path::Path, role: &str, claims: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut command = Command::new(std::fs::canonicalize(&run.transom)?);
    command.env("TRANSOM_BENCH_SECRET", SECRET).arg("token").arg(project).args(["--role", role]);
    for (name, value) in claims {
        command.arg("--claim").arg(format!("{name}={value}"));
    }
    let output = command.output()?;
    ensure!(output.status.success(), "token: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_string())
}

fn start(run: &Run, project: &std::path::Path) -> anyhow::Result<Field> {
    let log = |name: &str| run.work.join(format!("{name}.log"));
    let source = project.join("data/app.db");
    let copy = |name: &str| -> anyhow::Result<PathBuf> {
        let to = run.work.join(name);
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", to.display()));
        }
        std::fs::copy(&source, &to)?;
        Ok(to)
    };
    let (normal, full) = (copy("express-normal.db")?, copy("express-full.db")?);
    let peer = |database: &PathBuf, synchronous: &str, workers: u32| -> anyhow::Result<Server> {
        let port = servers::free_port()?;
        let command = servers::express(&run.work, database, port, synchronous, workers)?;
        Server::start(command, port, "/products/1", &log(&format!("{synchronous}-{workers}")))
    };
    // Readers do best as two processes, the writer alone: several would only wait for each other's lock.
    let express_reads = peer(&normal, "NORMAL", 2)?;
    let express_normal = peer(&normal, "NORMAL", 1)?;
    let express_full = peer(&full, "FULL", 1)?;
    let (port, admin) = (servers::free_port()?, servers::free_port()?);
    let path = "/rest/v1/products?id=eq.4711";
    let transom = Server::start(transom(run, project, port, admin)?, port, path, &log("transom"))?;
    let reply = servers::answer(port, "GET", path, None, "")?;
    let body = reply.split_once("\r\n\r\n").context("no body")?.1;
    let body_file = run.work.join("body.json");
    std::fs::write(&body_file, body)?;
    let port = servers::free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("ceiling").arg(port.to_string()).arg(&body_file);
    let ceiling = Server::start(command, port, "/", &log("ceiling"))?;
    let token = mint(run, project, "anon", &[])?;
    let member = mint(run, project, "member", &[("tenant", "tenant-1")])?;
    Ok(Field { transom, ceiling, express_reads, express_normal, express_full, rows: run.rows, token, member })
}
