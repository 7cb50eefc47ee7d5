//! `transom config`.

use transom_config::{effective, json_schema, reference_markdown};

use crate::{
    cli::{ConfigAction, Folder, Project as Flags},
    project::Project,
};

pub fn run(flags: &Flags, action: Option<ConfigAction>) -> anyhow::Result<()> {
    match action.unwrap_or_else(|| ConfigAction::Show(Folder::default())) {
        ConfigAction::Schema => say!("{}", serde_json::to_string_pretty(&json_schema())?),
        ConfigAction::Reference => say_on!("{}", reference_markdown()),
        ConfigAction::Show(folder) => {
            let flags = flags.within(&folder);
            let project = Project::open(&flags.dir, &flags.overrides()?)?;
            let entries = effective(&project.config);
            let key_width = entries.iter().map(|entry| entry.key.len()).max().unwrap_or(0);
            let value_width =
                entries.iter().map(|entry| entry.value.chars().count()).max().unwrap_or(0).min(48);
            for entry in entries {
                say!("{:key_width$} = {:value_width$}  # {}", entry.key, entry.value, entry.origin);
            }
        }
    }
    Ok(())
}
