//! What stands in the comment on a publication: where in the log its slot begins, and what becomes of the rows that were there before. Every
//! node sees it, and it outlives each of them; the copy itself is done when the store says so, see [`super::copy`]. Tables that came later, and whose
//! rows are copied, have a word each: their number, where the log was when that was asked for, and what has become of it.
//!
//! `webhookc begins`, `webhookc 0/1573F70`, `webhookc copy`, `webhookc 0/1573F70 copy leaving-ready`, `webhookc 0/1573F70 copied`,
//! `webhookc 0/1573F70 16402@0/1700028 16410@0/1800000:copied:leaving-ready`

use tokio_postgres::Client;

use super::error::SourceError;
use super::lsn::Lsn;
use super::wire::quoted;

const PREFIX: &str = "webhookc ";
const WANTED: &str = "copy";
const MADE: &str = "copied";
const UNDER_WAY: &str = "begins";
const LEAVING_READY: &str = "leaving-ready";

/// How a source begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Birth {
    /// Where its slot begins, as `PostgreSQL` writes it; empty as long as it has none.
    pub at: Box<str>,
    /// The first copy of the rows, if there is to be one.
    pub copy: Option<Copy>,
    /// Tables that came later, and whose rows are copied.
    pub added: Vec<Added>,
}

/// A table that came later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Added {
    /// The number that the database has for it.
    pub oid: u32,
    /// Where the log was when its copy was asked for, as `PostgreSQL` writes it: it may go, and come again.
    pub at: Box<str>,
    pub copy: Copy,
}

/// A first copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    pub ready: Ready,
    /// Whether it has been made.
    pub is_made: bool,
}

/// What becomes of the `ready` webhooks of rows that were there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// They are used up where their conditions hold.
    UsedUp,
    /// They fire when the object is saved next, or by `backfill`.
    Left,
}

impl Birth {
    /// How one begins without a copy.
    pub(super) fn plain(at: &str) -> Self {
        Self { at: at.into(), copy: None, added: Vec::new() }
    }

    /// Its slot is about to be made.
    pub(super) fn under_way() -> Self {
        Self::plain(UNDER_WAY)
    }

    /// Whether rows of tables that came later are still to be copied.
    pub(super) fn lacks_tables(&self) -> bool {
        self.added.iter().any(|added| !added.copy.is_made)
    }

    /// Whether its slot is about to be made.
    pub(super) fn is_under_way(&self) -> bool {
        &*self.at == UNDER_WAY
    }

    /// Where its slot begins, if that is known: not of one that somebody else has made.
    pub(super) fn begins(&self) -> Option<Lsn> {
        self.at.contains('/').then(|| self.at.parse().ok()).flatten()
    }

    /// Reads the comment. Of one that somebody else has written, all is where the slot begins: no other source has it.
    pub(super) fn of(comment: &str) -> Self {
        let Some(written) = comment.strip_prefix(PREFIX) else { return Self::plain(comment) };
        let (mut birth, mut ready) = (Self::default(), Ready::UsedUp);
        for word in written.split(' ') {
            match word {
                LEAVING_READY => ready = Ready::Left,
                WANTED => birth.copy = Some(Copy { ready, is_made: false }),
                MADE => birth.copy = Some(Copy { ready, is_made: true }),
                _ => match Added::of(word) {
                    Some(added) => birth.added.push(added),
                    None => birth.at = word.into(),
                },
            }
        }
        birth.copy = birth.copy.map(|copy| Copy { ready, ..copy });
        birth
    }

    fn text(&self) -> String {
        let mut words = vec![self.at.to_string()];
        if let Some(copy) = self.copy {
            words.push(if copy.is_made { MADE } else { WANTED }.to_owned());
            if copy.ready == Ready::Left {
                words.push(LEAVING_READY.to_owned());
            }
        }
        words.extend(self.added.iter().map(Added::text));
        words.retain(|word| !word.is_empty());
        format!("{PREFIX}{}", words.join(" "))
    }

    /// The statement that writes it.
    pub(super) fn sql(&self, publication: &str) -> String {
        format!("COMMENT ON PUBLICATION {} IS '{}'", quoted(publication), self.text())
    }

    /// Writes it.
    pub(super) async fn write(&self, client: &Client, publication: &str) -> Result<(), SourceError> {
        Ok(client.batch_execute(&self.sql(publication)).await?)
    }
}

impl Added {
    fn of(word: &str) -> Option<Self> {
        let (oid, rest) = word.split_once('@')?;
        let mut parts = rest.split(':');
        let mut added = Self { oid: oid.parse().ok()?, at: parts.next()?.into(), copy: Copy { ready: Ready::UsedUp, is_made: false } };
        for part in parts {
            match part {
                MADE => added.copy.is_made = true,
                LEAVING_READY => added.copy.ready = Ready::Left,
                _ => return None,
            }
        }
        Some(added)
    }

    fn text(&self) -> String {
        let made = if self.copy.is_made { ":copied" } else { "" };
        let ready = if self.copy.ready == Ready::Left { ":leaving-ready" } else { "" };
        format!("{}@{}{made}{ready}", self.oid, self.at)
    }

    /// The name under which the place of its copy is kept, beside that of the slot.
    pub(super) fn name(&self, slot: &str) -> Box<str> {
        format!("{slot}/{}@{}", self.oid, self.at).into()
    }
}

/// How the source of a publication begins; `None`: there is no such publication.
pub(super) async fn birth(client: &Client, publication: &str) -> Result<Option<Birth>, SourceError> {
    let sql = "SELECT coalesce(obj_description(oid, 'pg_publication'), '') FROM pg_publication WHERE pubname = $1";
    let Some(row) = client.query_opt(sql, &[&publication]).await? else { return Ok(None) };
    Ok(Some(Birth::of(row.try_get(0)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for at in ["", "0/1573F70"] {
            for copy in [(Ready::UsedUp, false), (Ready::UsedUp, true), (Ready::Left, false), (Ready::Left, true)] {
                let copy = Copy { ready: copy.0, is_made: copy.1 };
                for added in [vec![], vec![Added { oid: 16_402, at: "0/1700028".into(), copy }, Added { oid: 7, at: "1/0".into(), copy }]] {
                    for copy in [None, Some(copy)] {
                        let birth = Birth { at: at.into(), copy, added: added.clone() };
                        assert_eq!(Birth::of(&birth.text()), birth);
                    }
                }
            }
        }
        let plain = Birth::plain("0/1573F70");
        assert_eq!(plain.text(), "webhookc 0/1573F70", "as it was written before there were copies");
        assert_eq!(Birth::of(&plain.text()), plain);
        assert_eq!(plain.begins(), Some(Lsn(0x0157_3F70)));
        let theirs = Birth::of("our copy");
        assert_eq!(theirs, Birth::plain("our copy"));
        assert_eq!((theirs.begins(), theirs.is_under_way()), (None, false));
        assert!(Birth::of(&Birth::under_way().text()).is_under_way());
    }
}
