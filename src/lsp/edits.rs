//! Edits of several files as the client wants them, with the versions of the texts that they are of.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use lsp_types::{DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit, Url, WorkspaceEdit};

use super::world::World;

/// How the client calls what it has open, and what edits of it look like.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    open: BTreeMap<PathBuf, (Url, i32)>,
    versioned: bool,
}

impl Addresses {
    pub(super) fn of(world: &World) -> Self {
        let open = world.documents.values().map(|document| (document.path.clone(), (document.url.clone(), document.version)));
        Self { open: open.collect(), versioned: world.versioned_edits }
    }

    /// The address of a file.
    pub(super) fn url(&self, path: &Path) -> Option<Url> {
        self.open.get(path).map(|(url, _)| url.clone()).or_else(|| Url::from_file_path(path).ok())
    }

    fn version(&self, url: &Url) -> Option<i32> {
        self.open.values().find(|(known, _)| known == url).map(|(_, version)| *version)
    }
}

/// Edits of files.
pub(super) fn workspace_edit(changes: Vec<(Url, Vec<TextEdit>)>, addresses: &Addresses) -> WorkspaceEdit {
    if !addresses.versioned {
        return WorkspaceEdit { changes: Some(changes.into_iter().collect::<HashMap<_, _>>()), ..WorkspaceEdit::default() };
    }
    let edits = changes.into_iter().map(|(uri, edits)| {
        let version = addresses.version(&uri);
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version };
        TextDocumentEdit { text_document, edits: edits.into_iter().map(OneOf::Left).collect() }
    });
    WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(edits.collect())), ..WorkspaceEdit::default() }
}
