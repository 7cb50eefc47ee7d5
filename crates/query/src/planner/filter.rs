//! Filters: every operator of the grammar becomes an expression, its operand a parameter of the column's type.

use transom_types::{Code, DataType, Problem};

use super::{Planner, relation::Relation, select::aggregate_name};
use crate::{
    plan::{Comparison, ElementTest, EngineOperator, Expr, ParamKind, ParamSource, Pattern, QueryId},
    request::{
        Condition, Filter, FullTextKind, IsValue, Item, Operator, Path, Quantifier, Select, Slot, Test,
    },
};

impl Planner<'_> {
    pub(super) fn filter(
        &mut self,
        id: QueryId,
        relation: Relation,
        select: &Select,
        filter: &Filter,
    ) -> Result<Expr, Problem> {
        self.tree(filter, &mut |planner, condition| planner.condition(id, relation, select, condition))
    }

    pub(super) fn having(
        &mut self,
        id: QueryId,
        relation: Relation,
        having: &Filter,
    ) -> Result<Expr, Problem> {
        self.tree(having, &mut |planner, condition| planner.group_condition(id, relation, condition))
    }

    fn tree(
        &mut self,
        filter: &Filter,
        leaf: &mut dyn FnMut(&mut Self, &Condition) -> Result<Expr, Problem>,
    ) -> Result<Expr, Problem> {
        let mut branch = |planner: &mut Self, parts: &[Filter]| {
            parts.iter().map(|part| planner.tree(part, leaf)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match filter {
            Filter::And(parts) => Expr::And(branch(self, parts)?),
            Filter::Or(parts) => Expr::Or(branch(self, parts)?),
            Filter::Not(part) => Expr::Not(Box::new(self.tree(part, leaf)?)),
            Filter::Condition(condition) => leaf(self, condition)?,
        })
    }

    fn condition(
        &mut self,
        id: QueryId,
        relation: Relation,
        select: &Select,
        condition: &Condition,
    ) -> Result<Expr, Problem> {
        let Some(path) = condition.path.as_ref().filter(|_| condition.aggregate.is_none()) else {
            return Err(Problem::new(Code::GroupingInvalid, "aggregates are not allowed in a filter")
                .with_hint("Use having=, for example having=price.sum().gt.100"));
        };
        // What is no test for NULL can only mean a column, where one has the name.
        let column_meant = self.options.native
            && !matches!(condition.test, Test::Is(IsValue::Null | IsValue::NotNull))
            && self.column(relation, &path.column).is_ok();
        if let Some(embed) = embed_named(select, path).filter(|_| !column_meant) {
            let exists = match &condition.test {
                Test::Is(IsValue::NotNull) => true,
                Test::Is(IsValue::Null) => false,
                _ => {
                    let message = format!(
                        "Only is null or not is null filters are allowed on embedded resources: '{}'",
                        path.column
                    );
                    return Err(Problem::new(Code::EmbedFilter, message)
                        .with_hint(format!("Filter its columns instead: {}.column=eq.value", path.column)));
                }
            };
            let found = self.embed_exists(id, relation, embed)?;
            return Ok(if exists { found } else { Expr::Not(Box::new(found)) });
        }
        let called = matches!(relation, Relation::Function(_));
        if let Test::FullText { kind, language, query } = &condition.test
            && (self.options.native || (self.options.engine_types && (language.is_some() || called)))
        {
            return self.search(id, relation, path, (*kind, language.clone()), *query);
        }
        if let Test::FullText { kind, language, query } = &condition.test {
            return self.full_text(id, relation, path, *kind, language.as_deref(), *query);
        }
        let (expr, data_type) = self.path(id, relation, path)?;
        if let Some(read) = self.read_as_text(relation, &expr, &condition.test, path) {
            return Ok(read);
        }
        self.test(expr, data_type, &condition.test, &path.column)
    }

    /// A comparison with values of a type that the schema says how to read from text.
    fn read_as_text(&mut self, relation: Relation, expr: &Expr, test: &Test, path: &Path) -> Option<Expr> {
        let Expr::Column(_, column) = expr else { return None };
        let of = &relation.columns(self.catalog)[column.0 as usize];
        let function = of.representation.as_ref()?.from_text.clone()?;
        match test {
            Test::Compare(operator, None, slot) => {
                let ElementTest::Compare(comparison) =
                    element_test(*operator, DataType::Any, &path.column).ok()?
                else {
                    return None;
                };
                let text = self.literal(*slot, DataType::Text, &path.column);
                let text = Box::new(Expr::EngineCast(Box::new(text), "text".into()));
                let value = Expr::EngineCall(function, text);
                Some(Expr::Compare(comparison, Box::new(expr.clone()), Box::new(value)))
            }
            Test::In(slot) => {
                let list = self.list(*slot, DataType::Text, &path.column);
                Some(Expr::InCalled(Box::new(expr.clone()), function, list))
            }
            _ => None,
        }
    }

    fn group_condition(
        &mut self,
        id: QueryId,
        relation: Relation,
        condition: &Condition,
    ) -> Result<Expr, Problem> {
        let value = match &condition.path {
            Some(path) => Some(self.path(id, relation, path)?),
            None => None,
        };
        let (expr, data_type) = match (condition.aggregate, value) {
            (Some(aggregate), value) => self.aggregate(aggregate, value)?,
            (None, Some(value)) => value,
            (None, None) => return Err(Problem::new(Code::QuerySyntax, "having needs an aggregate")),
        };
        let name = condition.aggregate.map_or("having", aggregate_name);
        if let (Some(_), Test::Compare(_, Some(_), _)) = (condition.aggregate, &condition.test) {
            return Err(Problem::new(Code::Unsupported, format!("{name}() takes no any or all"))
                .with_hint("Write the comparisons one by one: having=or(…)"));
        }
        self.test(expr, data_type, &condition.test, name)
    }

    fn test(&mut self, expr: Expr, data_type: DataType, test: &Test, name: &str) -> Result<Expr, Problem> {
        Ok(match test {
            Test::Is(value) => Expr::Is(Box::new(expr), *value),
            Test::In(slot) => Expr::InList(Box::new(expr), self.list(*slot, data_type, name)),
            Test::Compare(operator, Some(quantifier), slot) => {
                let test = element_test(*operator, data_type, name)?;
                let list = self.list(*slot, operand_type(*operator, data_type), name);
                let all = *quantifier == Quantifier::All;
                Expr::Quantified { test, operand: Box::new(expr), list, all }
            }
            Test::Compare(operator, None, slot) => self.compare(expr, data_type, *operator, *slot, name)?,
            Test::FullText { .. } => {
                return Err(Problem::new(Code::FunctionUndefined, "full-text search needs a column"));
            }
        })
    }

    fn compare(
        &mut self,
        expr: Expr,
        data_type: DataType,
        operator: Operator,
        slot: Slot,
        name: &str,
    ) -> Result<Expr, Problem> {
        if self.options.engine_types
            && (data_type == DataType::Any || self.options.native)
            && let Some(operator) = engine_operator(operator)
        {
            let operand = self.literal(slot, DataType::Any, name);
            return Ok(Expr::EngineOperator(operator, Box::new(expr), Box::new(operand)));
        }
        let operand = self.literal(slot, operand_type(operator, data_type), name);
        let (left, right) = (Box::new(expr), Box::new(operand));
        if matches!(operator, Operator::Contains | Operator::ContainedIn | Operator::Overlaps)
            && !matches!(data_type, DataType::Json | DataType::Any)
        {
            return Err(undefined_operator(operator, data_type, name));
        }
        Ok(match operator {
            Operator::Contains => Expr::JsonContains(left, right),
            Operator::ContainedIn => Expr::JsonContains(right, left),
            Operator::Overlaps => Expr::JsonOverlaps(left, right),
            _ => match element_test(operator, data_type, name)? {
                ElementTest::Compare(comparison) => Expr::Compare(comparison, left, right),
                ElementTest::Match(pattern) => Expr::Match(pattern, left, right),
            },
        })
    }

    fn list(&mut self, slot: Slot, data_type: DataType, name: &str) -> crate::plan::ParamId {
        self.param(ParamSource::Literal(slot), ParamKind::List(data_type), name)
    }

    /// A search that the engine makes of any text.
    fn search(
        &mut self,
        id: QueryId,
        relation: Relation,
        path: &Path,
        (kind, language): (FullTextKind, Option<Box<str>>),
        words: Slot,
    ) -> Result<Expr, Problem> {
        self.check_search(language.as_deref())?;
        let (operand, _) = self.path(id, relation, path)?;
        let vector = matches!(&operand, Expr::Column(_, column)
            if relation.columns(self.catalog)[column.0 as usize].vector);
        let kind_of = ParamKind::Scalar(DataType::Text);
        let words = self.param(ParamSource::Literal(words), kind_of, &path.column);
        Ok(Expr::Search { operand: Box::new(operand), vector, kind, language, words })
    }

    /// Refuses a language that the engine is known not to have.
    fn check_search(&self, language: Option<&str>) -> Result<(), Problem> {
        let known = &self.catalog.notes().searches;
        let Some(language) = language else { return Ok(()) };
        // The engine folds names that are not quoted; one of a schema is its own to find.
        let folded = language.to_lowercase();
        if known.is_empty() || known.contains(&*folded) || folded.contains(['.', '"']) {
            return Ok(());
        }
        let message = format!("text search configuration \"{language}\" does not exist");
        let problem = Problem::new(Code::Unsupported, message);
        Err(problem.suggesting(language, known.iter().map(|name| &**name)))
    }

    fn full_text(
        &mut self,
        id: QueryId,
        relation: Relation,
        path: &Path,
        kind: FullTextKind,
        language: Option<&str>,
        words: Slot,
    ) -> Result<Expr, Problem> {
        let column = self.column(relation, &path.column)?;
        let Relation::Table(table) = relation else {
            return Err(Problem::new(
                Code::Unsupported,
                "full-text search needs a table, not a function's result",
            ));
        };
        let index = self.catalog[table].full_text.as_ref();
        let Some(_) = index.filter(|index| index.columns.contains(&column)) else {
            let message = format!("column '{}' has no full-text index", path.column);
            return Err(Problem::new(Code::Unsupported, message)
                .with_hint("Create a full-text index over it in a migration (see the guide on search)"));
        };
        if let Some(language) = language {
            let message =
                format!("full-text search with a language ('{language}') is not available on this database");
            return Err(
                Problem::new(Code::Unsupported, message).with_hint("Leave the language out: fts.words")
            );
        }
        let kind_of = ParamKind::FullText(kind, vec![path.column.clone()]);
        let words = self.param(ParamSource::Literal(words), kind_of, &path.column);
        Ok(Expr::FullText { query: id, table, columns: vec![column], kind, words })
    }
}

