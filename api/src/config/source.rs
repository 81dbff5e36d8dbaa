//! Where settings come from: the file, overridden by the environment. Every key must be a known one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::secret;
use super::value::Setting;

/// Before the name of every variable: `VITNE_<SECTION>__<KEY>`.
pub const PREFIX: &str = "VITNE_";
/// The variable that names the file; the only one that is not a setting.
pub const FILE_VARIABLE: &str = "VITNE_CONFIG";

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a key such as `database.url`, a variable, or the file.
    pub place: String,
    /// What, and what to do.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.place, self.message)
    }
}

/// A key as the reference lists it.
#[derive(Clone, Debug)]
pub struct KeyDoc {
    /// Its name within its section.
    pub name: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// Whether `<name>_file` is a key too.
    pub secret: bool,
    /// Its default, as TOML.
    pub default: Option<String>,
    /// What it means.
    pub doc: String,
}

/// A section of the configuration; made by the `sections!` macro.
pub trait Section: Default {
    /// Its name.
    const NAME: &'static str;
    /// What it is about.
    fn doc() -> String;
    /// Its keys.
    fn keys() -> Vec<KeyDoc>;
    /// Reads it.
    fn read(source: &mut Source<'_>) -> Self;
    /// Its values, as TOML, secrets hidden; `None` for those that are not set.
    fn show(&self) -> Vec<(&'static str, Option<String>)>;
}

/// The settings as found, before they have types.
pub struct Source<'a> {
    file: toml::Table,
    directory: PathBuf,
    environment: BTreeMap<String, String>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Source<'a> {
    /// Takes the text of a file (relative paths in it start at `directory`) and the environment's
    /// variables, of which only those with our prefix count.
    pub fn new(
        file: toml::Table,
        directory: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        let environment =
            environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX) && name != FILE_VARIABLE).collect();
        Self { file, directory: directory.to_owned(), environment, problems }
    }

    /// Notes a problem with a key.
    pub fn problem(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { place: place.into(), message: message.into() });
    }

    /// Reads one key, taking it away, so that what is left at the end is unknown.
    pub fn take<T: Setting>(&mut self, section: &'static str, name: &'static str) -> Option<T> {
        let value = self.take_raw(section, name);
        let file = if T::SECRET { self.take_raw(section, &format!("{name}_file")) } else { None };
        let place = format!("{section}.{name}");
        let result = match (value, file) {
            (None, None) => return None,
            (Some(_), Some(_)) => Err(format!("is given twice; give either {name} or {name}_file")),
            (Some(raw), None) => raw.read(),
            (None, Some(raw)) => raw.read::<PathBuf>().and_then(|path| {
                let text = secret::read_file(&self.directory.join(path))?;
                T::from_text(&text)
            }),
        };
        result.map_err(|message| self.problem(place, message)).ok()
    }

    /// A path as given, relative ones from the file's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn take_raw(&mut self, section: &str, name: &str) -> Option<Raw> {
        let from_file = self.file.get_mut(section).and_then(toml::Value::as_table_mut).and_then(|t| t.remove(name));
        let from_environment = self.environment.remove(&variable(section, name));
        from_environment.map(Raw::Text).or(from_file.map(Raw::Toml))
    }

    /// Notes every key that nobody has taken, with the known key that is nearest to it.
    pub fn reject_unknown(&mut self, known: &[(&'static str, Vec<KeyDoc>)]) {
        let mut keys: Vec<String> = Vec::new();
        for (section, docs) in known {
            keys.extend(docs.iter().map(|key| format!("{section}.{}", key.name)));
            keys.extend(docs.iter().filter(|key| key.secret).map(|key| format!("{section}.{}_file", key.name)));
        }
        for (section, value) in std::mem::take(&mut self.file) {
            let is_section = known.iter().any(|(name, _)| *name == section);
            match value {
                toml::Value::Table(left) if is_section => {
                    for name in left.keys() {
                        let key = format!("{section}.{name}");
                        let message = unknown(&key, &keys);
                        self.problem(key, message);
                    }
                }
                _ if is_section => self.problem(section, "must be a section"),
                _ => {
                    let sections: Vec<String> = known.iter().map(|(name, _)| (*name).to_owned()).collect();
                    let message = unknown(&section, &sections).replace("key", "section");
                    self.problem(section, message);
                }
            }
        }
        let variables: Vec<String> =
            keys.iter().filter_map(|key| key.split_once('.').map(|(section, name)| variable(section, name))).collect();
        for name in std::mem::take(&mut self.environment).into_keys() {
            let message = unknown(&name, &variables);
            self.problem(name, message);
        }
    }
}

enum Raw {
    Toml(toml::Value),
    Text(String),
}

impl Raw {
    fn read<T: Setting>(self) -> Result<T, String> {
        match self {
            Self::Toml(value) => T::from_toml(&value),
            Self::Text(text) => T::from_text(&text),
        }
    }
}

/// The variable that sets a key.
pub fn variable(section: &str, name: &str) -> String {
    format!("{PREFIX}{}__{}", section.to_uppercase(), name.to_uppercase())
}

fn unknown(key: &str, known: &[String]) -> String {
    match known.iter().min_by_key(|candidate| distance(key, candidate)) {
        Some(nearest) if distance(key, nearest) <= key.len() / 2 => {
            format!("is not a known key; did you mean {nearest}?")
        }
        _ => "is not a known key".to_owned(),
    }
}

/// How many single-character changes lie between two words (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for ((b, above_left), above) in to.iter().zip(&row).zip(row.iter().skip(1)) {
            left = (above_left + usize::from(a != *b)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (from, to, expected) in
            [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("url", "urls", 1), ("ab", "ba", 2)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }
}
