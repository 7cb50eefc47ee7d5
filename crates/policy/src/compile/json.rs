//! Ways into JSON, and into the claims of the caller's token.

use sqlparser::ast;
use transom_query::{
    Expr,
    plan::{ParamKind, ParamSource},
    request::{IsValue, JsonKey, JsonStep},
};
use transom_types::{DataType, Value};

use super::{
    Compiler,
    literals::array_elements,
    types::{Firmness, Typed, brief},
};
use crate::fault::Checked;

impl Compiler<'_> {
    /// `left -> right`, `left ->> right`
    pub(super) fn json_step(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        as_text: bool,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        let base = self.json_operand(left)?;
        let key = match self.expr(right)?.expr {
            Expr::Value(Value::Text(key)) => JsonKey::Member(key),
            Expr::Value(Value::Integer(index)) => JsonKey::Index(index),
            _ => {
                let fault = self.fault(right, format!("{} is not a constant key", brief(right)));
                return Err(fault.hint("Write -> 'key' or -> 0"));
            }
        };
        self.step(base, key, as_text, at)
    }

    /// `left #> '{a,b}'`, `left #>> '{a,b}'`
    pub(super) fn json_path(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        as_text: bool,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        let mut typed = self.json_operand(left)?;
        let path = self.expr(right)?;
        let elements: Option<Vec<String>> =
            path.constant_text().and_then(array_elements).and_then(|keys| keys.into_iter().collect());
        let Some(keys) = elements.filter(|keys| !keys.is_empty()) else {
            return Err(self
                .fault(right, format!("{} is not a constant path", brief(right)))
                .hint("Write '{a,b}'"));
        };
        let last = keys.len() - 1;
        for (place, key) in keys.into_iter().enumerate() {
            let key = key.parse().map_or_else(|_| JsonKey::Member(key.into()), JsonKey::Index);
            typed = self.step(typed, key, as_text && place == last, at)?;
        }
        Ok(typed)
    }

    fn json_operand(&mut self, at: &ast::Expr) -> Checked<Typed> {
        let typed = self.expr(at)?;
        match (typed.firmness, typed.data_type) {
            (Firmness::Fixed, DataType::Json | DataType::Any) => Ok(typed),
            (Firmness::Literal, _) => self.coerce(typed, DataType::Json, at),
            _ => {
                let message = format!("{} is {}, not json", brief(at), typed.data_type.name());
                Err(self.fault(at, message).hint("Cast it: (…)::json"))
            }
        }
    }

    /// A step into a claim stays a claim, so that the engine is given a plain value it can use an index with.
    fn step(&mut self, base: Typed, key: JsonKey, as_text: bool, at: &ast::Expr) -> Checked<Typed> {
        let data_type = if as_text { DataType::Text } else { DataType::Json };
        if let Some((path, DataType::Json)) = self.pool.as_claim(&base.expr)
            && let JsonKey::Member(member) = &key
        {
            let path = path.iter().cloned().chain([member.clone()]).collect();
            let expr = self.pool.claim(path, data_type, self.line(at))?;
            let firmness = if as_text { Firmness::Claim } else { Firmness::Fixed };
            return Ok(Typed { expr, data_type, firmness });
        }
        let step = JsonStep { key, as_text };
        let expr = match base.expr {
            Expr::Json(operand, mut steps) if steps.last().is_none_or(|last| !last.as_text) => {
                steps.push(step);
                Expr::Json(operand, steps)
            }
            operand => Expr::Json(Box::new(operand), vec![step]),
        };
        Ok(Typed::fixed(expr, data_type))
    }

    /// `whole @> part`
    pub(super) fn json_contains(&mut self, whole: &ast::Expr, part: &ast::Expr) -> Checked<Typed> {
        let whole = self.json_operand(whole)?;
        let part = self.json_operand(part)?;
        Ok(Typed::boolean(Expr::JsonContains(Box::new(whole.expr), Box::new(part.expr))))
    }

    /// `claim ? element`: the claim is an array that holds the text.
    pub(super) fn claim_has(
        &mut self,
        claim: &ast::Expr,
        element: &ast::Expr,
        at: &ast::Expr,
    ) -> Checked<Typed> {
        let list = self.json_operand(claim)?;
        let operand = self.text_operand(element)?;
        match self.claim_list(&list, DataType::Text, at)? {
            // Without the claim the answer is unknown, so that NOT does not make it true.
            Some(elements) => {
                let present = Expr::Is(Box::new(list.expr), IsValue::NotNull);
                let held = Expr::InList(Box::new(operand.expr), elements);
                Ok(Typed::boolean(Expr::Case(vec![(present, held)], None)))
            }
            None => {
                let fault = self.fault(at, "operator ? is supported on claims only");
                Err(fault.hint("Use @>, or ->> 'key' IS NOT NULL"))
            }
        }
    }

    /// The elements of a claim that is an array, as a list parameter; `None` when `typed` is no claim.
    pub(super) fn claim_list(
        &mut self,
        typed: &Typed,
        element: DataType,
        at: &ast::Expr,
    ) -> Checked<Option<transom_query::plan::ParamId>> {
        let Some((path, DataType::Json)) = self.pool.as_claim(&typed.expr) else { return Ok(None) };
        let source = ParamSource::Claim(path.to_vec());
        let line = self.line(at);
        self.pool.param(source, ParamKind::List(element), line).map(Some)
    }
}
