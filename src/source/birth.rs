//! What stands in the comment on a publication: where in the log its slot begins, and what becomes of the rows that were there before. Every
//! node sees it, and it outlives each of them; the copy itself is done when the store says so, see [`super::copy`].
//!
//! `webhookc begins`, `webhookc 0/1573F70`, `webhookc copy`, `webhookc 0/1573F70 copy leaving-ready`, `webhookc 0/1573F70 copied`

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
    /// Its slot is about to be made.
    pub(super) fn under_way() -> Self {
        Self { at: UNDER_WAY.into(), copy: None }
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
        let Some(written) = comment.strip_prefix(PREFIX) else { return Self { at: comment.into(), copy: None } };
        let (words, ready) = match written.strip_suffix(LEAVING_READY) {
            Some(words) => (words.trim_end(), Ready::Left),
            None => (written, Ready::UsedUp),
        };
        let copy = |at: &str, is_made| Self { at: at.trim_end().into(), copy: Some(Copy { ready, is_made }) };
        let wanted = words.strip_suffix(WANTED).map(|at| copy(at, false));
        let made = || words.strip_suffix(MADE).map(|at| copy(at, true));
        wanted.or_else(made).unwrap_or_else(|| Self { at: written.into(), copy: None })
    }

    fn text(&self) -> String {
        let mut words = vec![&*self.at];
        if let Some(copy) = self.copy {
            words.push(if copy.is_made { MADE } else { WANTED });
            if copy.ready == Ready::Left {
                words.push(LEAVING_READY);
            }
        }
        words.retain(|word| !word.is_empty());
        format!("{PREFIX}{}", words.join(" "))
    }

    /// Writes it.
    pub(super) async fn write(&self, client: &Client, publication: &str) -> Result<(), SourceError> {
        Ok(client.batch_execute(&format!("COMMENT ON PUBLICATION {} IS '{}'", quoted(publication), self.text())).await?)
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
                let birth = Birth { at: at.into(), copy: Some(Copy { ready: copy.0, is_made: copy.1 }) };
                assert_eq!(Birth::of(&birth.text()), birth);
            }
        }
        let plain = Birth { at: "0/1573F70".into(), copy: None };
        assert_eq!(plain.text(), "webhookc 0/1573F70", "as it was written before there were copies");
        assert_eq!(Birth::of(&plain.text()), plain);
        assert_eq!(plain.begins(), Some(Lsn(0x0157_3F70)));
        let theirs = Birth::of("our copy");
        assert_eq!(theirs, Birth { at: "our copy".into(), copy: None });
        assert_eq!((theirs.begins(), theirs.is_under_way()), (None, false));
        assert!(Birth::of(&Birth::under_way().text()).is_under_way());
    }
}
