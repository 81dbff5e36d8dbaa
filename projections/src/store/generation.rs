//! Where the rows of one generation of a projection live.

use crate::Projection;

/// One generation of a projection's rows: `activity`, version 1, built for the second time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Generation {
    /// The projection's name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Counts the times that this version was built.
    pub generation: u32,
}

impl Generation {
    /// A generation of the given projection.
    pub fn of(projection: &dyn Projection, generation: u32) -> Self {
        Self { name: projection.name().to_owned(), version: projection.version(), generation }
    }

    /// The schema that holds it, as an identifier.
    pub fn schema(&self) -> String {
        quoted(&format!("{}_v{}_g{}", self.name, self.version, self.generation))
    }

    /// Its table, schema included, as an identifier.
    pub fn table(&self, projection: &dyn Projection) -> String {
        format!("{}.{}", self.schema(), quoted(projection.table().name))
    }

    /// The version as the database keeps it.
    pub(crate) fn version_i32(&self) -> i32 {
        i32::try_from(self.version).unwrap_or(i32::MAX)
    }

    /// The generation as the database keeps it.
    pub(crate) fn generation_i32(&self) -> i32 {
        i32::try_from(self.generation).unwrap_or(i32::MAX)
    }
}

impl std::fmt::Display for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} v{} g{}", self.name, self.version, self.generation)
    }
}

/// An SQL identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
