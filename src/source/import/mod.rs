//! The catalogue of a database → a first schema for its tables, what `[source.postgres]` must say where names differ, and what was left out
//! and why. Absent: webhooks, which nobody but the user can think of, and files.

mod model;
mod names;
mod tables;
mod text;

use super::error::SourceError;
use super::prepare::Way;
use tables::Table;

/// Which tables.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Schemas of the database; none: `public`, unless tables are named with theirs.
    pub schemas: Vec<String>,
    /// Tables, `table` or `schema.table`, with `*` for any text; none: all.
    pub tables: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The schema file.
    pub schema: String,
    /// What belongs below `[source.postgres]` in `webhookc.toml`; empty when all names are the same.
    pub mapping: String,
    /// What was left out or is otherwise than one might think, a line each.
    pub notes: Vec<String>,
    /// How many models there are.
    pub models: usize,
    /// How many relations they have.
    pub relations: usize,
}

/// Reads the tables of a database.
///
/// # Errors
/// When the database does not answer, or has no such table.
pub async fn import(url: &str, wish: &Wish) -> Result<Imported, SourceError> {
    let client = Way::to(url)?.connect().await?;
    let mut notes = Vec::new();
    let tables = match tables::read(&client, wish, &mut notes).await {
        // What was left out is why none can be a model.
        Err(SourceError::Unfit(mut mistakes)) => {
            mistakes.append(&mut notes);
            return Err(SourceError::Unfit(mistakes));
        }
        read => read?,
    };
    let models = model::models(&tables, &mut notes);
    let relations = models.iter().map(|model| model.relations.len()).sum();
    Ok(Imported { schema: text::schema(&models)?, mapping: text::mapping(&models), notes, models: models.len(), relations })
}

/// `schema.table`, as people write it.
fn full_name(table: &Table) -> String {
    format!("{}.{}", table.name.0, table.name.1)
}
