//! Failures as workflow commands, which GitHub shows at the lines of the test files.

use std::fmt::Write as _;

use super::{Tested, plain};
use crate::report::{command_property, command_text};

pub(super) fn render(tested: &[Tested]) -> String {
    let mut out = String::new();
    for Tested { sources, files } in tested {
        for outcome in files.iter().flat_map(|file| &file.outcomes) {
            for failure in &outcome.failures {
                let file = sources.file(failure.span.file);
                let at = file.position(failure.span.start);
                let (name, title) = (command_property(&file.name), command_property(&outcome.name.value));
                let text = command_text(&plain(failure));
                let _ = writeln!(out, "::error file={name},line={},col={},title={title}::{text}", at.line, at.column);
            }
        }
    }
    out
}
