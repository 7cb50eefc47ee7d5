//! What a verified token's claims say about its use: time, audience, issuer and role.

use std::borrow::Cow;

use serde_json::Value as Json;
use transom_types::{Problem, limits::NAME_BYTES_MAX};

use crate::{refusal, role_path::RolePath};

/// What the claims are judged by.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) audiences: Vec<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) role: RolePath,
    pub(crate) skew_seconds: i64,
    /// Whether claims are read just as PostgREST reads them.
    pub(crate) compatible: bool,
}

/// When a token may be used, clock skew included: from `from` on and before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    issued: i64,
    from: i64,
    until: i64,
}

impl Window {
    /// The first moment at which it may no longer be used.
    pub(crate) fn ends_at(self) -> i64 {
        self.until
    }

    /// Refuses a moment outside.
    pub(crate) fn check(self, now_seconds: i64) -> Result<(), Problem> {
        if now_seconds >= self.until {
            return Err(refusal::claims("JWT expired"));
        }
        if now_seconds < self.from {
            return Err(refusal::claims("JWT not yet valid"));
        }
        if now_seconds < self.issued {
            return Err(refusal::claims("JWT issued at future"));
        }
        Ok(())
    }
}

impl Rules {
    /// When these claims may be used.
    pub(crate) fn window(&self, claims: &Json) -> Result<Window, Problem> {
        let skew = self.skew_seconds;
        Ok(Window {
            until: seconds(claims, "exp")?.map_or(i64::MAX, |at| at.saturating_add(skew)),
            from: seconds(claims, "nbf")?.map_or(i64::MIN, |at| at.saturating_sub(skew)),
            issued: seconds(claims, "iat")?.map_or(i64::MIN, |at| at.saturating_sub(skew)),
        })
    }

    /// Refuses claims made for others or by others. A token without an audience is for everyone, as PostgREST has it.
    pub(crate) fn check_parties(&self, claims: &Json) -> Result<(), Problem> {
        const FORM: &str = "The JWT 'aud' claim must be a string or an array of strings";
        let accepted = |audience: &str| self.audiences.iter().any(|own| own == audience);
        let for_us = match claims.get("aud") {
            None | Some(Json::Null) => true,
            Some(Json::String(audience)) => accepted(audience),
            Some(Json::Array(audiences)) => {
                let texts: Option<Vec<&str>> = audiences.iter().map(Json::as_str).collect();
                let texts = texts.ok_or_else(|| refusal::claims(FORM))?;
                texts.is_empty() || texts.into_iter().any(accepted)
            }
            Some(_) => return Err(refusal::claims(FORM)),
        };
        if !for_us && !self.audiences.is_empty() {
            return Err(refusal::claims("JWT not in audience"));
        }
        match &self.issuer {
            Some(issuer) if claims.get("iss").and_then(Json::as_str) != Some(issuer) => {
                Err(refusal::claims("JWT not from the expected issuer"))
            }
            _ => Ok(()),
        }
    }

    /// The role that the claims ask for, if any.
    pub(crate) fn role<'a>(&self, claims: &'a Json) -> Result<Option<Cow<'a, str>>, Problem> {
        match self.role.find(claims) {
            None => Ok(None),
            Some(Json::String(role)) if self.compatible => Ok(Some(role.into())),
            Some(other) if self.compatible => Ok(Some(other.to_string().into())),
            Some(Json::Null) => Ok(None),
            Some(Json::String(role)) if (1..=NAME_BYTES_MAX).contains(&role.len()) => Ok(Some(role.into())),
            Some(_) => Err(refusal::claims("The JWT role claim must be a role's name")),
        }
    }
}

/// A NumericDate (RFC 7519, section 2): seconds, possibly with a fraction, which is cut off.
fn seconds(claims: &Json, name: &str) -> Result<Option<i64>, Problem> {
    match claims.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Number(number)) => {
            // `as` saturates: what lies beyond is as good as never.
            let whole = number.as_i64().or_else(|| number.as_f64().map(|real| real.floor() as i64));
            let beyond = if number.as_str().starts_with('-') { i64::MIN } else { i64::MAX };
            Ok(Some(whole.unwrap_or(beyond)))
        }
        Some(_) => Err(refusal::claims(&format!("The JWT '{name}' claim must be a number"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value as Json, json};

    use super::{RolePath, Rules};

    fn rules() -> Rules {
        Rules {
            audiences: vec!["shop".to_owned(), "https://shop.example".to_owned()],
            issuer: None,
            role: RolePath::parse("role").unwrap(),
            skew_seconds: 30,
            compatible: false,
        }
    }

    fn check(claims: Json, now_seconds: i64, expected: Option<&str>) {
        let rules = rules();
        let judged = rules
            .check_parties(&claims)
            .and_then(|()| rules.window(&claims))
            .and_then(|window| window.check(now_seconds))
            .and_then(|()| rules.role(&claims).map(|_| ()));
        assert_eq!(
            judged.err().map(|problem| problem.message().to_owned()).as_deref(),
            expected,
            "{claims} at {now_seconds}"
        );
    }

    #[test]
    fn time_is_judged_with_skew_at_both_edges() {
        check(json!({"exp": 1000}), 1029, None);
        check(json!({"exp": 1000}), 1030, Some("JWT expired"));
        check(json!({"exp": 1000.9}), 1029, None);
        check(json!({"exp": "1000"}), 0, Some("The JWT 'exp' claim must be a number"));
        check(json!({"exp": 1e300}), i64::MAX - 1, None);
        check(json!({"exp": -1e300}), 0, Some("JWT expired"));
        check(json!({"exp": u64::MAX}), 0, None);
        check(json!({"exp": null}), 0, None);
        check(json!({"nbf": 1000}), 970, None);
        check(json!({"nbf": 1000}), 969, Some("JWT not yet valid"));
        check(json!({"nbf": []}), 969, Some("The JWT 'nbf' claim must be a number"));
        check(json!({"iat": 1000}), 970, None);
        check(json!({"iat": 1000}), 969, Some("JWT issued at future"));
        check(json!({"iat": true}), 969, Some("The JWT 'iat' claim must be a number"));
    }

    #[test]
    fn audience_follows_postgrest() {
        let form = Some("The JWT 'aud' claim must be a string or an array of strings");
        check(json!({}), 0, None);
        check(json!({"aud": null}), 0, None);
        check(json!({"aud": []}), 0, None);
        check(json!({"aud": "shop"}), 0, None);
        check(json!({"aud": ["x", "https://shop.example"]}), 0, None);
        check(json!({"aud": "other"}), 0, Some("JWT not in audience"));
        check(json!({"aud": ["x"]}), 0, Some("JWT not in audience"));
        check(json!({"aud": ["shop", 1]}), 0, form);
        check(json!({"aud": 1}), 0, form);
    }

    #[test]
    fn role_is_a_name() {
        check(json!({"role": "author"}), 0, None);
        for bad in [json!(1), json!(""), json!(["a"]), json!("x".repeat(256))] {
            check(json!({ "role": bad }), 0, Some("The JWT role claim must be a role's name"));
        }
    }
}
