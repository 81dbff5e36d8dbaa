//! The configuration in writing: as a reference for everybody, and as it stands here.

use std::fmt::Write as _;

use super::Config;
use super::source::variable;

/// `docs/reference/config.md`.
pub fn reference_markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         <!-- Made by `vitne docs` from api/src/config/sections.rs. Change that file, not this one. -->\n\n\
         Vitne reads `vitne.toml` in the current directory, or the file named by `--config` or `VITNE_CONFIG`, and then the\n\
         environment: `VITNE_<SECTION>__<KEY>` overrides a key. A key that does not exist is fatal. `vitne config check` tells\n\
         everything that is wrong at once; `vitne config show` prints what is in force, without secrets.\n\n\
         A secret can also stand in a file of its own, named by `<key>_file`, which only its owner may read. Relative paths\n\
         start at the configuration file's directory.\n",
    );
    for (section, doc, keys) in Config::reference() {
        let _ = write!(text, "\n## `[{section}]`\n\n{doc}\n\n| key | type | default | meaning |\n|---|---|---|---|\n");
        for key in keys {
            let file = if key.secret { format!(" or `{}_file`", key.name) } else { String::new() };
            let default = key.default.map_or_else(|| "none".to_owned(), |default| format!("`{default}`"));
            let kind = key.kind.replace('|', "\\|");
            let doc = key.doc.replace('|', "\\|");
            let _ = writeln!(text, "| `{}`{file} | {kind} | {default} | {doc} |", key.name);
        }
    }
    let example = variable("database", "url");
    let _ = write!(text, "\nExample: `{example}=postgres://vitne@db/vitne` sets `database.url`.\n");
    text
}

impl Config {
    /// The settings in force as TOML. Secrets show only that they are set.
    pub fn show(&self) -> String {
        let mut text = String::new();
        for (section, values) in self.show_sections() {
            let _ = writeln!(text, "[{section}]");
            for (name, value) in values {
                let _ = match value {
                    Some(value) => writeln!(text, "{name} = {value}"),
                    None => writeln!(text, "# {name} is not set"),
                };
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}
