//! Random predicates over random rows: which rows match, and what random reads return of them.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use serde_json::{Value as Json, json};
use transom_query::request::{IsValue, Operator, Quantifier};

use super::Pair;
use crate::{
    Factory,
    request::{Where, columns, read},
};

/// Which rows random predicates match.
pub async fn agree(left: &dyn Factory, right: &dyn Factory, cases: u32) {
    let pair = Pair::open(left, right).await;
    pair.run(cases, (vec(row(), 1..12), vec(predicate(), 24)), async |(rows, predicates)| {
        pair.fill(&rows).await?;
        for predicate in &predicates {
            let ids = read("products", columns("id").filter(predicate.clone()).order("id"));
            pair.same_rows(&format!("{predicate:?}"), ids).await?;
        }
        Ok(())
    });
}

/// What random reads return: columns and casts in random order, pages of them, and groups.
pub async fn reads(left: &dyn Factory, right: &dyn Factory, cases: u32) {
    let pair = Pair::open(left, right).await;
    pair.run(cases, (vec(row(), 0..12), vec((predicate(), wanted()), 12)), async |(rows, reads)| {
        pair.fill(&rows).await?;
        for (predicate, (list, order, limit, offset)) in reads {
            // The server takes a document that is no list for a list of one.
            let list = if pair.typed { list.replace(",first:attributes->0", "") } else { list.to_owned() };
            let wanted = columns(&list).order(&format!("{order},id")).limit(limit).offset(offset);
            pair.same_rows(
                &format!("{list} {order} {predicate:?}"),
                read("products", wanted.filter(predicate.clone())).counted(),
            )
            .await?;
            let groups = columns(&format!(
                "{0},count(),s:stock.max(),p:price.min(),w:weight.count()",
                order.split('.').next().unwrap_or(order)
            ));
            pair.same_rows(
                &format!("groups by {order} {predicate:?}"),
                read("products", groups.filter(predicate).order(order)),
            )
            .await?;
        }
        Ok(())
    });
}

fn wanted() -> impl Strategy<Value = (&'static str, &'static str, i64, i64)> {
    let lists = vec![
        "*",
        "id,text:stock::text,price,weight",
        "id,a:attributes->a,t:attributes->>a,first:attributes->0,c:attributes->b->>c",
        // FIXME: `active::text` once `booleans_as_text` holds everywhere.
        "id,flag:active,n:name,day:released::text",
    ];
    let orders = vec![
        "name",
        "name.desc",
        "price",
        "price.desc",
        "weight",
        "weight.desc.nullslast",
        "weight.nullsfirst",
        "stock.desc",
        "active",
        "active.desc",
        "image",
        "released.desc",
        "attributes->>a",
    ];
    (select(lists), select(orders), 0..8_i64, 0..4_i64)
}

fn nullable(of: impl Strategy<Value = Json> + 'static) -> impl Strategy<Value = Json> {
    prop_oneof![1 => Just(Json::Null), 4 => of]
}

fn text() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "",
        "a",
        "A",
        "ab",
        "aB",
        "ä",
        "Ä",
        "ß",
        "a%b",
        "a_b",
        "a\\b",
        "10",
        "9",
        "9.0",
        "true",
        "null",
        "\u{1F600}",
        "a\nb",
        "'",
    ];
    prop_oneof![4 => select(WORDS).prop_map(str::to_owned), 1 => "[abAB%_\\\\]{0,4}"]
}

fn number() -> impl Strategy<Value = String> {
    const NUMBERS: &[&str] = &["0", "-1", "1", "2", "10", "9", "9007199254740993", "-9223372036854775808"];
    select(NUMBERS).prop_map(str::to_owned)
}

fn decimal() -> impl Strategy<Value = String> {
    const DECIMALS: &[&str] =
        &["0", "-1", "1", "2.5", "2.50", "10", "9.99", "0.1", "1e3", "-0.5", "100000000000"];
    select(DECIMALS).prop_map(str::to_owned)
}

/// Arrays of texts, which contain nothing nested and no numbers.
fn arrays() -> impl Strategy<Value = Json> {
    select(vec![json!([]), json!(["a"]), json!(["a", null]), json!(["b", "x"])])
}

fn document() -> impl Strategy<Value = Json> {
    let documents = [
        json!({}),
        json!([]),
        json!(1),
        json!("a"),
        json!(true),
        json!({ "a": 1 }),
        json!({ "a": "1" }),
        json!({ "a": null }),
        json!({ "a": [1, 2], "b": { "c": "x" } }),
        json!([1, "a", null]),
        json!({ "a": true }),
        json!([[1], 2]),
        json!({ "a": 1.5 }),
    ];
    select(documents.to_vec())
}