/// The embedded resource that a filter names, if any.
fn embed_named<'s>(select: &'s Select, path: &Path) -> Option<&'s crate::request::Embed> {
    if !path.json.is_empty() {
        return None;
    }
    select.items.iter().find_map(|item| match item {
        Item::Embed(embed) if embed.alias.as_ref().unwrap_or(&embed.resource) == &path.column => Some(embed),
        _ => None,
    })
}

/// What the operand is read as: patterns are text whatever the column.
fn operand_type(operator: Operator, data_type: DataType) -> DataType {
    match operator {
        Operator::Like | Operator::Ilike | Operator::Match | Operator::Imatch => DataType::Text,
        Operator::Contains | Operator::ContainedIn | Operator::Overlaps => DataType::Json,
        _ => data_type,
    }
}

fn element_test(operator: Operator, data_type: DataType, name: &str) -> Result<ElementTest, Problem> {
    let compare = |comparison| Ok(ElementTest::Compare(comparison));
    let textual = matches!(
        data_type,
        DataType::Text
            | DataType::Uuid
            | DataType::Any
            | DataType::Date
            | DataType::Time
            | DataType::Timestamp
    );
    match operator {
        Operator::Eq => compare(Comparison::Eq),
        Operator::Neq => compare(Comparison::Neq),
        Operator::Gt => compare(Comparison::Gt),
        Operator::Gte => compare(Comparison::Gte),
        Operator::Lt => compare(Comparison::Lt),
        Operator::Lte => compare(Comparison::Lte),
        Operator::IsDistinct => compare(Comparison::Distinct),
        Operator::Like if textual => Ok(ElementTest::Match(Pattern::Like)),
        Operator::Ilike if textual => Ok(ElementTest::Match(Pattern::Ilike)),
        Operator::Match if textual => Ok(ElementTest::Match(Pattern::Regex)),
        Operator::Imatch if textual => Ok(ElementTest::Match(Pattern::RegexInsensitive)),
        _ => Err(undefined_operator(operator, data_type, name)),
    }
}

