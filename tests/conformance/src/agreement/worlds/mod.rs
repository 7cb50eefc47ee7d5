//! Drawn schemas with drawn policies, rows and requests: an engine answers as the memory implementation does.

mod requests;
mod schema;
mod values;

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use proptest::collection::vec;
use serde_json::{Value as Json, json};
use transom_ports::{Fault, Memory};
use transom_types::Principal;

use super::tape;
use crate::{
    Factory, Shop,
    factory::Opened,
    request::{Request, columns, insert, read},
};
use schema::Schema;
use tape::Tape;

/// Requests to each world.
const REQUESTS: usize = 64;

/// What an engine answers in drawn worlds.
pub async fn worlds(right: &dyn Factory, cases: u32) {
    let (typed, told) = (right.traits().typed, Told::default());
    let world = (tape::drawn(40), tape::drawn(160), tape::drawn(400));
    let drawn = (world, vec(tape::drawn(60), REQUESTS / 2..REQUESTS));
    // One database for all: to open one takes longer than to ask a world. Each has names of its own.
    let (opened, number) = (right.open().await, AtomicU32::new(0));
    super::run(cases, drawn, async |((schema, policies, rows), requests)| {
        let mut schema = Schema::drawn(&mut Tape::new(&schema));
        schema.number = number.fetch_add(1, Ordering::Relaxed);
        let mut tape = Tape::new(&rows);
        let policies = schema.policies(&mut Tape::new(&policies));
        let mut script = format!("{}{policies}", schema.sql(typed));
        let memory = Memory::new(Arc::new(schema.catalog()), Arc::new(transom_sql::sqlite::Sqlite));
        let left = Opened { database: Arc::new(memory), keep: Box::new(()) };
        let right = Opened { database: opened.database.clone(), keep: Box::new(()) };
        let pair = World {
            left: Shop::of(left, "", &policies).await?,
            right: Shop::of(right, &schema.script(typed), &policies).await?,
            told: &told,
        };
        for at in 0..schema.tables.len() {
            let rows = requests::rows(&schema, at, &mut tape);
            let _ = writeln!(script, "{}: {}", schema.name(at), Json::Array(rows.clone()));
            // Rows one by one: what is refused leaves the others.
            for row in rows {
                write(&pair, &schema, insert(&schema.name(at), row), false)
                    .await
                    .map_err(|error| format!("{script}{error}"))?;
            }
        }
        for request in &requests {
            let mut tape = Tape::new(request);
            let author = tape.one_in(2);
            let (request, writes) = requests::request(&schema, &mut tape);
            match writes {
                true => write(&pair, &schema, request, author).await,
                false => look(&pair, request, author).await,
            }
            .map_err(|error| format!("{script}{error}"))?;
        }
        Ok(())
    });
    let [with_rows, refused, all] =
        [&told.with_rows, &told.refused, &told.all].map(|of| of.load(Ordering::Relaxed));
    assert!(
        refused * 3 <= all && with_rows * 3 >= all,
        "of {all} answers {refused} were refusals, {with_rows} had rows"
    );
}

/// What came back, over all worlds: where everything is refused or empty, nothing is compared.
#[derive(Default)]
struct Told {
    all: AtomicU32,
    with_rows: AtomicU32,
    refused: AtomicU32,
}

impl Told {
    fn count(&self, answer: &Json) {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.refused.fetch_add(answer.is_string().into(), Ordering::Relaxed);
        let rows = answer["rows"].as_array().is_some_and(|rows| !rows.is_empty());
        self.with_rows.fetch_add(rows.into(), Ordering::Relaxed);
    }
}

/// The two that are asked.
struct World<'a> {
    left: Shop,
    right: Shop,
    told: &'a Told,
}

fn who(shop: &Shop, author: bool) -> (transom_policy::Grant, Principal) {
    if author { shop.author("Ada") } else { shop.everyone() }
}

async fn look(pair: &World<'_>, request: Request, author: bool) -> Result<(), String> {
    let ask = async |shop: &Shop| -> Json {
        let ready = match shop.ready(request.clone(), &who(shop, author), 0) {
            Ok(ready) => ready,
            Err(problem) => return format!("refused: {:?}", problem.code()).into(),
        };
        let Some(step) = ready.steps.into_iter().next() else { return Json::Null };
        match shop.database.read(step.statement).await {
            Ok(body) => {
                let rows: Json = serde_json::from_slice(&body.json.into_bytes().expect("kept"))
                    .unwrap_or_else(|error| error.to_string().into());
                json!({ "rows": rows, "total": body.total })
            }
            Err(error) => format!("{:?}: {}", error.fault, error.message).into(),
        }
    };
    let (left, right) = (ask(&pair.left).await, ask(&pair.right).await);
    pair.told.count(&right);
    agreed(&left, &right)
        .then_some(())
        .ok_or_else(|| format!("author: {author}\n{request:?}\n  left  {left}\n  right {right}"))
}

/// A write, and every row after it.
async fn write(pair: &World<'_>, schema: &Schema, request: Request, author: bool) -> Result<(), String> {
    let ask = async |shop: &Shop| -> Json {
        let ready = match shop.ready(request.clone(), &who(shop, author), 0) {
            Ok(ready) => ready,
            Err(problem) => return format!("refused: {:?}", problem.code()).into(),
        };
        let (reply, unit) = (ready.reply, shop.unit_of(ready.steps));
        match transom_ports::write(&*shop.database, unit).await {
            Ok(mut committed) => {
                let outcome = committed.outcomes.swap_remove(reply.unwrap_or(0));
                let mut rows: Vec<Json> = serde_json::from_str(&outcome.json).unwrap_or_default();
                rows.sort_by_cached_key(sorted);
                json!({ "rows": rows, "count": outcome.rows, "inserted": outcome.inserted })
            }
            // Which of several constraints a row breaks first is the engine's own affair; a policy comes before all.
            Err(error) => match error.fault {
                Fault::Unique(_) | Fault::ForeignKey | Fault::NotNull(_) => "refused".into(),
                Fault::Policy => "not let".into(),
                fault => format!("{fault:?}: {}", error.message).into(),
            },
        }
    };
    let (left, right) = (ask(&pair.left).await, ask(&pair.right).await);
    if !agreed(&left, &right) {
        return Err(format!("author: {author}\n{request:?}\n  left  {left}\n  right {right}"));
    }
    for (at, table) in schema.tables.iter().enumerate() {
        let all = read(&schema.name(at), columns("*").order(&table.key().join(",")));
        look(pair, all, false).await.map_err(|error| format!("after {request:?}\n{error}"))?;
    }
    Ok(())
}

/// Rows that come in no order are put into one: by their key, which every row begins with.
fn sorted(row: &Json) -> String {
    ["id", "r0", "r1"].map(|column| row[column].to_string()).join(" ")
}

fn agreed(left: &Json, right: &Json) -> bool {
    crate::json::same(left, right)
}
