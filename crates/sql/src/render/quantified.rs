//! Comparisons with any or all elements of a list.

use transom_query::{
    Expr,
    plan::{Comparison, ElementTest, ParamId, ParamKind},
};
use transom_types::{Code, DataType, Problem};

use super::Writer;

impl Writer<'_> {
    /// Three-valued: an unknown operand makes the whole unknown, but where there is nothing to compare it with.
    pub(super) fn quantified(
        &mut self,
        test: ElementTest,
        operand: &Expr,
        list: ParamId,
        all: bool,
    ) -> Result<(), Problem> {
        let data_type = match &self.plan.params[usize::from(list.0)].kind {
            ParamKind::List(data_type) => *data_type,
            _ => DataType::Any,
        };
        let document = self.is_document(operand) && matches!(test, ElementTest::Compare(_));
        let aggregates = self.aggregates;
        let operand = self.apart(|writer| writer.comparable(operand, document))?;
        let aggregated = self.aggregates > aggregates;
        let list = self.param_apart(list)?;
        if self.dialect.any_or_all(&mut self.text, (&operand, test), (&list, data_type), all) {
            return Ok(());
        }
        let alias = format!("{}e", self.prefix);
        let mut element = String::new();
        self.dialect.element(&mut element, &alias, data_type);
        if aggregated {
            let mut from = String::new();
            self.dialect.rows_source(&mut from, &list, &alias);
            return self.aggregated_quantified(test, &operand, &element, &from, all);
        }
        let mut tested = String::new();
        match test {
            ElementTest::Compare(comparison) => {
                tested = format!("{operand} {} {element}", self.dialect.comparison(comparison));
            }
            ElementTest::Match(pattern) => self.dialect.pattern(&mut tested, pattern, &operand, &element),
        }
        let (negated, condition) = if all { ("NOT ", format!("NOT ({tested})")) } else { ("", tested) };
        self.push(&format!("(CASE WHEN {operand} IS NULL AND EXISTS (SELECT 1 FROM "));
        self.dialect.rows_source(&mut self.text, &list, &alias);
        self.push(&format!(") THEN NULL ELSE {negated}EXISTS (SELECT 1 FROM "));
        self.dialect.rows_source(&mut self.text, &list, &alias);
        self.push(&format!(" WHERE {condition}) END)"));
        Ok(())
    }

    /// An aggregate has no meaning inside of a subquery over the list: it is compared with the list's extremes, outside.
    fn aggregated_quantified(
        &mut self,
        test: ElementTest,
        operand: &str,
        element: &str,
        from: &str,
        all: bool,
    ) -> Result<(), Problem> {
        let (least, greatest) =
            (format!("(SELECT min({element}) FROM {from})"), format!("(SELECT max({element}) FROM {from})"));
        let ElementTest::Compare(comparison) = test else {
            return Err(unsupported("a pattern match with any or all of a list"));
        };
        let operator = self.dialect.comparison(comparison);
        let condition = match (comparison, all) {
            (Comparison::Eq, false) => format!("{operand} IN (SELECT {element} FROM {from})"),
            (Comparison::Neq, true) => format!("{operand} NOT IN (SELECT {element} FROM {from})"),
            (Comparison::Eq, true) => format!("({operand} = {least} AND {operand} = {greatest})"),
            (Comparison::Neq, false) => format!("({operand} <> {least} OR {operand} <> {greatest})"),
            (Comparison::Gt | Comparison::Gte, true) | (Comparison::Lt | Comparison::Lte, false) => {
                format!("{operand} {operator} {greatest}")
            }
            (Comparison::Gt | Comparison::Gte, false) | (Comparison::Lt | Comparison::Lte, true) => {
                format!("{operand} {operator} {least}")
            }
            (Comparison::Distinct | Comparison::NotDistinct, _) => {
                return Err(unsupported("a null-safe comparison with any or all of a list"));
            }
        };
        let of_nothing = self.dialect.truth(all);
        self.push(&format!(
            "(CASE WHEN EXISTS (SELECT 1 FROM {from}) THEN {condition} ELSE {of_nothing} END)"
        ));
        Ok(())
    }
}

fn unsupported(what: &str) -> Problem {
    Problem::new(Code::Unsupported, format!("{what} is not supported of an aggregate"))
        .with_hint("Write one condition for each element, joined by or=(…) or and=(…)")
}
