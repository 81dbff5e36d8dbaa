//! `vitne events`.

use std::fmt::Write as _;

use vitne_domain::AnyEvent;
use vitne_domain::event::Sensitivity;

use super::outcome::say;
use super::{Exit, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// As Markdown, as in docs/reference/events.md.
    #[arg(long)]
    markdown: bool,
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    say(&if arguments.markdown { vitne_domain::catalogue::catalogue_markdown() } else { table() })?;
    Ok(Exit::Fine)
}

/// Name, version, class, purpose and basis, then the fields. `*` marks a personal field, `!` a secret.
fn table() -> String {
    let mut text = String::new();
    for spec in AnyEvent::catalogue() {
        let fields: Vec<String> = spec
            .fields
            .iter()
            .map(|field| match field.sensitivity {
                Sensitivity::Plain => field.name.to_owned(),
                Sensitivity::Personal => format!("{}*", field.name),
                Sensitivity::Secret => format!("{}!", field.name),
            })
            .collect();
        let _ = writeln!(
            text,
            "{}.{} v{}  {}  {:?}/{:?}\n    {}\n    fields: {}",
            spec.aggregate,
            spec.name,
            spec.version,
            spec.class.as_str(),
            spec.purpose,
            spec.basis,
            spec.doc.trim(),
            if fields.is_empty() { "none".to_owned() } else { fields.join(", ") }
        );
    }
    text.push_str("\n* personal data   ! secret, never disclosed\n");
    text
}
