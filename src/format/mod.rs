//! A schema's tree → the same schema laid out anew, in the words of its dialect or of 3.1. What the compiler sees stays as it is:
//! values keep their bytes, and so does everything between the elements in an element that holds text. Comments, CDATA sections, processing instructions,
//! and single blank lines are kept. Absent: files, and any opinion on a file that is not well-formed XML.
//!
//! The layout (2026-11-20): four spaces a level, a tag on one line unless it is longer than [`WIDTH`] and has several attributes, values
//! in double quotes unless they hold one, ` />` for what is empty, an empty line between models.

mod changes;
mod comment;
mod printer;

pub use changes::{Difference, changes, differences};

use crate::diagnostics::Diagnostics;
use crate::ids::FileId;
use crate::schema::{Dialect, dialect_of};
use crate::syntax;
use crate::text::SourceFile;

/// The columns that a tag with several attributes may take.
pub const WIDTH: usize = 140;

/// What is asked for beyond layout.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Rewrite the words of an older dialect to those of 3.1.
    pub upgrade: bool,
    /// The dialect of the file; its root element tells when it is not given.
    pub dialect: Option<Dialect>,
}

/// Lays out a schema.
///
/// # Errors
/// When the file is not well-formed, or no data model: what is wrong with it.
pub fn format(file: FileId, source: &SourceFile, options: Options) -> Result<String, Diagnostics> {
    let mut found = Diagnostics::default();
    let tree = syntax::parse(file, source, &mut found);
    let Some(root) = tree.root().filter(|_| found.is_empty()) else {
        return Err(found);
    };
    let Some(dialect) = dialect_of(root, options.dialect, &mut found) else {
        return Err(found);
    };
    Ok(printer::print(&tree, &source.text, if options.upgrade { dialect } else { Dialect::default() }))
}
