//! The compiler in an editor: `webhookc lsp` speaks the Language Server Protocol 3.17 on its standard streams. Diagnostics are those of
//! `check`, for every file of the project, with what is typed but not saved in place of what the disk holds. Only user of `lsp_types`.
//!
//! One thread reads messages, one compiles, one answers. An answer comes from the last compilation, whose places are followed through the
//! edits since, and from the text around the cursor; it never waits for a compilation, but where a place that is missing would do harm:
//! references, rename, fixes of a whole file (2026-11-26). A rename is judged by compiling once more only when the new name stands anywhere
//! near, and a layout is made after each compilation that nobody typed into, for who asks (2026-11-27). The base protocol is our own 100 lines: `lsp-server` ends at the first message that
//! is none, and everything else of it would stay unused.

mod wire;
mod lines;
mod layout;
mod document;
mod place;
mod template_place;

mod declared;
mod index;
mod snapshot;
mod world;
mod worker;
mod lookup;

mod pages;
mod findings;
mod completion;
mod hover;
mod navigate;
mod edits;
mod fresh;
mod rename;
mod actions;
mod outline;
mod requests;
mod server;

pub use server::serve;
