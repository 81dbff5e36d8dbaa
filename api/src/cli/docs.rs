//! `vitne docs`: the documents that are made from the program, so that they cannot disagree with it.

use std::path::{Path, PathBuf};

use super::outcome::say;
use super::{Exit, Outcome};
use crate::config::document::reference_markdown;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The source tree to write into.
    #[arg(long, default_value = ".", value_name = "DIRECTORY")]
    tree: PathBuf,
    /// Write nothing; fail when a document is not what the program would write.
    #[arg(long)]
    check: bool,
}

/// Path and text of each document.
fn documents() -> Vec<(&'static str, String)> {
    vec![
        ("docs/reference/config.md", reference_markdown()),
        ("docs/reference/events.md", vitne_domain::catalogue::catalogue_markdown()),
        ("api/schema.graphql", crate::graphql::sdl()),
    ]
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    let mut stale = false;
    for (path, text) in documents() {
        if std::fs::read_to_string(arguments.tree.join(path)).is_ok_and(|present| present == text) {
            continue;
        }
        stale = true;
        if arguments.check {
            say(&format!("{path} is not what the program says; run `vitne docs`\n"))?;
        } else {
            write(&arguments.tree.join(path), &text)?;
            say(&format!("wrote {path}\n"))?;
        }
    }
    Ok(if stale && arguments.check { Exit::Found } else { Exit::Fine })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_written_and_drift_is_found() {
        let tree = tempfile::tempdir().unwrap();
        let with = |check| run(Arguments { tree: tree.path().to_owned(), check }).unwrap();
        assert_eq!(with(true), Exit::Found);
        assert_eq!(with(false), Exit::Fine);
        assert_eq!(with(true), Exit::Fine);
        std::fs::write(tree.path().join("docs/reference/config.md"), "other").unwrap();
        assert_eq!(with(true), Exit::Found);
    }

    #[test]
    fn the_documents_in_the_tree_are_current() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (path, text) in documents() {
            let present = std::fs::read_to_string(tree.join(path)).unwrap_or_default();
            assert!(present == text, "{path} is not what the program says; run `vitne docs`");
        }
    }
}
