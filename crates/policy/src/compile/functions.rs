//! Functions: who is asking (`auth.uid()` and its kin), and the scalar functions every engine has.

use sqlparser::ast;
use transom_query::{
    Expr,
    plan::{Function, ParamKind, ParamSource},
    request::Aggregate,
};
use transom_types::DataType;

use super::{
    Compiler,
    types::{Firmness, Typed, brief},
};
use crate::fault::Checked;

/// Every function a condition may call, for suggestions.
const NAMES: &[&str] = &[
    "auth.uid",
    "auth.role",
    "auth.jwt",
    "auth.email",
    "current_setting",
    "coalesce",
    "nullif",
    "lower",
    "upper",
    "length",
    "abs",
    "round",
    "trim",
    "substring",
    "replace",
    "now",
    "current_date",
    "greatest",
    "least",
    "count",
    "sum",
    "avg",
    "min",
    "max",
];

impl Compiler<'_> {
    pub(super) fn function(&mut self, function: &ast::Function, at: &ast::Expr) -> Checked<Typed> {
        let plain = function.over.is_none() && function.filter.is_none() && function.within_group.is_empty();
        if !plain {
            return Err(self.unsupported(at));
        }
        let name = function.name.to_string().to_ascii_lowercase();
        let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
        if let Some(aggregate) = aggregate(name) {
            return self.aggregate(aggregate, function, at);
        }
        let arguments = self.arguments(function, at)?;
        if let Some(identity) = self.identity(name, &arguments, at)? {
            return Ok(identity);
        }
        let (called, counts): (Function, std::ops::RangeInclusive<usize>) = match name {
            "coalesce" => (Function::Coalesce, 1..=64),
            "greatest" => (Function::Greatest, 1..=64),
            "least" => (Function::Least, 1..=64),
            "nullif" => (Function::Nullif, 2..=2),
            "lower" => (Function::Lower, 1..=1),
            "upper" => (Function::Upper, 1..=1),
            "length" | "char_length" | "character_length" => (Function::Length, 1..=1),
            "trim" | "btrim" => (Function::Trim, 1..=1),
            "abs" => (Function::Abs, 1..=1),
            "round" => (Function::Round, 1..=2),
            "substring" | "substr" => (Function::Substring, 2..=3),
            "replace" => (Function::Replace, 3..=3),
            "now" | "current_timestamp" | "transaction_timestamp" => (Function::Now, 0..=0),
            "current_date" => (Function::CurrentDate, 0..=0),
            _ => {
                let fault = self.fault(at, format!("function {name}() does not exist in a policy"));
                return Err(fault.suggest(
                    name,
                    NAMES.iter().copied(),
                    "docs/reference/policies.md lists them",
                ));
            }
        };
        if !counts.contains(&arguments.len()) {
            return Err(self.fault(at, format!("{name}() does not take {} arguments", arguments.len())));
        }
        self.call(called, &arguments)
    }

    fn call(&mut self, called: Function, arguments: &[&ast::Expr]) -> Checked<Typed> {
        let (exprs, data_type) = match called {
            Function::Coalesce | Function::Greatest | Function::Least | Function::Nullif => {
                let mut operands = Vec::new();
                for at in arguments {
                    operands.push((self.expr(at)?, *at));
                }
                self.unify_all(operands)?
            }
            Function::Abs | Function::Round => {
                let mut exprs = Vec::new();
                let mut data_type = DataType::Numeric;
                for (place, at) in arguments.iter().enumerate() {
                    let typed = self.number_operand(at)?;
                    if place == 0 {
                        data_type = typed.data_type;
                    }
                    exprs.push(typed.expr);
                }
                (exprs, data_type)
            }
            Function::Now => (Vec::new(), DataType::Timestamp),
            Function::CurrentDate => (Vec::new(), DataType::Date),
            _ => {
                let mut exprs = Vec::new();
                for (place, at) in arguments.iter().enumerate() {
                    let number = called == Function::Substring && place > 0;
                    exprs.push(if number { self.number_operand(at)? } else { self.text_operand(at)? }.expr);
                }
                (exprs, if called == Function::Length { DataType::Integer } else { DataType::Text })
            }
        };
        Ok(Typed::fixed(Expr::Call(called, exprs), data_type))
    }

    /// Functions that say who is asking.
    fn identity(&mut self, name: &str, arguments: &[&ast::Expr], at: &ast::Expr) -> Checked<Option<Typed>> {
        let line = self.line(at);
        let claim = |path: &[&str]| path.iter().map(|key| Box::from(*key)).collect::<Vec<Box<str>>>();
        let text = |expr| Typed { expr, data_type: DataType::Text, firmness: Firmness::Claim };
        let typed = match name {
            "auth.uid" => text(self.pool.claim(claim(&["sub"]), DataType::Text, line)?),
            "auth.email" => text(self.pool.claim(claim(&["email"]), DataType::Text, line)?),
            "auth.jwt" => Typed::fixed(self.pool.claim(claim(&[]), DataType::Json, line)?, DataType::Json),
            "auth.role" | "current_user" | "current_role" => {
                let param = self.pool.param(ParamSource::Role, ParamKind::Scalar(DataType::Text), line)?;
                Typed::fixed(Expr::Param(param), DataType::Text)
            }
            "current_setting" => return self.setting(arguments, at).map(Some),
            _ => return Ok(None),
        };
        match arguments {
            [] => Ok(Some(typed)),
            _ => Err(self.fault(at, format!("{name}() takes no arguments"))),
        }
    }

    /// `current_setting('request.jwt.claims', true)`, and `request.jwt.claim.NAME` as older projects write it.
    fn setting(&mut self, arguments: &[&ast::Expr], at: &ast::Expr) -> Checked<Typed> {
        let name = match arguments.first() {
            Some(first) => self.expr(first)?.constant_text().map(str::to_owned),
            None => None,
        };
        let line = self.line(at);
        let path: Vec<Box<str>> = match name.as_deref().map(|name| name.strip_prefix("request.jwt.claim")) {
            Some(Some("s")) => Vec::new(),
            Some(Some(claim)) if claim.len() > 1 && claim.starts_with('.') => vec![claim[1..].into()],
            _ => {
                let fault = self.fault(at, "the setting is not known");
                return Err(fault
                    .hint("Known are 'request.jwt.claims' and 'request.jwt.claim.NAME'; or use auth.jwt()"));
            }
        };
        let expr = self.pool.claim(path, DataType::Text, line)?;
        Ok(Typed { expr, data_type: DataType::Text, firmness: Firmness::Claim })
    }

    fn aggregate(
        &mut self,
        aggregate: Aggregate,
        function: &ast::Function,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        if self.aggregate.take().is_none() {
            let fault = self.fault(at, format!("aggregate {} stands outside a subquery's output", brief(at)));
            return Err(fault.hint("Write (SELECT count(*) FROM … WHERE …) < 5"));
        }
        let operand = match &function.args {
            ast::FunctionArguments::List(list)
                if list.duplicate_treatment.is_some() || !list.clauses.is_empty() =>
            {
                return Err(self.unsupported(at));
            }
            ast::FunctionArguments::List(list) => match list.args.as_slice() {
                [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)]
                    if aggregate == Aggregate::Count =>
                {
                    None
                }
                [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(operand))] => Some(self.expr(operand)?),
                _ => return Err(self.unsupported(at)),
            },
            _ => return Err(self.unsupported(at)),
        };
        self.aggregate = Some(true);
        let data_type = match (aggregate, &operand) {
            (Aggregate::Count, _) | (_, None) => DataType::Integer,
            (Aggregate::Avg, _) => DataType::Real,
            (_, Some(operand)) => operand.data_type,
        };
        let operand = operand.map(|operand| Box::new(operand.expr));
        Ok(Typed::fixed(Expr::Aggregate(aggregate, operand), data_type))
    }

    fn arguments<'a>(&mut self, function: &'a ast::Function, at: &ast::Expr) -> Checked<Vec<&'a ast::Expr>> {
        match &function.args {
            ast::FunctionArguments::None => Ok(Vec::new()),
            ast::FunctionArguments::Subquery(_) => Err(self.unsupported(at)),
            ast::FunctionArguments::List(list) => list
                .args
                .iter()
                .map(|argument| match argument {
                    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument)) => Ok(argument),
                    _ => Err(self.unsupported(at)),
                })
                .collect(),
        }
    }

    pub(super) fn substring(
        &mut self,
        text: &ast::Expr,
        from: Option<&ast::Expr>,
        count: Option<&ast::Expr>,
    ) -> Checked<Typed> {
        let mut exprs = vec![self.text_operand(text)?.expr];
        exprs.push(match from {
            Some(from) => self.number_operand(from)?.expr,
            None => Expr::Value(transom_types::Value::Integer(1)),
        });
        if let Some(count) = count {
            exprs.push(self.number_operand(count)?.expr);
        }
        Ok(Typed::fixed(Expr::Call(Function::Substring, exprs), DataType::Text))
    }

    pub(super) fn trim(&mut self, text: &ast::Expr) -> Checked<Typed> {
        let operand = self.text_operand(text)?.expr;
        Ok(Typed::fixed(Expr::Call(Function::Trim, vec![operand]), DataType::Text))
    }
}

fn aggregate(name: &str) -> Option<Aggregate> {
    Some(match name {
        "count" => Aggregate::Count,
        "sum" => Aggregate::Sum,
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        _ => return None,
    })
}
