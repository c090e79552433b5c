//! What was never tried, a line each with its place, and the share of what was.

use std::fmt::Write as _;

use super::{Covered, share, share_words};

pub(super) fn render(projects: &[Covered<'_>]) -> String {
    let mut out = String::new();
    for Covered { sources, points } in projects {
        for point in points {
            let file = sources.file(point.span.file);
            let at = file.position(point.span.start);
            for side in point.missed() {
                let _ = writeln!(out, "{}:{}:{}: {} was never {side}", file.name, at.line, at.column, point.what);
            }
        }
    }
    let total = share(projects.iter().flat_map(|project| &project.points));
    out + &format!("coverage of the rules: {}\n", share_words(total))
}
