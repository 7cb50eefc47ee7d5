//! Every operator, and what is unknown.

use serde_json::{Value as Json, json};
use transom_query::request::{
    FullTextKind, IsValue,
    Operator::{
        ContainedIn, Contains, Eq, Gt, Gte, Ilike, Imatch, IsDistinct, Like, Lt, Lte, Match, Neq, Overlaps,
    },
    Quantifier::{All, Any},
};

use crate::{
    Factory, Shop,
    request::{Where, among, columns, eq, insert, is, not, quantified, read, test, update},
};

async fn check(shop: &Shop, filter: Where, expected: &[i64]) {
    let expected: Vec<Json> = expected.iter().map(|id| json!({ "id": id })).collect();
    let what = format!("{filter:?}");
    shop.check(&what, read("products", columns("id").filter(filter).order("id")), expected.into()).await;
}

pub async fn comparisons(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, eq("id", "3"), &[3]).await;
    check(&shop, test("id", Neq, "3"), &[1, 2, 4, 5]).await;
    check(&shop, test("stock", Gt, "5"), &[1]).await;
    check(&shop, test("stock", Gte, "5"), &[1, 3, 5]).await;
    check(&shop, test("stock", Lt, "0"), &[4]).await;
    check(&shop, test("stock", Lte, "0"), &[2, 4]).await;
    check(&shop, eq("price", "24.99"), &[3, 5]).await;
    check(&shop, eq("price", "24.990"), &[3, 5]).await;
    check(&shop, eq("price", "12.00"), &[2]).await;
    check(&shop, test("price", Lt, "9.51"), &[1, 4]).await;
    check(&shop, test("price", Gt, "1e1"), &[2, 3, 5]).await;
    check(&shop, eq("weight", "2"), &[5]).await;
    check(&shop, test("weight", Gte, "0.3"), &[1, 3, 5]).await;
    check(&shop, eq("name", "Emma"), &[1]).await;
    check(&shop, test("name", Lt, "a"), &[1, 3, 5]).await;
    check(&shop, test("name", Gt, "z"), &[4]).await;
    check(&shop, eq("name", "'; DROP TABLE products; --"), &[]).await;
}

pub async fn nulls_are_unknown(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, test("weight", Neq, "1.5"), &[1, 5]).await;
    check(&shop, not(eq("weight", "1.5")), &[1, 5]).await;
    check(&shop, Where::Or(vec![eq("weight", "1.5"), not(eq("weight", "1.5"))]), &[1, 3, 5]).await;
    check(&shop, test("weight", IsDistinct, "1.5"), &[1, 2, 4, 5]).await;
    check(&shop, not(test("weight", IsDistinct, "1.5")), &[3]).await;
    check(&shop, not(among("weight", &["1.5"])), &[1, 5]).await;
    check(&shop, Where::And(vec![eq("active", "true"), test("weight", Gt, "0")]), &[1, 3]).await;
    check(&shop, not(Where::And(vec![eq("active", "true"), test("weight", Gt, "1")])), &[1, 2]).await;
}

pub async fn lists(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, among("id", &["1", "4", "9"]), &[1, 4]).await;
    check(&shop, among("id", &[]), &[]).await;
    check(&shop, not(among("id", &[])), &[1, 2, 3, 4, 5]).await;
    check(&shop, among("name", &["Emma", "Zange", "a,b", "\"quoted\""]), &[1, 5]).await;
    check(&shop, among("price", &["24.99", "0.5"]), &[3, 4, 5]).await;
    check(&shop, among("active", &["true"]), &[1, 3, 4]).await;
    check(&shop, among("active", &["false", "true"]), &[1, 2, 3, 4]).await;
    check(&shop, among("code", &["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"]), &[1]).await;
    check(&shop, among("released", &["1999-12-31"]), &[5]).await;
    let many: Vec<String> = (0..2_000).map(|id| id.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(&shop, among("stock", &many), &[1, 2, 3, 5]).await;
}

