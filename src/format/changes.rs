//! Two texts → their differences: as a unified diff, the form that `patch` and reviewers read, or as what is to be replaced.

use std::fmt::Write as _;
use std::ops::Range;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// The most edits that are looked for between two anchors; texts that differ more are shown as removed and added whole.
const MOST_EDITS: usize = 1_000;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'t> {
    Kept(&'t str),
    Removed(&'t str),
    Added(&'t str),
}

/// The differences between `old` and `new`, both called `name`; empty when there are none.
#[must_use]
pub fn changes(name: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let lines = compare(&old, &new);
    let mut text = format!("--- {name}\n+++ {name}\n");
    let (mut index, mut old_line, mut new_line) = (0, 1, 1);
    while let Some(start) = lines.iter().skip(index).position(|line| !matches!(line, Line::Kept(_))).map(|at| at + index) {
        let from = start.saturating_sub(CONTEXT).max(index);
        let skipped = from - index;
        (old_line, new_line) = (old_line + skipped, new_line + skipped);
        let hunk = lines.get(from..hunk_end(&lines, start)).unwrap_or_default();
        index = from + hunk.len();
        let removed = hunk.iter().filter(|line| !matches!(line, Line::Added(_))).count();
        let added = hunk.iter().filter(|line| !matches!(line, Line::Removed(_))).count();
        let _infallible = writeln!(text, "@@ -{old_line},{removed} +{new_line},{added} @@");
        (old_line, new_line) = (old_line + removed, new_line + added);
        for line in hunk {
            let (mark, line) = match line {
                Line::Kept(line) => (' ', line),
                Line::Removed(line) => ('-', line),
                Line::Added(line) => ('+', line),
            };
            text.push(mark);
            text.push_str(line);
            if !line.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    text
}

/// Lines that are others in another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference<'t> {
    /// Their bytes.
    pub range: Range<usize>,
    /// What the other text has instead.
    pub text: &'t str,
}

/// What makes `new` of `old`, in the order of the text.
#[must_use]
pub fn differences<'t>(old: &str, new: &'t str) -> Vec<Difference<'t>> {
    let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
    let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
    let mut found = Vec::new();
    // How far both are equal, and how far they have been read.
    let (mut equal, mut read) = ((0, 0), (0, 0));
    let mut close = |equal: (usize, usize), read: (usize, usize)| {
        if equal != read {
            found.push(Difference { range: equal.0..read.0, text: new.get(equal.1..read.1).unwrap_or_default() });
        }
    };
    for line in compare(&old_lines, &new_lines) {
        match line {
            Line::Kept(line) => {
                close(equal, read);
                read = (read.0 + line.len(), read.1 + line.len());
                equal = read;
            }
            Line::Removed(line) => read.0 += line.len(),
            Line::Added(line) => read.1 += line.len(),
        }
    }
    close(equal, read);
    found
}

/// Where a hunk ends whose first change is at `start`: behind the context of its last change.
fn hunk_end(lines: &[Line<'_>], start: usize) -> usize {
    let mut last = start;
    for (index, line) in lines.iter().enumerate().skip(start) {
        if !matches!(line, Line::Kept(_)) {
            last = index;
        } else if index > last + 2 * CONTEXT {
            break;
        }
    }
    (last + 1 + CONTEXT).min(lines.len())
}

/// The lines of both, after E. W. Myers, "An O(ND) difference algorithm and its variations" (1986).
fn compare<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let old_middle = old_rest.get(..old_rest.len() - tail).unwrap_or_default();
    let new_middle = new_rest.get(..new_rest.len() - tail).unwrap_or_default();
    let mut lines: Vec<Line<'t>> = old.iter().take(head).map(|line| Line::Kept(line)).collect();
    if let Some(edits) = edits(old_middle, new_middle) {
        lines.extend(edits);
    } else {
        lines.extend(old_middle.iter().map(|line| Line::Removed(line)));
        lines.extend(new_middle.iter().map(|line| Line::Added(line)));
    }
    lines.extend(old_rest.iter().skip(old_rest.len() - tail).map(|line| Line::Kept(line)));
    lines
}

/// The shortest way from one to the other; `None` when it is longer than [`MOST_EDITS`].
fn edits<'t>(old: &[&'t str], new: &[&'t str]) -> Option<Vec<Line<'t>>> {
    let most = (old.len() + new.len()).min(MOST_EDITS);
    // `reached[k]` is how far into `old` the diagonal `k - most - 1` has come; a copy is kept for each number of edits.
    let mut reached = vec![0_usize; 2 * most + 3];
    let mut history = Vec::new();
    for depth in 0..=most {
        history.push(reached.clone());
        for diagonal in (most + 1 - depth..=most + 1 + depth).step_by(2) {
            let mut x = landing(&reached, diagonal, depth, most).x;
            let mut y = (x + most + 1).checked_sub(diagonal)?;
            while let (Some(a), Some(b)) = (old.get(x), new.get(y))
                && a == b
            {
                (x, y) = (x + 1, y + 1);
            }
            *reached.get_mut(diagonal)? = x;
            if x >= old.len() && y >= new.len() {
                return walk_back(old, new, &history, most);
            }
        }
    }
    None
}

/// Where an edit lands on its diagonal.
struct Landing {
    /// How far into the old text.
    x: usize,
    /// It came from the diagonal above, which adds a line; otherwise it removes one.
    adds: bool,
}

/// Where edit number `depth` lands on a diagonal, from wherever the edits before it reached furthest.
fn landing(reached: &[usize], diagonal: usize, depth: usize, most: usize) -> Landing {
    let at = |index: usize| reached.get(index).copied().unwrap_or(0);
    let lowest = diagonal + depth == most + 1;
    let highest = diagonal == most + 1 + depth;
    let adds = lowest || !highest && at(diagonal - 1) < at(diagonal + 1);
    let x = match (depth, adds) {
        (0, _) => 0,
        (_, true) => at(diagonal + 1),
        (_, false) => at(diagonal - 1) + 1,
    };
    Landing { x, adds }
}

fn walk_back<'t>(old: &[&'t str], new: &[&'t str], history: &[Vec<usize>], most: usize) -> Option<Vec<Line<'t>>> {
    let (mut x, mut y) = (old.len(), new.len());
    let mut lines = Vec::new();
    for (depth, reached) in history.iter().enumerate().rev() {
        let diagonal = (x + most + 1).checked_sub(y)?;
        let Landing { x: landed, adds } = landing(reached, diagonal, depth, most);
        while x > landed {
            (x, y) = (x - 1, y.checked_sub(1)?);
            lines.push(Line::Kept(old.get(x)?));
        }
        if depth > 0 && adds {
            y = y.checked_sub(1)?;
            lines.push(Line::Added(new.get(y)?));
        } else if depth > 0 {
            x = x.checked_sub(1)?;
            lines.push(Line::Removed(old.get(x)?));
        }
    }
    lines.reverse();
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_hunks_with_context() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        let new = "a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\nnew\nl\n";
        let expected = "--- x.xml\n+++ x.xml\n@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n e\n@@ -9,4 +9,5 @@\n i\n j\n k\n+new\n l\n";
        assert_eq!(changes("x.xml", old, new), expected);
        assert_eq!(changes("x.xml", old, old), "");
    }

    #[test]
    fn a_missing_line_end_is_told() {
        let expected = "--- x\n+++ x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n";
        assert_eq!(changes("x", "a\nb", "a\nb\n"), expected);
    }

    #[test]
    fn what_is_replaced_makes_the_other_text() {
        let texts = ["", "a\nb\nc\n", "c\na\nb\nb\na\n", "b\nb\nb", "a\nx\nb\ny\nc\nz\n", "\n\na\nb"];
        for old in texts {
            for new in texts {
                let mut made = old.to_owned();
                for Difference { range, text } in differences(old, new).into_iter().rev() {
                    made.replace_range(range, text);
                }
                assert_eq!(made, new);
            }
        }
        let one = |range, text| Difference { range, text };
        assert_eq!(differences("a\nb\nc\nd\n", "a\nB\nc\n"), [one(2..4, "B\n"), one(6..8, "")]);
    }

    #[test]
    fn what_is_kept_and_removed_is_the_old_text_and_the_rest_the_new() {
        let texts = ["", "a\nb\nc\n", "c\na\nb\nb\na\n", "b\nb\nb\n", "a\nx\nb\ny\nc\nz\n"];
        for old in texts {
            for new in texts {
                let (old, new): (Vec<_>, Vec<_>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
                let lines = compare(&old, &new);
                let without = |other: fn(&'static str) -> Line<'static>| {
                    let all = lines.iter().copied();
                    let kept = all.filter(move |line| match *line {
                        Line::Kept(_) => true,
                        Line::Removed(text) | Line::Added(text) => *line != other(text),
                    });
                    kept.map(|line| match line {
                        Line::Kept(text) | Line::Removed(text) | Line::Added(text) => text,
                    })
                };
                assert_eq!(without(Line::Added).collect::<Vec<_>>(), old);
                assert_eq!(without(Line::Removed).collect::<Vec<_>>(), new);
            }
        }
    }
}
