//! Calls of an engine's own functions. Whether one may write is the transaction's matter: every call reads what it returns.

use transom_types::{Code, DataType, Problem};

use super::{Planner, relation::Relation};
use crate::{
    FunctionId,
    catalog::{EngineParam, FunctionParam, Returns},
    plan::{Expr, ParamKind, ParamSource, Source},
    request::{self, Given, Shape},
};

impl Planner<'_> {
    pub(super) fn called(
        &mut self,
        name: &str,
        given: &[Box<str>],
        (form, posted): (Given, bool),
        shape: &Shape,
    ) -> Result<(), Problem> {
        let catalog = self.catalog;
        let function = self.candidate(name, given, (form, posted))?;
        let called = &catalog[function];
        let Some(engine) = &called.engine else {
            return Err(Problem::new(Code::Internal, "a handwritten statement where the engine decides"));
        };
        self.check_scalar(called, shape)?;
        if matches!(shape.expect, request::Expect::AtMost(_))
            && !matches!(called.returns, Returns::Rows | Returns::Scalars { .. })
        {
            return Err(Problem::new(
                Code::MaxAffectedPreference,
                "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
            ));
        }
        // Where a role may read only some of a table's columns, what a function shows of its rows is the function's to say.
        let relation = match engine.rows_of.filter(|_| self.options.native) {
            Some(table) => Relation::Table(table),
            None => Relation::Function(function),
        };
        let id = self.query_id();
        let mut query = self.query(id, relation, &shape.select)?;
        query.source = Source::Function(function, self.engine_arguments(function, given, form));
        self.cap_rows(&mut query);
        self.push_read(query, shape);
        Ok(())
    }

    /// One expression per parameter of the function, in its order.
    fn engine_arguments(&mut self, function: FunctionId, given: &[Box<str>], form: Given) -> Vec<Expr> {
        let catalog = self.catalog;
        let mut arguments = Vec::with_capacity(catalog[function].params.len());
        for param in &catalog[function].params {
            let place = given.iter().position(|name| *name == param.name);
            // All of the body stands behind what has a name.
            let place = place.or((param.name.is_empty()).then_some(given.len()));
            let argument = match (&param.engine, place) {
                (Some(engine), Some(cell)) => self.engine_argument(param, engine, cell as u16, form),
                _ => Expr::Default,
            };
            arguments.push(argument);
        }
        arguments
    }

    fn engine_argument(
        &mut self,
        param: &FunctionParam,
        engine: &EngineParam,
        cell: u16,
        form: Given,
    ) -> Expr {
        let json = matches!(form, Given::Json | Given::Table) && !param.name.is_empty();
        let kind = match (json, form) {
            (true, _) if engine.structured => {
                let document = self.param(ParamSource::Cell(cell), ParamKind::Json, &param.name);
                return Expr::FromJson(document, engine.cast.clone());
            }
            (true, _) => ParamKind::Scalar(DataType::Any),
            (false, Given::Texts) if engine.variadic => ParamKind::List(DataType::Any),
            (false, Given::Texts) => ParamKind::LastText,
            (false, _) => ParamKind::Scalar(DataType::Text),
        };
        let value = self.param(ParamSource::Cell(cell), kind, &param.name);
        Expr::EngineCast(Box::new(Expr::Param(value)), engine.cast.clone())
    }
}