pub async fn quantifiers(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, quantified("id", Eq, Any, &["1", "2"]), &[1, 2]).await;
    check(&shop, quantified("id", Gt, All, &["1", "3"]), &[4, 5]).await;
    check(&shop, quantified("id", Lt, Any, &["2", "3"]), &[1, 2]).await;
    check(&shop, quantified("name", Like, Any, &["E%", "Z%"]), &[1, 5]).await;
    check(&shop, quantified("name", Like, All, &["%m%", "%e%"]), &[2, 3, 4]).await;
    check(&shop, quantified("name", Ilike, All, &["e%", "%A"]), &[1, 2]).await;
    check(&shop, quantified("name", Match, Any, &["^E", "r$"]), &[1, 3]).await;
    check(&shop, quantified("id", Eq, Any, &[]), &[]).await;
    check(&shop, quantified("id", Eq, All, &[]), &[1, 2, 3, 4, 5]).await;
    check(&shop, not(quantified("weight", Gt, Any, &["1"])), &[1]).await;
}

pub async fn patterns(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, test("name", Like, "E%"), &[1]).await;
    check(&shop, test("name", Ilike, "e%"), &[1, 2]).await;
    check(&shop, test("name", Like, "_mma"), &[1, 2]).await;
    check(&shop, test("name", Ilike, "ärmel%"), &[4]).await;
    check(&shop, test("name", Like, "%\\_50\\%"), &[4]).await;
    check(&shop, test("name", Like, "%\\%%"), &[4]).await;
    check(&shop, test("name", Like, ""), &[]).await;
    check(&shop, test("name", Like, "_____"), &[5]).await;
    check(&shop, test("name", Match, "^[A-Z].*a"), &[1, 3, 5]).await;
    check(&shop, test("name", Imatch, "^EMMA$"), &[1, 2]).await;
    check(&shop, test("name", Match, "[0-9]+"), &[4]).await;
    check(&shop, not(test("name", Like, "%m%")), &[5]).await;
    let broken = shop.read(read("products", columns("id").filter(test("name", Match, "(")))).await;
    assert_eq!(broken.expect_err("an invalid pattern").fault, transom_ports::Fault::Pattern);
}

pub async fn truth_values(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, is("active", IsValue::True), &[1, 3, 4]).await;
    check(&shop, is("active", IsValue::False), &[2]).await;
    check(&shop, is("active", IsValue::Unknown), &[5]).await;
    check(&shop, is("active", IsValue::Null), &[5]).await;
    check(&shop, is("active", IsValue::NotNull), &[1, 2, 3, 4]).await;
    check(&shop, not(is("active", IsValue::True)), &[2, 5]).await;
    check(&shop, not(is("active", IsValue::False)), &[1, 3, 4, 5]).await;
    check(&shop, eq("active", "true"), &[1, 3, 4]).await;
    check(&shop, not(eq("active", "t")), &[2]).await;
    check(&shop, is("attributes", IsValue::Null), &[5]).await;
}

pub async fn json_paths(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, eq("attributes->>size", "m"), &[1]).await;
    check(&shop, test("attributes->>size", Neq, "m"), &[3]).await;
    check(&shop, is("attributes->>size", IsValue::Null), &[2, 4, 5]).await;
    check(&shop, eq("attributes->0", "\"a\""), &[2]).await;
    check(&shop, eq("attributes->>0", "a"), &[2]).await;
    check(&shop, eq("attributes->>-1", "b"), &[2]).await;
    check(&shop, eq("attributes->pages->>1", "2"), &[1]).await;
    check(&shop, eq("attributes->pages->0", "1"), &[1]).await;
    check(&shop, is("attributes->deep->>a", IsValue::Null), &[1, 2, 3, 4, 5]).await;
    check(&shop, is("attributes->deep->a", IsValue::NotNull), &[1]).await;
    check(&shop, eq("attributes->deep->>b", "true"), &[1]).await;
    check(&shop, test("attributes->>size", Like, "_"), &[1, 3]).await;
    check(&shop, eq("attributes->>si'ze", "m"), &[]).await;
}

