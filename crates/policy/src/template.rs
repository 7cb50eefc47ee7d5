//! A policy's condition before it meets a plan: an expression whose rows, queries and parameters are numbered in a pool of their own.

use transom_query::{
    Expr, QueryId,
    plan::{ParamId, ParamKind, ParamSource, Parameter},
};
use transom_types::DataType;

use crate::fault::{Checked, Fault};

/// Stands, in a template, for the row that the policy judges.
pub(crate) const OWN: QueryId = QueryId(u16::MAX);

/// The parameters and query ids of every template of one file.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    params: Vec<Parameter>,
    queries: u16,
}

impl Pool {
    /// A parameter; equal ones are one.
    pub fn param(&mut self, source: ParamSource, kind: ParamKind, line: u64) -> Checked<ParamId> {
        let same = |param: &Parameter| param.source == source && param.kind == kind;
        if let Some(at) = self.params.iter().position(same) {
            return Ok(ParamId(at as u16));
        }
        let at =
            u16::try_from(self.params.len()).map_err(|_| Fault::at(line, "too many different claims"))?;
        let name = match &source {
            ParamSource::Claim(path) => format!("claim {}", path.join(".")),
            _ => "policy".to_owned(),
        };
        self.params.push(Parameter { source, kind, name: name.into() });
        Ok(ParamId(at))
    }

    /// A claim of the caller's token.
    pub fn claim(&mut self, path: Vec<Box<str>>, data_type: DataType, line: u64) -> Checked<Expr> {
        let param = self.param(ParamSource::Claim(path), ParamKind::Scalar(data_type), line)?;
        Ok(Expr::Param(param))
    }

    /// The parameter of this id.
    pub fn get(&self, id: ParamId) -> Option<&Parameter> {
        self.params.get(usize::from(id.0))
    }

    /// The path and type of the claim that an expression is, if it is one.
    pub fn as_claim(&self, expr: &Expr) -> Option<(&[Box<str>], DataType)> {
        let Expr::Param(id) = expr else { return None };
        match self.get(*id)? {
            Parameter { source: ParamSource::Claim(path), kind: ParamKind::Scalar(data_type), .. } => {
                Some((path, *data_type))
            }
            _ => None,
        }
    }

    /// A fresh id for a subquery.
    pub fn query(&mut self, line: u64) -> Checked<QueryId> {
        let id = QueryId(self.queries);
        self.queries = self
            .queries
            .checked_add(1)
            .filter(|next| *next < OWN.0)
            .ok_or_else(|| Fault::at(line, "too many subqueries in one policy file"))?;
        Ok(id)
    }
}
