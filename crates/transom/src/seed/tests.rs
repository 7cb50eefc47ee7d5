#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::*;

const SHOP: &str = include_str!("../../../../examples/shop/seed.toml");

fn shop() -> SeedSpec {
    SeedSpec::parse("seed.toml", SHOP).unwrap()
}

fn rows_by_table(spec: &SeedSpec, scale: u32) -> BTreeMap<String, Vec<Map<String, Json>>> {
    let mut tables: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for batch in generate(spec, scale) {
        assert!(batch.rows.len() <= BATCH_ROWS);
        tables.entry(batch.table).or_default().extend(batch.rows);
    }
    tables
}

#[test]
fn the_shop_has_the_promised_size_and_is_always_the_same() {
    let (first, second) = (rows_by_table(&shop(), 1), rows_by_table(&shop(), 1));
    assert_eq!(first, second);
    assert_eq!((first["products"].len(), first["orders"].len()), (1_000, 10_000));
    assert!((24_000..26_000).contains(&first["order_lines"].len()));
    assert_eq!(shop().row_count(1), first.values().map(|rows| rows.len() as u64).sum::<u64>());
    // These pin the rows themselves: tests and benchmarks elsewhere rely on them.
    assert_eq!(first["products"][4]["sku"], "ac1249d4-bdc6-4e74-bbf1-abdbbbaa3751");
    assert_eq!(first["orders"][4]["placed_at"], "2023-07-18T06:32:09.812Z");
    assert_eq!(first["customers"][0]["user_id"], "user-1");
}

#[test]
fn a_greater_scale_only_adds() {
    let (small, large) = (rows_by_table(&shop(), 1), rows_by_table(&shop(), 2));
    assert_eq!(large["products"].len(), 2 * small["products"].len());
    assert_eq!(small["products"], large["products"][..1_000]);
}

#[test]
fn references_and_unique_keys_hold() {
    let tables = rows_by_table(&shop(), 1);
    let numbers = |table: &str, column: &str| -> BTreeSet<u64> {
        tables[table].iter().filter_map(|row| row[column].as_u64()).collect()
    };
    for (table, column, target) in [
        ("categories", "parent_id", "categories"),
        ("products", "category_id", "categories"),
        ("orders", "customer_id", "customers"),
        ("order_lines", "product_id", "products"),
        ("reviews", "customer_id", "customers"),
        ("product_tags", "tag_id", "tags"),
    ] {
        assert!(numbers(table, column).is_subset(&numbers(target, "id")), "{table}.{column}");
    }
    for (table, columns) in [
        ("order_lines", ["order_id", "line_no"]),
        ("reviews", ["product_id", "customer_id"]),
        ("product_tags", ["product_id", "tag_id"]),
        ("products", ["sku", "sku"]),
        ("categories", ["name", "name"]),
        ("tags", ["name", "name"]),
    ] {
        let keys: BTreeSet<_> = tables[table].iter().map(|row| columns.map(|c| row[c].to_string())).collect();
        assert_eq!(keys.len(), tables[table].len(), "{table} {columns:?}");
    }
    let prices: Vec<&Json> = tables["products"].iter().map(|row| &row["price_cents"]).collect();
    for line in &tables["order_lines"] {
        assert_eq!(&line["unit_price_cents"], prices[line["product_id"].as_u64().unwrap() as usize - 1]);
    }
}

#[test]
fn edge_values_are_there() {
    let tables = rows_by_table(&shop(), 1);
    let text = |table: &str, column: &str| -> String {
        tables[table].iter().filter_map(|row| row[column].as_str()).collect::<Vec<_>>().join("\u{0}")
    };
    let all = text("products", "description");
    for part in ["👩‍👩‍👧‍👦", "كرسي", "e\u{301}", "DROP TABLE", "\n", "\u{0}\u{0}"] {
        assert!(all.contains(part), "{part:?}");
    }
    assert!(tables["products"].iter().all(|row| row["name"] != ""), "names are never empty");
    assert!(tables["products"].iter().any(|row| row["weight_kg"].is_null()));
    assert!(tables["products"].iter().any(|row| row["attributes"]["big"] == i64::MAX));
}

/// The faults of a specification.
fn check_faults(text: &str, expected: &[&str]) {
    assert_eq!(SeedSpec::parse("seed.toml", text).err().unwrap_or_default(), expected);
}

#[test]
fn faults_are_named() {
    check_faults(
        "[[table]]\nname = \"a\"\nrows = 1\n[table.columns]\nx = { kind = \"integer\" }\ny = { kind = \"reference\", table = \"b\" }\nz = { kind = \"ordinal\" }\n\
         w = { kind = \"copied\", through = \"x\", column = \"q\" }\n[[table]]\nname = \"b\"\n[table.columns]\n",
        &[
            "seed.toml: `a.w` goes through `x`, which is not a reference of this table",
            "seed.toml: `a.x` needs `min` and `max`",
            "seed.toml: `a.y` refers to `b`, which is filled later: put it before",
            "seed.toml: `a.z` is of a kind that only a table with `per` has",
            "seed.toml: `b` give either `rows` and `rows_per_scale`, or `per`",
        ],
    );
    let faults = SeedSpec::parse("seed.toml", "[[table]]\nname = \"a\"\nrowz = 1\n").unwrap_err();
    assert!(faults[0].contains("line 3") && faults[0].contains("rowz"), "{faults:?}");
}