pub async fn json_containment(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, test("attributes", Contains, r#"{"size":"m"}"#), &[1]).await;
    check(&shop, test("attributes", Contains, r#"{"pages":[3,1]}"#), &[1]).await;
    check(&shop, test("attributes", Contains, r#"{"pages":[]}"#), &[1, 3]).await;
    check(&shop, test("attributes", Contains, "{}"), &[1, 3]).await;
    check(&shop, test("attributes", Contains, r#"["b"]"#), &[2]).await;
    check(&shop, test("attributes", Contains, r#""b""#), &[2]).await;
    check(&shop, test("attributes", ContainedIn, r#"["a","b","c"]"#), &[2]).await;
    check(&shop, test("attributes", ContainedIn, r#"["text"]"#), &[4]).await;
    check(&shop, test("attributes->pages", Contains, "[2]"), &[1]).await;
    check(&shop, test("attributes", Overlaps, r#"["b","x"]"#), &[2]).await;
    check(&shop, not(test("attributes", Contains, "{}")), &[2, 4]).await;
}

pub async fn times_and_bytes(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, test("updated_at", Gte, "2024-05-01T10:00:00Z"), &[1, 2]).await;
    check(&shop, test("released", Lt, "1999-12-31"), &[1]).await;
    check(&shop, test("opens", Gt, "09:30:00"), &[3]).await;
    check(&shop, eq("image", "\\x00ff"), &[1]).await;
    check(&shop, test("image", Neq, "\\x00ff"), &[3]).await;
    check(&shop, eq("image", "\\x"), &[3]).await;
    check(&shop, eq("code", "a0eebc999c0b4ef8bb6d6bb9bd380a11"), &[1]).await;
}

pub async fn logic(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let cheap = || test("price", Lt, "10");
    let tool = || eq("category_id", "3");
    check(&shop, Where::And(vec![cheap(), tool()]), &[]).await;
    check(&shop, Where::Or(vec![cheap(), tool()]), &[1, 3, 4, 5]).await;
    check(&shop, not(Where::Or(vec![cheap(), tool()])), &[2]).await;
    check(&shop, not(Where::And(vec![cheap(), tool()])), &[1, 2, 3, 5]).await;
    let nested = Where::Or(vec![Where::And(vec![cheap(), not(tool())]), eq("id", "5")]);
    check(&shop, nested, &[1, 5]).await;
    check(&shop, not(not(tool())), &[3, 5]).await;
}

/// An array contains a bare scalar only at the top, as in PostgreSQL; numbers are compared by value.
pub async fn json_containment_of_scalars(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, test("attributes", Contains, r#"{"pages":1}"#), &[]).await;
    check(&shop, test("attributes", Contains, r#"{"pages":[1.0]}"#), &[1]).await;
    check(&shop, test("attributes->pages", Contains, "2.0"), &[1]).await;
    check(&shop, test("attributes->pages", Overlaps, "[9,3.0]"), &[1]).await;
    check(&shop, test("attributes", Overlaps, "\"text\""), &[]).await;
}

/// Nothing in an empty list compares, so even NULL is not unknown.
pub async fn null_and_empty_lists(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    check(&shop, not(among("weight", &[])), &[1, 2, 3, 4, 5]).await;
    check(&shop, not(quantified("weight", Eq, Any, &[])), &[1, 2, 3, 4, 5]).await;
    check(&shop, quantified("weight", Eq, All, &[]), &[1, 2, 3, 4, 5]).await;
}

pub async fn full_text(factory: &dyn Factory) {
    let shop = Shop::open(factory).await;
    let search = |kind, words: &str| Where::FullText("name".into(), kind, words.into());
    let more = json!([{ "id": 20, "name": "blue suede shoes", "price": 1 }, { "id": 21, "name": "shoes, blue", "price": 1 }]);
    shop.write(vec![insert("products", more)]).await.expect("goes in");
    check(&shop, search(FullTextKind::Plain, "emma"), &[1, 2]).await;
    check(&shop, search(FullTextKind::Plain, "shoes blue"), &[20, 21]).await;
    check(&shop, search(FullTextKind::Phrase, "blue suede"), &[20]).await;
    check(&shop, search(FullTextKind::Phrase, "suede blue"), &[]).await;
    check(&shop, search(FullTextKind::Web, "shoes -suede or hammer"), &[3, 21]).await;
    check(&shop, search(FullTextKind::Query, "(emma | zange) & !hammer"), &[1, 2, 5]).await;
    check(&shop, search(FullTextKind::Query, "su:*"), &[20]).await;
    check(&shop, not(search(FullTextKind::Plain, "shoes")), &[1, 2, 3, 4, 5]).await;
    let renamed = update("products", eq("id", "20"), json!({ "name": "boots" }));
    shop.write(vec![renamed, crate::request::delete("products", eq("id", "21"))]).await.expect("is written");
    check(&shop, search(FullTextKind::Plain, "shoes"), &[]).await;
    check(&shop, search(FullTextKind::Plain, "boots"), &[20]).await;
}