pub(super) fn row() -> impl Strategy<Value = Json> {
    let parse = |text: String| serde_json::from_str::<Json>(&text).unwrap_or(Json::Null);
    let bytes = select(vec!["\\x", "\\x00", "\\xff", "\\x61"]).prop_map(Json::from);
    let dates = select(vec!["2024-01-31", "1999-12-31", "2024-02-01"]).prop_map(Json::from);
    let parts = (
        text(),
        decimal().prop_map(parse),
        nullable(decimal().prop_map(parse)),
        number().prop_map(parse),
        nullable(any::<bool>().prop_map(Json::from)),
        nullable(document()),
        nullable(bytes),
        nullable(dates),
    );
    parts.prop_map(|(name, price, weight, stock, active, attributes, image, released)| {
        json!({ "name": name, "price": price, "weight": weight, "stock": stock, "active": active,
            "attributes": attributes, "image": image, "released": released })
    })
}

fn comparison() -> impl Strategy<Value = Operator> {
    use Operator::{Eq, Gt, Gte, IsDistinct, Lt, Lte, Neq};
    select(vec![Eq, Neq, Gt, Gte, Lt, Lte, IsDistinct])
}

/// Those that take a quantifier.
fn quantifiable() -> impl Strategy<Value = Operator> {
    use Operator::{Eq, Gt, Gte, Lt, Lte};
    select(vec![Eq, Gt, Gte, Lt, Lte])
}

/// A column with what it can be compared with.
fn typed() -> impl Strategy<Value = (String, Vec<String>)> {
    let of = |column: &'static str, values: proptest::strategy::BoxedStrategy<String>| {
        vec(values, 1..4).prop_map(move |values| (column.to_owned(), values))
    };
    prop_oneof![
        of("name", text().boxed()),
        of("price", decimal().boxed()),
        of("weight", decimal().boxed()),
        of("stock", number().boxed()),
        of("active", select(vec!["true", "false"]).prop_map(str::to_owned).boxed()),
        of("image", select(vec!["\\x", "\\x00", "\\x61"]).prop_map(str::to_owned).boxed()),
        of("released", select(vec!["2024-01-31", "2000-01-01"]).prop_map(str::to_owned).boxed()),
        of("attributes->>a", text().boxed()),
        of("attributes->b->>c", text().boxed()),
        of("attributes->>0", text().boxed()),
    ]
}

fn leaf() -> impl Strategy<Value = Where> {
    use Operator::{ContainedIn, Contains, Ilike, Imatch, Like, Match, Overlaps};
    let quantifier = || select(vec![Quantifier::Any, Quantifier::All]);
    // A pattern that ends within an escape is an error to some engines.
    let pattern = "([ab%_AäÄ]|\\\\[a%_\\\\]){0,4}";
    let regex = select(vec!["a", "^a", "b$", "^$", "[ab]+", "a.b", "Ä", "\\d"]).prop_map(str::to_owned);
    let columns = select(vec!["name", "attributes->>a"]).prop_map(str::to_owned);
    let is = select(vec![IsValue::Null, IsValue::NotNull]);
    let truth = select(vec![IsValue::True, IsValue::False, IsValue::Unknown]);
    let contains = select(vec![Contains, Overlaps]);
    let contains_any = select(vec![Contains, ContainedIn, Overlaps]);
    prop_oneof![
        4 => (typed(), comparison()).prop_map(|((column, values), operator)| Where::Compare(column, operator, values[0].clone())),
        2 => typed().prop_map(|(column, values)| Where::In(column, values)),
        2 => (typed(), quantifiable(), quantifier())
            .prop_map(|((column, values), operator, quantifier)| Where::Quantified(column, operator, quantifier, values)),
        1 => (typed(), is).prop_map(|((column, _), is)| Where::Is(column, is)),
        1 => truth.prop_map(|is| Where::Is("active".into(), is)),
        2 => (columns, select(vec![Like, Ilike]), pattern).prop_map(|(column, operator, pattern)| Where::Compare(column, operator, pattern)),
        1 => (select(vec![Match, Imatch]), regex).prop_map(|(operator, regex)| Where::Compare("name".into(), operator, regex)),
        1 => (contains, arrays()).prop_map(|(operator, of)| Where::Compare("attributes".into(), operator, of.to_string())),
        // FIXME: any document, once `json_containment_of_scalars` holds everywhere.
        0 => (contains_any, document()).prop_map(|(operator, of)| Where::Compare("attributes".into(), operator, of.to_string())),
    ]
}

pub(super) fn predicate() -> impl Strategy<Value = Where> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Where::And),
            vec(inner.clone(), 1..4).prop_map(Where::Or),
            inner.prop_map(|of| Where::Not(Box::new(of))),
        ]
    })
}
