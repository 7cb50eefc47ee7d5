//! Two implementations asked the same, at random: what they answer must not differ. The memory implementation is one of
//! them, so that every engine is held to the same model.

mod expressions;
mod histories;
mod predicates;
mod tape;
mod worlds;

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::{
    prelude::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use serde_json::Value as Json;
use transom_query::request::Operator;

pub use expressions::expressions;
pub use histories::histories;
pub use predicates::{agree, reads};
pub use worlds::worlds;

use crate::{
    Factory, Shop,
    json::same,
    request::{Request, delete, insert, test},
};

/// Repeats a run: the seed that a failure names.
const SEED: &str = "TRANSOM_TEST_SEED";
/// Makes a run so many times as long.
const LONGER: &str = "TRANSOM_TEST_LONGER";
/// How long a failing case is made smaller.
const SHRINK_MS_MAX: u32 = 20_000;

/// Runs an asynchronous property on the current runtime, which must have several threads. Stops at what fails, with the
/// smallest case that was found and the seed that leads to it again.
fn run<T: std::fmt::Debug>(
    cases: u32,
    strategy: impl Strategy<Value = T>,
    property: impl AsyncFn(T) -> Result<(), String>,
) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number(SEED).unwrap_or_else(rand_seed);
    let cases = cases.saturating_mul(number(LONGER).unwrap_or(1) as u32);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        max_shrink_time: SHRINK_MS_MAX,
        ..Config::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        let case = |value| runtime.block_on(property(value)).map_err(TestCaseError::fail);
        TestRunner::new_with_rng(config, rng).run(&strategy, case)
    });
    if let Err(error) = outcome {
        panic!("{error}\nagain: {SEED}={seed}");
    }
}

/// Another one each time.
fn rand_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}

/// The two.
struct Pair {
    left: Shop,
    right: Shop,
    /// Whether the right one refuses what is not of the type that is meant.
    typed: bool,
    compared: AtomicU32,
    refused: AtomicU32,
}

impl Pair {
    async fn open(left: &dyn Factory, right: &dyn Factory) -> Self {
        Self {
            typed: right.traits().typed,
            left: Shop::empty(left).await,
            right: Shop::empty(right).await,
            compared: AtomicU32::new(0),
            refused: AtomicU32::new(0),
        }
    }

    /// Whether two answers are the same, or the right one is a typed engine's refusal.
    fn agrees(&self, left: &Json, right: &Json) -> bool {
        self.compared.fetch_add(1, Ordering::Relaxed);
        if self.typed && matches!(right.as_str(), Some("Type" | "Value")) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        same(left, right)
    }

    /// Runs a property, most of whose questions must not be refused.
    fn run<T: std::fmt::Debug>(
        &self,
        cases: u32,
        strategy: impl Strategy<Value = T>,
        property: impl AsyncFn(T) -> Result<(), String>,
    ) {
        run(cases, strategy, property);
        let (compared, refused) =
            (self.compared.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed));
        assert!(
            refused * 2 <= compared,
            "of {compared} questions {refused} were refused: this compares too little"
        );
    }

    /// Replaces the products of both; ids count from 1.
    async fn fill(&self, rows: &[Json]) -> Result<(), String> {
        let number = |(id, row): (i64, &Json)| {
            let mut row = row.clone();
            row["id"] = id.into();
            // A server takes a document that is neither list nor object for a list of one, where its place is asked for.
            if self.typed
                && row.get("attributes").is_some_and(|document| !document.is_object() && !document.is_null())
            {
                row["attributes"] = Json::Array(vec![row["attributes"].take()]);
            }
            row
        };
        let numbered: Vec<Json> = (1..).zip(rows).map(number).collect();
        for shop in [&self.left, &self.right] {
            let mut steps = vec![delete("products", test("id", Operator::Gt, "0"))];
            if !numbered.is_empty() {
                steps.push(insert("products", numbered.clone().into()));
            }
            shop.write(steps).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Both return the same rows and totals, or fail alike.
    async fn same_rows(&self, what: &str, request: Request) -> Result<(), String> {
        let (left, right) = (answer(&self.left, &request).await, answer(&self.right, &request).await);
        match self.agrees(&left, &right) {
            true => Ok(()),
            false => Err(format!("{what}\n  left  {left}\n  right {right}")),
        }
    }
}

async fn answer(shop: &Shop, request: &Request) -> Json {
    match shop.read(request.clone()).await {
        Ok(body) => {
            let rows: Json = serde_json::from_slice(&body.json.into_bytes().expect("kept"))
                .unwrap_or_else(|error| format!("{error}").into());
            serde_json::json!({ "rows": rows, "total": body.total })
        }
        Err(error) => format!("{:?}", error.fault).into(),
    }
}
