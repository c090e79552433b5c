//! Two compiled programs → what changed in meaning, a line each: `asset_ready: + required photo`. Layout, comments, labels and the order of
//! declarations mean nothing. Absent: values of headers and bodies, which may hold what nobody should read; that they changed is said.

mod facts;

use facts::{Fact, Facts, facts};

use crate::check::Rules;

/// Lines that are said of one reload; a person reads no more.
const MOST: usize = 40;

/// What changed in meaning from one program to the next; empty when nothing did.
#[must_use]
pub fn changes(before: &Rules, after: &Rules) -> Vec<String> {
    let (before, after) = (facts(before), facts(after));
    let mut lines = Vec::new();
    for (subject, old) in &before {
        match after.get(subject) {
            Some(new) if old == new => {}
            Some(new) => lines.extend(differences(old, new).into_iter().map(|line| format!("{subject}: {line}"))),
            None => lines.push(format!("- {subject}")),
        }
    }
    lines.extend(after.keys().filter(|subject| !before.contains_key(*subject)).map(|subject| format!("+ {subject}")));
    let more = lines.len().saturating_sub(MOST);
    if more > 1 {
        lines.truncate(MOST);
        lines.push(format!("… and {more} more changes"));
    }
    lines
}

fn differences(before: &Facts, after: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, old) in before {
        match after.get(name) {
            Some(new) if old == new => {}
            Some(new) => lines.push(changed(name, old, new)),
            None => lines.push(alone('-', name, old)),
        }
    }
    lines.extend(after.iter().filter(|(name, _)| !before.contains_key(*name)).map(|(name, new)| alone('+', name, new)));
    lines
}

fn alone(sign: char, name: &str, fact: &Fact) -> String {
    match fact.shown.as_str() {
        "" => format!("{sign} {name}"),
        shown => format!("{sign} {name} {shown}"),
    }
}

fn changed(name: &str, old: &Fact, new: &Fact) -> String {
    if old.shown == new.shown { format!("{name} changed") } else { format!("{name} {} → {}", old.shown, new.shown) }
}

#[cfg(test)]
mod tests;
