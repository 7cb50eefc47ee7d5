//! How PostgreSQL writes things. Parameters are sent as text, so a placeholder has the type of its place; where the place
//! tells none, a cast does.

mod given;
mod whole;
mod words;

use std::fmt::Write;

use transom_query::{
    catalog::Table,
    plan::{BinaryOp, Comparison, ElementTest, EngineOperator, Function, Pattern},
    request::{Account, FullTextKind, JsonKey, JsonStep},
};
use transom_types::{DataType, Problem, Value};

use crate::{
    Dialect, ENGINES,
    render::{GivenRows, Made, Search},
};
use words::{constant, engine_operator, pattern_operator, query_function, quoted, substring, type_name};

/// PostgreSQL's dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postgres;

/// A setting that nobody has: reading it fails the statement, and its name in the error says why.
pub const REFUSED_SETTING: &str = "transom.row_refused";

/// A function takes at most so many arguments; an object's member takes two.
const OBJECT_MEMBERS_MAX: usize = 50;

impl Dialect for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn tag(&self) -> &'static str {
        ENGINES[1]
    }

    fn go_on(&self, text: &mut String, table: &Table) {
        for column in table.columns.iter().filter(|column| column.identity) {
            let (mut of, mut name, mut quoted) = (String::new(), String::new(), String::new());
            self.table(&mut of, table);
            self.identifier(&mut name, &column.name);
            let mut sequence = String::from("pg_get_serial_sequence(");
            self.string(&mut sequence, &of);
            self.string(&mut quoted, &column.name);
            let _ = write!(sequence, ", {quoted})");
            // Never back: what a counter has given away may be known elsewhere.
            let _ = writeln!(
                text,
                "SELECT setval({sequence}, max({name})) FROM {of} \
                 HAVING max({name}) > coalesce(pg_sequence_last_value({sequence}::regclass), 0);"
            );
        }
    }

    fn identifier(&self, text: &mut String, name: &str) {
        quoted(text, name, '"');
    }

    fn table(&self, text: &mut String, table: &Table) {
        if let Some(schema) = &table.schema {
            self.identifier(text, schema);
            text.push('.');
        }
        self.identifier(text, &table.name);
    }

    fn string(&self, text: &mut String, value: &str) {
        // Text of this engine holds no NUL.
        quoted(text, &value.replace('\0', "\u{FFFD}"), '\'');
    }

    fn reads_text(&self) -> bool {
        true
    }

    fn engine_operator(
        &self,
        text: &mut String,
        operator: EngineOperator,
        left: &str,
        right: &str,
    ) -> Result<(), Problem> {
        let operator = engine_operator(operator);
        let _ = write!(text, "({left} {operator} {right})");
        Ok(())
    }

    fn in_called(&self, text: &mut String, operand: &str, function: &str, list: &str) -> Result<(), Problem> {
        let _ = write!(
            text,
            "({operand} = ANY (ARRAY(SELECT {function}(e.v) FROM unnest({list}::text[]) AS e(v))))"
        );
        Ok(())
    }

    fn search(
        &self,
        text: &mut String,
        (operand, vector): (&str, bool),
        (kind, language): (FullTextKind, Option<&str>),
        words: &str,
    ) -> Result<(), Problem> {
        let mut config = String::new();
        if let Some(language) = language {
            self.string(&mut config, language);
            config.push_str(", ");
        }
        // By the language that is named, an index over the same expression can serve.
        let _ = match vector {
            true => write!(text, "({operand}"),
            false => write!(text, "(to_tsvector({config}{operand})"),
        };
        let _ = write!(text, " @@ {}({config}{words}))", query_function(kind));
        Ok(())
    }

    fn expects_rows(&self) -> bool {
        true
    }

    fn expected_rows(&self, text: &mut String, statement: &str) {
        let _ = write!(text, "EXPLAIN (FORMAT JSON) {statement}");
    }

    fn whole(&self, text: &mut String, made: &Made<'_>) -> Result<bool, Problem> {
        Ok(whole::whole(text, made))
    }

    fn line(&self, text: &mut String, rows: &str) -> Result<(), Problem> {
        whole::line(text, rows);
        Ok(())
    }

    fn accounted(&self, text: &mut String, statement: &str, account: &Account) -> Result<(), Problem> {
        whole::accounted(text, statement, account);
        Ok(())
    }

    fn document_value(&self, text: &mut String, inner: &str) {
        let _ = write!(text, "to_jsonb({inner})");
    }

    fn engine_value(&self, text: &mut String, document: &str, engine_type: &str) -> Result<(), Problem> {
        given::value(text, &format!("{document}::json"), engine_type);
        Ok(())
    }

    fn placeholder(&self, text: &mut String, number: usize) {
        let _ = write!(text, "${number}");
    }

    fn shares_parameters(&self) -> bool {
        false
    }

    fn typed(&self, text: &mut String, placeholder: &str, data_type: DataType) {
        let _ = write!(text, "{placeholder}::{}", type_name(data_type));
    }

    fn value(&self, text: &mut String, value: &Value) -> Result<(), Problem> {
        constant(text, value);
        Ok(())
    }

    fn json_value(&self, text: &mut String, _: DataType, inner: &str) {
        text.push_str(inner);
    }

    fn json_object(&self, text: &mut String, members: &[(&str, String)], grouped: bool) {
        // An aggregate belongs to the query it stands in, and must not move into a subquery.
        if grouped && members.len() <= OBJECT_MEMBERS_MAX {
            text.push_str("json_build_object(");
            for (at, (key, value)) in members.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                self.string(text, key);
                text.push_str(", ");
                text.push_str(value);
            }
            return text.push(')');
        }
        text.push_str("(SELECT row_to_json(o.*) FROM (SELECT ");
        for (at, (key, value)) in members.iter().enumerate() {
            text.push_str(if at > 0 { ", " } else { "" });
            text.push_str(value);
            text.push_str(" AS ");
            self.identifier(text, key);
        }
        text.push_str(") AS o)");
    }

    fn has_records(&self) -> bool {
        true
    }

    fn record(&self, text: &mut String, alias: &str) {
        let _ = write!(text, "row_to_json({alias}.*)");
    }

    fn related(&self, text: &mut String, alias: &str, list: bool) {
        let _ = match list {
            true => write!(text, "coalesce(jsonb_agg({alias}.*), '[]')"),
            false => write!(text, "to_jsonb({alias}.*)"),
        };
    }

    fn json_array(&self, text: &mut String, values: &[String]) {
        let _ = write!(text, "json_build_array({})", values.join(", "));
    }

    fn json_aggregate(&self, text: &mut String, value: &str, order: &str) {
        let _ = match order.is_empty() {
            true => write!(text, "coalesce(json_agg({value}), '[]')"),
            false => write!(text, "coalesce(json_agg({value} ORDER BY {order}), '[]')"),
        };
    }

    fn as_json(&self, text: &mut String, inner: &str) {
        text.push_str(inner);
    }

    fn json_text(&self, text: &mut String, inner: &str) {
        let _ = write!(text, "to_json({inner})");
    }

    fn json_path(
        &self,
        text: &mut String,
        base: &str,
        steps: &[JsonStep],
        document: bool,
    ) -> Result<(), Problem> {
        let _ = match document {
            true => write!(text, "({base}"),
            false => write!(text, "(to_jsonb({base})"),
        };
        for step in steps {
            text.push_str(if step.as_text { " ->> " } else { " -> " });
            match &step.key {
                JsonKey::Member(name) => self.string(text, name),
                JsonKey::Index(at) => {
                    let _ = write!(text, "({at})");
                }
            }
        }
        text.push(')');
        Ok(())
    }

    fn json_key(&self, text: &mut String, inner: &str) {
        let _ = write!(text, "({inner})::jsonb");
    }

    fn document_text(&self, text: &mut String, inner: &str) {
        let _ = write!(text, "({inner})::text");
    }

    fn cast(&self, text: &mut String, inner: &str, to: DataType) {
        let _ = match to {
            DataType::Any => write!(text, "{inner}"),
            // Halves are rounded away from zero, whatever the number's own type does.
            DataType::Integer => write!(text, "CAST(round(CAST({inner} AS numeric)) AS bigint)"),
            to => write!(text, "CAST({inner} AS {})", type_name(to)),
        };
    }

    fn comparison(&self, comparison: Comparison) -> &'static str {
        match comparison {
            Comparison::Eq => "=",
            Comparison::Neq => "<>",
            Comparison::Gt => ">",
            Comparison::Gte => ">=",
            Comparison::Lt => "<",
            Comparison::Lte => "<=",
            Comparison::Distinct => "IS DISTINCT FROM",
            Comparison::NotDistinct => "IS NOT DISTINCT FROM",
        }
    }

    fn pattern(&self, text: &mut String, pattern: Pattern, operand: &str, with: &str) {
        let _ = write!(text, "({operand} {} {with})", pattern_operator(pattern));
    }

    fn json_contains(&self, text: &mut String, whole: &str, part: &str) {
        let _ = write!(text, "({whole} @> {part})");
    }

    fn json_overlaps(&self, text: &mut String, left: &str, right: &str) {
        // Of documents that are arrays; no operator of the engine says it.
        let _ = write!(
            text,
            "(CASE WHEN {left} IS NOT NULL THEN EXISTS (SELECT 1 FROM jsonb_path_query({left}, 'strict $[*]', '{{}}', true) AS l(v) JOIN jsonb_path_query(({right})::jsonb, 'strict $[*]', '{{}}', true) AS m(v) ON l.v = m.v) END)"
        );
    }

    fn in_list(&self, text: &mut String, operand: &str, list: &str, data_type: DataType) {
        let _ = match data_type {
            DataType::Json => write!(text, "({operand} = ANY ({list}::jsonb[]))"),
            _ => write!(text, "({operand} = ANY ({list}))"),
        };
    }

    fn any_or_all(
        &self,
        text: &mut String,
        (operand, test): (&str, ElementTest),
        (list, data_type): (&str, DataType),
        all: bool,
    ) -> bool {
        let operator = match test {
            ElementTest::Compare(Comparison::Distinct | Comparison::NotDistinct) => return false,
            ElementTest::Compare(comparison) => self.comparison(comparison),
            ElementTest::Match(pattern) => pattern_operator(pattern),
        };
        let document = if data_type == DataType::Json { "::jsonb[]" } else { "" };
        let word = if all { "ALL" } else { "ANY" };
        let _ = write!(text, "({operand} {operator} {word} ({list}{document}))");
        true
    }

    fn given_rows(&self, text: &mut String, given: &GivenRows<'_>) -> Result<(), Problem> {
        given::rows(text, given);
        Ok(())
    }

    fn count_merged(&self, text: &mut String) -> bool {
        given::count_merged(text);
        true
    }

    fn merged_count(&self) -> &'static str {
        given::MERGED_COUNT
    }

    fn rows_source(&self, text: &mut String, rows: &str, alias: &str) {
        let _ = write!(text, "json_array_elements({rows}::json) WITH ORDINALITY AS {alias}(value, key)");
    }

    fn element(&self, text: &mut String, alias: &str, data_type: DataType) {
        let _ = match data_type {
            DataType::Json => write!(text, "({alias}.value)::jsonb"),
            DataType::Any => write!(text, "({alias}.value #>> '{{}}')"),
            of => write!(text, "({alias}.value #>> '{{}}')::{}", type_name(of)),
        };
    }

    fn cell(
        &self,
        text: &mut String,
        alias: &str,
        at: usize,
        (data_type, engine_type): (DataType, Option<&str>),
    ) {
        let _ = match (data_type, engine_type) {
            (DataType::Any, Some(engine_type)) => {
                return given::value(text, &format!("({alias}.value -> {at})"), engine_type);
            }
            (_, Some(engine_type)) => write!(text, "({alias}.value ->> {at})::{engine_type}"),
            (DataType::Any, None) => write!(text, "({alias}.value ->> {at})"),
            (of, None) => write!(text, "({alias}.value ->> {at})::{}", type_name(of)),
        };
    }

    fn as_engine_type(&self, text: &mut String, inner: &str, engine_type: Option<&str>) {
        let _ = match engine_type {
            Some(engine_type) => write!(text, "CAST({inner} AS {engine_type})"),
            None => write!(text, "{inner}"),
        };
    }

    fn like_column(&self, text: &mut String, inner: &str, _: DataType, collation: Option<&str>) {
        text.push_str(inner);
        if let Some(collation) = collation {
            text.push_str(" COLLATE ");
            self.identifier(text, collation);
        }
    }

    fn cell_missing(&self, text: &mut String, alias: &str, at: usize) {
        let _ = write!(text, "({alias}.value -> {at})::text = '{{ }}'");
    }

    fn row_place(&self, text: &mut String, alias: &str) {
        let _ = write!(text, "({alias}.key - 1)");
    }

    fn place(&self, text: &mut String, keys: &str, key: &str) {
        let _ = write!(
            text,
            "(array_position(ARRAY(SELECT e.value::text FROM json_array_elements({keys}::json) AS e(value)), ({key})::text) - 1)"
        );
    }

    fn full_text(&self, text: &mut String, search: &Search<'_>) {
        let function = query_function(search.kind);
        text.push('(');
        for (at, (column, engine_type)) in search.columns.iter().enumerate() {
            text.push_str(if at > 0 { " || " } else { "" });
            let _ = match engine_type {
                Some("tsvector") => write!(text, "coalesce({column}, '')"),
                _ => write!(text, "to_tsvector(coalesce({column}, ''))"),
            };
        }
        let _ = write!(text, " @@ {function}({}))", search.words);
    }

    fn search_words(&self, text: &str, _: FullTextKind, _: &[Box<str>]) -> Result<String, Problem> {
        Ok(text.to_owned())
    }

    fn binary(&self, operator: BinaryOp) -> &'static str {
        match operator {
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Modulo => "%",
            BinaryOp::Concat => "||",
        }
    }

    fn call(&self, text: &mut String, function: Function, arguments: &[String]) {
        let name = match function {
            Function::Coalesce => "coalesce",
            Function::Nullif => "nullif",
            Function::Lower => "lower",
            Function::Upper => "upper",
            Function::Length => "length",
            Function::Abs => "abs",
            Function::Round => "round",
            Function::Trim => "btrim",
            Function::Replace => "replace",
            Function::Now => "now",
            Function::CurrentDate => return text.push_str("(now() AT TIME ZONE 'UTC')::date"),
            Function::Substring => return substring(text, arguments),
            Function::Greatest => "greatest",
            Function::Least => "least",
        };
        let _ = write!(text, "{name}({})", arguments.join(", "));
    }

    fn truth(&self, truth: bool) -> &'static str {
        if truth { "TRUE" } else { "FALSE" }
    }

    fn nulls(&self, descending: bool, nulls_first: bool) -> &'static str {
        // Here NULLs count as greatest.
        match (descending, nulls_first) {
            (false, false) | (true, true) => "",
            (true, false) => " NULLS LAST",
            (false, true) => " NULLS FIRST",
        }
    }

    fn bounds(&self, text: &mut String, limit: Option<&str>, offset: Option<&str>) {
        if let Some(limit) = limit {
            let _ = write!(text, " LIMIT {limit}");
        }
        if let Some(offset) = offset {
            let _ = write!(text, " OFFSET {offset}");
        }
    }

    fn keeps_order(&self) -> &'static str {
        ""
    }

    fn default_values(&self) -> &'static str {
        " DEFAULT VALUES"
    }

    fn before_conflict(&self) -> &'static str {
        ""
    }

    fn holds(&self, text: &mut String, predicate: &str) {
        // The statement fails, and so undoes itself, without a second round trip.
        let _ = write!(
            text,
            "CASE WHEN {predicate} THEN TRUE ELSE current_setting('{REFUSED_SETTING}')::boolean END"
        );
    }

    fn was_inserted(&self, text: &mut String, alias: &str) -> bool {
        // A row version that replaces none carries no transaction that removed its predecessor.
        let _ = write!(text, "({alias}.xmax = 0)");
        true
    }

    fn returned_rows(&self, text: &mut String, statement: &str) -> bool {
        // On a line of its own, for the statement may end in a comment.
        let _ = write!(text, "WITH r AS ({statement}\n) SELECT row_to_json(r.*) FROM r");
        true
    }
}
