//! Properties: what is printed parses back to an equal request, and no bytes make the parser panic.

use proptest::{collection::vec, option, prelude::*};
use transom_query::request::{
    Action, Aggregate, Condition, Cursor, DataRequest, Embed, Expect, Field, Filter, FullTextKind, IsValue,
    Item, JsonKey, JsonStep, Literal, Operator, Order, Path, Quantifier, Resource, Returning, Select, Shape,
    Slot, Test, Values,
};

use super::{functions, get};
use crate::rest::{
    Allowed, Head, Headers,
    build::{and_also, conjunction, disjunction},
    parse, parse_batch, preferences, print,
};

/// A test whose value is not cut out yet.
#[derive(Clone, Debug)]
enum Draft {
    Compare(Operator, String),
    Quantified(Operator, Quantifier, Vec<String>),
    In(Vec<String>),
    Is(IsValue),
    FullText(FullTextKind, Option<Box<str>>, String),
}

#[derive(Clone, Debug)]
enum Tree {
    Leaf(Path, Option<Aggregate>, Draft),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

#[derive(Clone, Debug)]
struct Level {
    items: Vec<Item>,
    filters: Vec<Tree>,
    having: Vec<Tree>,
    order: Vec<Order>,
    limit: Option<u32>,
    offset: Option<u32>,
    embeds: Vec<(Embed, Level)>,
}

fn name() -> impl Strategy<Value = Box<str>> {
    prop_oneof![
        3 => "[a-z_][a-z0-9_]{0,6}",
        1 => "[ -~]{1,6}",
        1 => "\\PC{1,4}",
        1 => prop::sample::select(vec![
            "select", "order", "and", "or", "not", "eq", "in", "is", "count", "sum", "limit", "cursor", "having", "null",
            "a.b", "a->b", "a-", "-", "->", " ", "\"", "\\", "\\\"", "*", "x*", "0", "-1", "a b", "الاسم", "inner", "a(b)", "a::b", "'; drop table x --",
        ]).prop_map(str::to_owned),
    ]
    .prop_map(Into::into)
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[a-z0-9]{0,5}",
        1 => "[ -~]{0,8}",
        1 => "[^\0]{0,5}",
        1 => prop::sample::select(vec!["", "null", "a,b", ")", "(", "{a,b}", "\"x\"", "\"", "\\", "$ref(0.id)", "%", "+", "&", "=", "#", "not.eq.1", "\r\n"]).prop_map(str::to_owned),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    let key = prop_oneof![name().prop_map(JsonKey::Member), any::<i64>().prop_map(JsonKey::Index)];
    let step = (key, any::<bool>()).prop_map(|(key, as_text)| JsonStep { key, as_text });
    (name(), vec(step, 0..3)).prop_map(|(column, json)| Path { column, json })
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    prop::sample::select(vec![
        Aggregate::Count,
        Aggregate::Sum,
        Aggregate::Avg,
        Aggregate::Max,
        Aggregate::Min,
    ])
}

fn draft() -> impl Strategy<Value = Draft> {
    use Operator::*;
    let plain = prop::sample::select(vec![
        Eq,
        Neq,
        Gt,
        Gte,
        Lt,
        Lte,
        Match,
        Imatch,
        IsDistinct,
        StrictlyLeft,
        StrictlyRight,
        NotRightOf,
        NotLeftOf,
        Adjacent,
    ]);
    let quantifiable = prop::sample::select(vec![Eq, Gt, Gte, Lt, Lte, Match, Imatch]);
    let quantifier = prop::sample::select(vec![Quantifier::Any, Quantifier::All]);
    // `*` in a pattern and braces in `cs` are rewritten on the way in, so they are no fixed points.
    let like = (prop::sample::select(vec![Like, Ilike]), value().prop_map(|text| text.replace('*', "%")));
    let contains = (
        prop::sample::select(vec![Contains, ContainedIn, Overlaps]),
        value().prop_map(|text| text.replace('{', "[")),
    );
    let kind = prop::sample::select(vec![
        FullTextKind::Query,
        FullTextKind::Plain,
        FullTextKind::Phrase,
        FullTextKind::Web,
    ]);
    let is = prop::sample::select(vec![
        IsValue::Null,
        IsValue::NotNull,
        IsValue::True,
        IsValue::False,
        IsValue::Unknown,
    ]);
    prop_oneof![
        4 => (plain, value()).prop_map(|(operator, value)| Draft::Compare(operator, value)),
        1 => prop_oneof![like, contains].prop_map(|(operator, value)| Draft::Compare(operator, value)),
        1 => (quantifiable, quantifier, vec(value(), 0..3)).prop_map(|(operator, quantifier, list)| Draft::Quantified(operator, quantifier, list)),
        1 => vec(value(), 0..4).prop_map(Draft::In),
        1 => is.prop_map(Draft::Is),
        1 => (kind, option::of(name()), value()).prop_map(|(kind, language, words)| Draft::FullText(kind, language, words)),
    ]
}

fn tree(aggregates: bool) -> impl Strategy<Value = Tree> {
    let aggregate = option::weighted(if aggregates { 0.7 } else { 0.01 }, aggregate());
    let leaf =
        (path(), aggregate, draft()).prop_map(|(path, aggregate, draft)| Tree::Leaf(path, aggregate, draft));
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Tree::And),
            vec(inner.clone(), 2..4).prop_map(Tree::Or),
            inner.prop_map(|tree| Tree::Not(Box::new(tree))),
        ]
    })
}

