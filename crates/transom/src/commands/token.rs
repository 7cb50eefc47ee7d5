//! `transom token`: a token for development, signed with the project's own secret.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value as Json};
use transom_identity::MintedToken;

use crate::{cli, commands, faults::Faults, project::Project, wiring};

pub fn run(asked: &cli::Token) -> anyhow::Result<()> {
    let project = Project::open(&asked.project.dir, &asked.project.overrides()?)?;
    let token = MintedToken {
        role: Some(asked.role.clone()),
        subject: asked.sub.clone(),
        lifetime_seconds: (asked.lifetime > 0).then_some(asked.lifetime),
        claims: commands::claims(&asked.claims)?,
        ..MintedToken::default()
    };
    say!("{}", mint(&project, token)?);
    Ok(())
}

/// Signs a token with the project's secret, for its audience and issuer.
pub fn mint(project: &Project, mut token: MintedToken) -> anyhow::Result<String> {
    let auth = &project.config.auth;
    let secret = wiring::secret(auth)?.ok_or_else(|| {
        anyhow::anyhow!("auth.secret is not set: only a project with a secret of its own can mint tokens")
    })?;
    token.audience = token.audience.or_else(|| auth.audience.clone());
    token.issuer = token.issuer.or_else(|| auth.issuer.clone());
    place_role(&mut token, &auth.role_claim)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(transom_identity::mint(&secret, &token, now).map_err(Faults::from)?)
}

/// Puts the role where the project looks for it (`auth.role_claim`); a claim that was given there stays.
fn place_role(token: &mut MintedToken, path: &str) -> anyhow::Result<()> {
    let keys: Vec<&str> = path.trim_start_matches('.').split('.').collect();
    if keys == ["role"] {
        return Ok(());
    }
    let Some(role) = token.role.take() else { return Ok(()) };
    let plain =
        |key: &&str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-$@".contains(c));
    anyhow::ensure!(
        keys.iter().all(plain),
        "auth.role_claim is {path:?}, a place that no role can be put to: give the whole claim with --claim NAME=JSON"
    );
    let (last, before) = keys.split_last().unwrap_or((&"role", &[]));
    let mut at = &mut token.claims;
    for key in before {
        let inner = at.entry(*key).or_insert_with(|| Json::Object(Map::new()));
        at = inner.as_object_mut().ok_or_else(|| {
            anyhow::anyhow!("--claim {key}: the role belongs inside ({path}), so it has to be an object")
        })?;
    }
    at.entry(*last).or_insert(Json::String(role));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn placed(path: &str, claims: Json) -> Result<Json, String> {
        let claims = claims.as_object().unwrap().clone();
        let mut token = MintedToken { role: Some("staff".to_owned()), claims, ..MintedToken::default() };
        place_role(&mut token, path).map_err(|error| error.to_string())?;
        Ok(json!([token.role, token.claims]))
    }

    #[test]
    fn the_role_stands_where_the_project_looks_for_it() {
        assert_eq!(placed("role", json!({})), Ok(json!(["staff", {}])));
        assert_eq!(placed("app.role", json!({})), Ok(json!([null, { "app": { "role": "staff" } }])));
        assert_eq!(
            placed(".app.role", json!({ "app": { "x": 1 } })),
            Ok(json!([null, { "app": { "x": 1, "role": "staff" } }]))
        );
        assert_eq!(
            placed("app.role", json!({ "app": { "role": "mine" } })),
            Ok(json!([null, { "app": { "role": "mine" } }]))
        );
        assert!(placed("app.role", json!({ "app": 1 })).unwrap_err().contains("object"));
        assert!(placed("roles[0]", json!({})).unwrap_err().contains("--claim"));
    }
}
