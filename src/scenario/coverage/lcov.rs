//! Lcov's tracefile: the lines on which something is decided, and each side of it as a branch.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Covered, Point};
use crate::ids::FileId;

pub(super) fn render(projects: &[Covered<'_>]) -> String {
    let mut out = String::new();
    for Covered { sources, points } in projects {
        let mut files: BTreeMap<FileId, Vec<&Point>> = BTreeMap::new();
        for point in points {
            files.entry(point.span.file).or_default().push(point);
        }
        for (id, points) in files {
            let file = sources.file(id);
            // Writing to a string cannot fail.
            let _ = writeln!(out, "TN:\nSF:{}", file.name);
            let mut lines: BTreeMap<u32, u64> = BTreeMap::new();
            let (mut found, mut hit) = (0, 0);
            for (block, point) in points.iter().enumerate() {
                let line = file.position(point.span.start).line;
                let tried: u64 = point.sides.iter().map(|(_, count)| count).sum();
                *lines.entry(line).or_default() += tried;
                for (branch, (_, count)) in point.sides.iter().enumerate() {
                    // A dash: the place was never reached at all.
                    let taken = if tried == 0 { "-".to_owned() } else { count.to_string() };
                    let _ = writeln!(out, "BRDA:{line},{block},{branch},{taken}");
                    found += 1;
                    hit += u32::from(*count > 0);
                }
            }
            let _ = writeln!(out, "BRF:{found}\nBRH:{hit}");
            for (line, count) in &lines {
                let _ = writeln!(out, "DA:{line},{count}");
            }
            let _ = writeln!(out, "LF:{}\nLH:{}\nend_of_record", lines.len(), lines.values().filter(|count| **count > 0).count());
        }
    }
    out
}
