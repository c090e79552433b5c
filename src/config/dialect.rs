//! `[compat]`: the management APIs of other systems that a node has besides its own.

use super::document::{Mistake, Table};
use crate::diagnostics::{one_of, suggestion};

/// Another system whose management API a node understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// Seed `003_beecb844f9d2dceb.txt`.
    Socotra,
    /// Seed `001_ba0a8d3ca41da416.txt`.
    Devopness,
    /// Seed `000_6753c3cbd563b9e5.txt`.
    Portant,
    /// Seed `002_caa3043fe454df9b.txt`.
    Gemeindeconnect,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Socotra, Self::Devopness, Self::Portant, Self::Gemeindeconnect];

    /// The word in `webhookc.toml`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Socotra => "socotra",
            Self::Devopness => "devopness",
            Self::Portant => "portant",
            Self::Gemeindeconnect => "gemeindeconnect",
        }
    }
}

/// Reads `[compat]`; each system once.
pub(super) fn dialects(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Vec<Dialect> {
    let mut dialects = Vec::new();
    for name in table.take("dialects").map(|value| value.strings(out)).unwrap_or_default() {
        if let Some(dialect) = Dialect::ALL.into_iter().find(|dialect| dialect.as_str() == name.value) {
            dialects.push(dialect);
            continue;
        }
        let words = Dialect::ALL.map(Dialect::as_str);
        let mistake = Mistake::new(name.span, format!("unknown dialect `{}`, expected {}", name.value, one_of(words)));
        out.push(match suggestion(&name.value, words) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake,
        });
    }
    dialects.sort_unstable();
    dialects.dedup();
    dialects
}