fn engine_operator(operator: Operator) -> Option<EngineOperator> {
    Some(match operator {
        Operator::Contains => EngineOperator::Contains,
        Operator::ContainedIn => EngineOperator::ContainedIn,
        Operator::Overlaps => EngineOperator::Overlaps,
        Operator::StrictlyLeft => EngineOperator::StrictlyLeft,
        Operator::StrictlyRight => EngineOperator::StrictlyRight,
        Operator::NotRightOf => EngineOperator::NotRightOf,
        Operator::NotLeftOf => EngineOperator::NotLeftOf,
        Operator::Adjacent => EngineOperator::Adjacent,
        _ => return None,
    })
}

fn undefined_operator(operator: Operator, data_type: DataType, name: &str) -> Problem {
    let range = matches!(
        operator,
        Operator::StrictlyLeft
            | Operator::StrictlyRight
            | Operator::NotRightOf
            | Operator::NotLeftOf
            | Operator::Adjacent
    );
    let message = format!("the operator does not apply to '{name}' of type {}", data_type.name());
    match range {
        true => Problem::new(Code::Unsupported, message)
            .with_details("sl, sr, nxr, nxl and adj compare ranges; this database has no range types"),
        false => Problem::new(Code::FunctionUndefined, message)
            .with_details("like and match apply to text; cs, cd and ov to JSON"),
    }
}
