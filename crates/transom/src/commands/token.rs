//! `transom token`: a token for development, signed with the project's own secret.

use std::time::{SystemTime, UNIX_EPOCH};

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
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(transom_identity::mint(&secret, &token, now).map_err(Faults::from)?)
}
