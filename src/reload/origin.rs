//! Where a program comes from: its files, and which of the programs it is that were ever in force at this store.

use aws_lc_rs::digest::{Context, SHA256};

use crate::activity::Feed;
use crate::generation::Origin;
use crate::store::{Store, StoreError};
use crate::text::SourceMap;
use crate::time::Clock;

/// Notes a program that is about to be in force.
pub(super) async fn origin(store: &Store, sources: SourceMap, clock: &dyn Clock, feed: &Feed) -> Result<Origin, StoreError> {
    let program = store.note_program(digest(&sources), clock.now()).await?;
    // Places in the files are shown by an inspector; without one, the text would be kept for nothing.
    let sources = if feed.remembers() { sources } else { SourceMap::default() };
    Ok(Origin { sources, program: Some(program.id), since: Some(program.since) })
}

/// The SHA-256 of what a program is made of: names and texts with their lengths.
fn digest(sources: &SourceMap) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for (_, file) in sources.iter() {
        for part in [&file.name, &file.text] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
