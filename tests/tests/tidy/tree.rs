//! The files of the repository, as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
pub(crate) struct Source {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

impl Source {
    /// Whether it is only ever compiled for tests.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.contains("/tests/")
            || self.path.starts_with("tests/")
            || name == "tests.rs"
            || name.ends_with("_tests.rs")
            || self.path == "eventlog/src/database/testing.rs"
    }

    /// The part before the tests at its end.
    pub(crate) fn code(&self) -> &str {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// The room it is in: the first directory of its path.
    pub(crate) fn room(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// Its lines with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Every text file below the root but what is built, fetched or git's own.
pub(crate) fn everything() -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root(), &root(), &mut found);
    assert!(found.len() > 50, "the tree was found");
    found
}

/// Every Rust file.
pub(crate) fn rust() -> Vec<Source> {
    everything().into_iter().filter(|source| source.path.ends_with(".rs")).collect()
}

/// Fails with the list of what breaks a rule.
#[track_caller]
pub(crate) fn none(broken: Vec<String>, rule: &str) {
    assert!(broken.is_empty(), "{rule}\n{}", broken.join("\n"));
}

fn walk(root: &Path, directory: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && name != ".ci" {
            continue;
        }
        if path.is_dir() {
            if !["target", "node_modules", "__pycache__"].contains(&name.as_str()) {
                walk(root, &path, found);
            }
        } else if path.is_file()
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}