fn item() -> impl Strategy<Value = Item> {
    let cast = || option::weighted(0.2, name());
    let aggregate = option::weighted(0.3, (aggregate(), cast()));
    prop_oneof![
        1 => Just(Item::All),
        1 => (option::of(name()), cast()).prop_map(|(alias, aggregate_cast)| Item::Field(Field { alias, path: None, cast: None, aggregate: Some(Aggregate::Count), aggregate_cast })),
        4 => (option::of(name()), path(), cast(), aggregate).prop_map(|(alias, path, cast, aggregate)| {
            let (aggregate, aggregate_cast) = aggregate.map_or((None, None), |(aggregate, cast)| (Some(aggregate), cast));
            Item::Field(Field { alias, path: Some(path), cast, aggregate, aggregate_cast })
        }),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    (
        option::weighted(0.2, name()),
        path(),
        option::weighted(0.2, option::of(aggregate())),
        any::<bool>(),
        option::of(any::<bool>()),
    )
        .prop_map(|(embed, path, aggregate, descending, nulls_first)| {
            // A related column takes no aggregate, and `None` inside `Some` stands for `count()`.
            let aggregate = aggregate.filter(|_| embed.is_none());
            let path = (aggregate != Some(None)).then_some(path);
            let aggregate = aggregate.map(|aggregate| aggregate.unwrap_or(Aggregate::Count));
            Order { embed, path, aggregate, descending, nulls_first }
        })
}

fn level(depth: u32) -> BoxedStrategy<Level> {
    let embed = (option::of(name()), name(), option::of(name()), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(alias, resource, hint, inner, spread, empty)| Embed {
            alias,
            resource,
            hint,
            inner,
            spread,
            select: Select::default(),
            empty,
        });
    let embeds = match depth {
        0 => Just(Vec::new()).boxed(),
        _ => vec((embed, level(depth - 1)), 0..3).boxed(),
    };
    let parts = (vec(item(), 0..4), vec(tree(false), 0..3), vec(tree(true), 0..2), vec(order(), 0..3));
    (parts, option::of(any::<u32>()), option::of(1..u32::MAX), embeds)
        .prop_map(|((items, filters, having, order), limit, offset, embeds)| Level {
            items,
            filters,
            having,
            order,
            limit,
            offset,
            embeds,
        })
        .boxed()
}

/// Cuts the values out, in the order in which the canonical URL has them.
struct Assembly(Vec<Literal>);

impl Assembly {
    fn slot(&mut self, literal: Literal) -> Slot {
        self.0.push(literal);
        Slot(self.0.len() as u16 - 1)
    }

    fn list(&mut self, list: &[String]) -> Slot {
        self.slot(Literal::List(list.iter().map(|text| text.as_str().into()).collect()))
    }

    fn test(&mut self, draft: &Draft) -> Test {
        match draft {
            Draft::Compare(operator, text) => {
                Test::Compare(*operator, None, self.slot(Literal::Text(text.as_str().into())))
            }
            Draft::Quantified(operator, quantifier, list) => {
                Test::Compare(*operator, Some(*quantifier), self.list(list))
            }
            Draft::In(list) => Test::In(self.list(list)),
            Draft::Is(is) => Test::Is(*is),
            Draft::FullText(kind, language, text) => {
                let query = self.slot(Literal::Text(text.as_str().into()));
                Test::FullText { kind: *kind, language: language.clone(), query }
            }
        }
    }

    fn tree(&mut self, tree: &Tree) -> Filter {
        match tree {
            Tree::Leaf(path, aggregate, draft) => Filter::Condition(Condition {
                path: Some(path.clone()),
                aggregate: *aggregate,
                test: self.test(draft),
            }),
            Tree::And(parts) => conjunction(parts.iter().map(|part| self.tree(part)).collect()),
            Tree::Or(parts) => disjunction(parts.iter().map(|part| self.tree(part)).collect()),
            Tree::Not(part) => Filter::Not(Box::new(self.tree(part))),
        }
    }

    fn trees(&mut self, trees: &[Tree]) -> Option<Filter> {
        let mut filter = None;
        for tree in trees {
            let part = self.tree(tree);
            and_also(&mut filter, part);
        }
        filter
    }

    /// The root's limit and offset are cut out last.
    fn select(&mut self, level: &Level, root: bool) -> Select {
        let mut select =
            Select { items: level.items.clone(), order: level.order.clone(), ..Select::default() };
        select.filter = self.trees(&level.filters);
        select.having = self.trees(&level.having);
        if !root {
            select.limit = level.limit.map(|rows| self.slot(Literal::Integer(rows.into())));
            select.offset = level.offset.map(|rows| self.slot(Literal::Integer(rows.into())));
        }
        let mut called: Vec<Box<str>> = Vec::new();
        for (embed, level) in &level.embeds {
            // Of two with one name, only the first could be filtered.
            let name = embed.alias.as_ref().unwrap_or(&embed.resource).clone();
            if called.contains(&name) {
                continue;
            }
            called.push(name);
            let mut embed = embed.clone();
            embed.select = self.select(level, false);
            if embed.empty {
                drop_outputs(&mut embed.select);
            }
            select.items.push(Item::Embed(embed));
        }
        if root {
            select.limit = level.limit.map(|rows| self.slot(Literal::Integer(rows.into())));
            select.offset = level.offset.map(|rows| self.slot(Literal::Integer(rows.into())));
        }
        if select.items == [Item::All] {
            select.items.clear();
        }
        select
    }
}

/// `resource()` has no items, and so nothing can be embedded in it; the values of what was are left over.
fn drop_outputs(select: &mut Select) {
    select.items.clear();
}

fn request() -> impl Strategy<Value = DataRequest> {
    (name(), option::weighted(0.2, vec(value(), 1..3)), level(2), any::<bool>()).prop_map(
        |(table, key, mut level, paged)| {
            forget_below_empty(&mut level);
            let mut assembly = Assembly(Vec::new());
            let mut select = assembly.select(&level, true);
            let resource = match key {
                Some(key) if key.iter().all(|part| !part.is_empty()) => {
                    let slots =
                        key.iter().map(|part| assembly.slot(Literal::Text(part.as_str().into()))).collect();
                    Resource::Row(table, slots)
                }
                _ => Resource::Table(table),
            };
            let row = matches!(resource, Resource::Row(..));
            if paged && !row && select.offset.is_none() {
                let after = vec![
                    assembly.slot(Literal::Text("\"x\"".into())),
                    assembly.slot(Literal::Text("null".into())),
                ];
                select.cursor = Some(Cursor { after: Some(after) });
            }
            let shape = Shape {
                resource,
                action: Action::Read,
                select,
                returning: Returning::Rows,
                count: None,
                expect: if row { Expect::One } else { Expect::Any },
                accepts: Vec::new(),
            };
            DataRequest { shape, values: Values { literals: assembly.0, ..Values::default() } }
        },
    )
}

fn forget_below_empty(level: &mut Level) {
    for (embed, below) in &mut level.embeds {
        if embed.empty {
            below.embeds.clear();
        }
        forget_below_empty(below);
    }
}

/// Path segments that mean something else than a table.
fn is_table(request: &DataRequest) -> bool {
    let (Resource::Table(name) | Resource::Row(name, _) | Resource::Function(name)) = &request.shape.resource;
    !matches!(&**name, "rpc" | "$batch") && !name.contains('\0')
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_back(request in request().prop_filter("a table", is_table)) {
        let url = print::url(&request);
        prop_assert!(url.is_ascii());
        let parsed = get(&url).map_err(|problem| TestCaseError::fail(format!("{url}: {problem:?}")))?;
        prop_assert_eq!(&parsed.request, &request, "{}", url);
    }

    #[test]
    fn no_text_makes_it_panic(path in "\\PC{0,20}", query in "\\PC{0,60}", header in "\\PC{0,40}", body in vec(any::<u8>(), 0..60)) {
        let headers = Headers { accept: Some(&header), content_type: Some(&header), prefer: vec![&header], range: Some(&header), if_match: Some(&header), idempotency_key: Some(&header), ..Headers::default() };
        for method in [http::Method::GET, http::Method::POST, http::Method::PUT] {
            let head = Head { method, path: &path, query: &query, headers: headers.clone(), ..Head::default() };
            let _ = parse(&head, Some(&body), &functions);
        }
        let _ = (parse_batch(&body, &functions), preferences(&[&header], &Allowed::default()));
    }

    #[test]
    fn nothing_like_the_grammar_makes_it_panic(parts in vec(prop::sample::select(vec![
        "select=", "order=", "or=", "and=", "having=", "cursor=", "a=", "e.", "not.", "eq.", "in.", "is.", "fts(", "(", ")", ",", ".", "\"", "\\", "->", "->>", "::",
        "!", "...", "*", "count()", "sum()", "{", "}", "any", "é", "%25", "%", "+", "&", "=", " ", "-", "1", "a", "b:",
    ]), 0..30), body in "[\\[\\]{}\",:a1\\\\ n]{0,40}") {
        let query = parts.concat();
        for (method, path, kind) in [("GET", "t", None), ("GET", "rpc/f", None), ("POST", "t", Some("text/csv")), ("PATCH", "t", None)] {
            let head = Head { method: method.parse().unwrap(), path, query: &query, headers: Headers { content_type: kind, ..Headers::default() }, ..Head::default() };
            let first = parse(&head, Some(body.as_bytes()), &functions);
            if let (Ok(first), "GET") = (first, method) {
                let url = print::url(&first.request);
                let again = get(&url).map_err(|problem| TestCaseError::fail(format!("{url}: {problem:?}")))?;
                prop_assert_eq!(print::url(&again.request), url);
            }
        }
    }
}
