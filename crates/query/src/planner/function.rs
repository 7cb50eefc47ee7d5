//! Calls of functions: named queries here, the engine's own next door.

use transom_types::{Code, DataType, Problem, Value};

use super::{Planner, relation::Relation};
use crate::{
    FunctionId,
    catalog::{Fragment, Function, Returns},
    plan::{Call, Expect, Expr, ParamKind, ParamSource, Source, Step},
    request::{self, Action, Select, Shape},
};

impl Planner<'_> {
    pub(super) fn function(&mut self, name: &str, action: &Action, shape: &Shape) -> Result<(), Problem> {
        let Action::Call { arguments, read_only, given } = action else {
            return Err(Problem::new(
                Code::FunctionMethod,
                format!("'{name}' is called with GET, HEAD or POST"),
            ));
        };
        if self.options.native || self.catalog.callable(name).is_some_and(|called| called.of_engine) {
            return self.called(name, arguments, (*given, !*read_only), shape);
        }
        let id = self.catalog.function(name).ok_or_else(|| self.no_function(name, arguments, None))?;
        self.check_scalar(&self.catalog[id], shape)?;
        let arguments = self.arguments(id, arguments)?;
        self.claims_of(id);
        if self.catalog[id].read_only {
            return self.read_function(id, arguments, shape);
        }
        if *read_only {
            return Err(Problem::new(
                Code::ReadOnly,
                format!("cannot run '{name}' in a read-only transaction"),
            )
            .with_hint("It writes: call it with POST"));
        }
        if shape.select != Select::default() {
            return Err(Problem::new(
                Code::Unsupported,
                format!("what '{name}' returns cannot be filtered or shaped"),
            )
            .with_details("select, filters, order and limit apply to functions that only read"));
        }
        self.reply = Some(self.steps.len() as u16);
        let expect = match (self.catalog[id].returns, shape.expect) {
            // Nothing is returned of which there could be one.
            (Returns::Nothing, request::Expect::One) => Expect::Any,
            (Returns::Row, request::Expect::Any) => Expect::Exactly(1),
            (_, expect) => super::expect(expect),
        };
        self.steps.push(Step::Call(Call { function: id, arguments, expect }));
        Ok(())
    }

    /// A media type of one value has to be made of one. Said before anything is done.
    pub(super) fn check_scalar(&self, function: &Function, shape: &Shape) -> Result<(), Problem> {
        if shape.expect != request::Expect::Scalar || function.returns == Returns::Scalar {
            return Ok(());
        }
        Err(Problem::new(
            Code::MediaTypeUnacceptable,
            "this media type is for functions that return a scalar",
        )
        .with_hint("Accept application/json or text/csv"))
    }

    fn read_function(
        &mut self,
        function: FunctionId,
        arguments: Vec<Expr>,
        shape: &Shape,
    ) -> Result<(), Problem> {
        let id = self.query_id();
        let relation = Relation::Function(function);
        let mut query = self.query(id, relation, &shape.select)?;
        query.source = Source::Function(function, arguments);
        self.cap_rows(&mut query);
        self.push_read(query, shape);
        Ok(())
    }

    /// One expression per parameter of the function, in its order.
    fn arguments(&mut self, id: FunctionId, given: &[Box<str>]) -> Result<Vec<Expr>, Problem> {
        let catalog = self.catalog;
        let function = &catalog[id];
        let unknown = given.iter().find(|name| function.params.iter().all(|param| param.name != **name));
        if unknown.is_some() {
            return Err(self.no_function(&function.name, given, Some(id)));
        }
        let mut arguments = Vec::with_capacity(function.params.len());
        for param in &function.params {
            let kind = ParamKind::Scalar(param.data_type);
            let source = match (given.iter().position(|name| *name == param.name), &param.default) {
                (Some(cell), _) => ParamSource::Cell(cell as u16),
                (None, Some(None)) => ParamSource::Constant(Value::Null),
                (None, Some(Some(text))) => ParamSource::Constant(
                    param.data_type.parse(text).unwrap_or_else(|| Value::text(text.clone())),
                ),
                (None, None) => return Err(self.no_function(&function.name, given, Some(id))),
            };
            arguments.push(Expr::Param(self.param(source, kind, &param.name)));
        }
        Ok(arguments)
    }

    /// Claims that the statement's own text uses are parameters of the plan; the renderer finds them by their source.
    fn claims_of(&mut self, id: FunctionId) {
        let catalog = self.catalog;
        for fragment in &catalog[id].body {
            let (source, data_type) = match fragment {
                Fragment::Claim(path) if path.is_empty() => (ParamSource::Claim(Vec::new()), DataType::Json),
                Fragment::Claim(path) => (ParamSource::Claim(path.clone()), DataType::Text),
                Fragment::Role => (ParamSource::Role, DataType::Text),
                Fragment::Text(_) | Fragment::Param(_) => continue,
            };
            self.param(source, ParamKind::Scalar(data_type), "claim");
        }
    }

    fn no_function(&self, name: &str, given: &[Box<str>], found: Option<FunctionId>) -> Problem {
        let signature = match given.is_empty() {
            true => format!("public.{name} without parameters"),
            false => format!("public.{name}({})", given.join(", ")),
        };
        let message = format!("Could not find the function {signature} in the schema cache");
        let problem = Problem::new(Code::FunctionMissing, message);
        let Some(found) = found else { return problem.suggesting(name, self.catalog.function_names()) };
        let takes: Vec<_> = self.catalog[found]
            .params
            .iter()
            .map(|param| match param.default {
                Some(_) => format!("{} {} (optional)", param.name, param.data_type.name()),
                None => format!("{} {}", param.name, param.data_type.name()),
            })
            .collect();
        problem.with_hint(format!("{name} takes ({})", takes.join(", ")))
    }
}
