//! The field of servers, and the rounds.

use std::{path::PathBuf, process::Command, time::Instant};

use anyhow::{Context, ensure};

use crate::{
    Run, data,
    load::{Requests, Session, Target},
    machine::{self, Ticks},
    pairs::{Pairs, Side},
    servers::{self, Server},
    table::{self, Found, Sample},
    turns::{self, Work},
};

/// How many clients ask for the dear read.
const DEAR_CLIENTS: u32 = 2;

pub const SECRET: &str = "bench-secret-of-at-least-32-characters";

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

/// Measures and returns the page.
pub fn run(run: &Run) -> anyhow::Result<String> {
    std::fs::create_dir_all(&run.work)?;
    let began = Instant::now();
    let database = prepare(run)?;
    let field = start(run, &database)?;
    let resident_start_mib = field.transom.resident_mib()?;
    let started_ms = field.transom.started_ms;
    let ticks = Ticks::now(None);
    let mut found = Found::default();
    for round in 0..=run.rounds {
        eprintln!(
            "round {round} of {} (round 0 warms up), {:.0} s",
            run.rounds,
            began.elapsed().as_secs_f64()
        );
        let seconds = if round == 0 { run.seconds.min(1.0) } else { run.seconds };
        let sample = sample(run, &field, seconds)?;
        let fours = if round == 0 { 1 } else { run.fours };
        let (mut policy, mut token) = (Pairs::default(), Pairs::default());
        pairs(run, &field, fours, &mut policy, &mut token)?;
        if round > 0 {
            found.samples.push(sample);
            found.policy.append(policy);
            found.token.append(token);
        }
    }
    found.resident_start_mib = resident_start_mib;
    found.resident_load_mib = field.transom.resident_mib()?;
    found.started_ms = started_ms;
    found.machine = machine::facts();
    found.others = machine::others(&ticks, &Ticks::now(None));
    found.peer = servers::versions(&run.work, &["express", "better-sqlite3"]);
    field.transom.stop()?;
    Ok(table::render(run, &found))
}

fn target(field: &Field, server: &Server, token: Option<&String>) -> Target {
    Target { port: server.port, rows: field.rows, token: token.cloned() }
}

/// One round: what is compared takes turns.
fn sample(run: &Run, field: &Field, seconds: f64) -> anyhow::Result<Sample> {
    let work = |server: &Server, requests: Requests| Work {
        target: target(field, server, None),
        requests,
        dear_clients: 0,
    };
    let of_a = [
        work(&field.ceiling, data::transom_a),
        work(&field.transom, data::transom_a),
        work(&field.express_reads, data::peer_a),
    ];
    let of_b = [work(&field.transom, data::transom_b), work(&field.express_reads, data::peer_b)];
    let of_c = [
        work(&field.transom, data::transom_c),
        work(&field.express_normal, data::peer_c),
        work(&field.express_full, data::peer_c),
    ];
    let tails = [
        work(&field.transom, data::transom_a),
        work(&field.transom, data::transom_d),
        Work { dear_clients: DEAR_CLIENTS, ..work(&field.transom, data::transom_a) },
    ];
    let [ceiling, a, peer_a] = turns::take(of_a, run.connections, seconds)?;
    let [b, peer_b] = turns::take(of_b, run.connections, seconds)?;
    let [c, peer_c, fsync_c] = turns::take(of_c, run.connections, seconds)?;
    let [alone, writes, dear] = turns::take(tails, run.connections, seconds)?;
    let dear_alone_ms = turns::dear_alone_ms(&target(field, &field.transom, None))?;
    Ok(Sample { ceiling, a, peer_a, b, peer_b, c, peer_c, fsync_c, alone, writes, dear, dear_alone_ms })
}

fn pairs(run: &Run, field: &Field, fours: u32, policy: &mut Pairs, token: &mut Pairs) -> anyhow::Result<()> {
    let anonymous = target(field, &field.transom, None);
    let known = target(field, &field.transom, Some(&field.token));
    let member = target(field, &field.transom, Some(&field.member));
    let mut session = Session::open(field.transom.port, run.connections)?;
    let sides: [Side; 2] = [(&member, data::transom_open), (&member, data::transom_guarded)];
    policy.add(&field.transom, &mut session, sides, fours)?;
    let sides: [Side; 2] = [(&anonymous, data::transom_a), (&known, data::transom_a)];
    token.add(&field.transom, &mut session, sides, fours)
}

pub fn transom(run: &Run, project: &std::path::Path, port: u16, admin: u16) -> anyhow::Result<Command> {
    let binary = std::fs::canonicalize(&run.transom)
        .with_context(|| format!("{} is not built", run.transom.display()))?;
    let mut command = Command::new(binary);
    command.env("TRANSOM_BENCH_SECRET", SECRET).arg("serve").arg(project);
    command.arg("--listen").arg(format!("127.0.0.1:{port}"));
    command.arg("--admin-listen").arg(format!("127.0.0.1:{admin}"));
    Ok(command)
}

/// Makes the project.
pub fn project(run: &Run) -> anyhow::Result<PathBuf> {
    let project = run.work.join("project");
    std::fs::create_dir_all(project.join("migrations"))?;
    for (name, text) in [
        ("transom.toml", include_str!("../project/transom.toml")),
        ("policies.sql", include_str!("../project/policies.sql")),
        ("migrations/0001_bench.sql", include_str!("../project/migrations/0001_bench.sql")),
        ("migrations/0001_bench.postgres.sql", include_str!("../project/migrations/0001_bench.postgres.sql")),
    ] {
        std::fs::write(project.join(name), text)?;
    }
    Ok(project)
}

/// The project and its rows, made once; the database is filled through the API itself.
fn prepare(run: &Run) -> anyhow::Result<PathBuf> {
    let project = project(run)?;
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

pub fn mint(
    run: &Run,
    project: &std::path::Path,
    role: &str,
    claims: &[(&str, &str)],
) -> anyhow::Result<String> {
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
