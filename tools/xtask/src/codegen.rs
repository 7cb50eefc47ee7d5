//! The generated reference pages: made from the code that they describe, so that they cannot go stale.

mod errors;

use std::{fs, path::Path};

use anyhow::Context;

/// Each page and what it should hold.
fn pages() -> anyhow::Result<Vec<(&'static str, String)>> {
    let schema = serde_json::to_string_pretty(&transom_config::json_schema())?;
    Ok(vec![
        ("docs/reference/config.md", transom_config::reference_markdown()),
        ("docs/reference/transom.schema.json", format!("{schema}\n")),
        ("docs/reference/errors.md", errors::page()?),
    ])
}

/// Writes every page.
pub fn write(root: &Path) -> anyhow::Result<()> {
    for (path, text) in pages()? {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Errors: the pages that are out of date.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let stale =
        |(path, text): &(&str, String)| fs::read_to_string(root.join(path)).ok().as_ref() != Some(text);
    let stale: Vec<&str> = pages()?.iter().filter(|page| stale(page)).map(|(path, _)| *path).collect();
    anyhow::ensure!(stale.is_empty(), "out of date: {}. Run `cargo xtask codegen`", stale.join(", "));
    Ok(())
}
