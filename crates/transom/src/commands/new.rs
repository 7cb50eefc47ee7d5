//! `transom new`: a project to start from.

use std::{fs, path::Path};

use anyhow::Context;

use crate::cli::Template;

#[path = "../../templates/mod.rs"]
mod templates;

use templates::{BLANK, SHOP};

pub fn run(folder: &Path, template: Template) -> anyhow::Result<()> {
    anyhow::ensure!(
        !folder.exists() || folder.is_dir(),
        "'{}' is a file: nothing was written; name another folder",
        folder.display()
    );
    let taken = folder.exists() && fs::read_dir(folder)?.next().is_some();
    anyhow::ensure!(!taken, "'{}' exists and is not empty: nothing was written", folder.display());
    let files = match template {
        Template::Shop => SHOP,
        Template::Blank => BLANK,
    };
    for (name, text) in files {
        let file = folder.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make the folder {}", parent.display()))?;
        }
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    say!("{} is ready. Next:\n\n  transom serve {}\n", folder.display(), folder.display());
    Ok(())
}
