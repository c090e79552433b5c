//! Whether a store goes on where its slot is. What a store has taken in it remembers before it acknowledges it, so that a slot which is further
//! has handed something out to somebody else: to another store that reads it, or to this one before an older copy of it was put back. That is
//! missing here, and nobody would notice. The nodes of one store have one memory, and pass the slot to each other as they like.
//!
//! Nothing but the slot's place and ours is compared: what others write into the database that is read, an older version or a person may undo.

use tokio_postgres::Client;

use super::birth::{Birth, birth};
use super::error::SourceError;
use super::lsn::Lsn;
use super::prepare::name;
use super::slot::{SlotState, slot_state};
use crate::config;
use crate::store::{Position, Store};

/// Where a store goes on.
pub(super) struct Place {
    /// The name under which it is kept.
    pub name: Box<str>,
    /// What is kept; `None`: nothing of this slot has been taken in.
    pub position: Option<Position>,
    /// Where the slot is.
    pub confirmed: Lsn,
    /// How it began.
    pub birth: Birth,
}

/// Where the store goes on with a slot that is read by this node.
///
/// # Errors
/// When it does not go on where the slot is, with what to do about it.
pub(super) async fn place(client: &Client, source: &config::Source, store: &Store) -> Result<Place, SourceError> {
    let Some(Seen { slot, birth, .. }) = look(client, source).await? else {
        return Err(SourceError::Connection(format!("the slot `{}` is being made", source.slot)));
    };
    let name = name(client, &source.slot, &birth.at).await?;
    // After the slot was looked at: nobody has gone on since, and before that it was remembered.
    let position = store.position(&name).await?;
    if let Some(why) = slot.is_elsewhere(&birth, position) {
        return Err(SourceError::Discontinued(why.told(source, &slot)));
    }
    Ok(Place { name, position, confirmed: slot.confirmed, birth })
}

/// Whether the reader of a slot that is being read is another store's.
///
/// # Errors
/// When it is.
pub(super) async fn of_reader(client: &Client, source: &config::Source, store: &Store) -> Result<(), SourceError> {
    let Some(beside) = beside(client, source).await? else { return Ok(()) };
    match beside.elsewhere(source, store.position(&beside.name).await?) {
        Some(why) => Err(SourceError::Discontinued(why)),
        None => Ok(()),
    }
}

/// What is seen by somebody who does not read the slot.
pub(super) struct Beside {
    /// The name under which a store keeps its place.
    pub name: Box<str>,
    seen: Seen,
}

/// Looks at a slot that somebody else may read; `None`: there is nothing yet to compare.
pub(super) async fn beside(client: &Client, source: &config::Source) -> Result<Option<Beside>, SourceError> {
    let Some(seen) = look(client, source).await? else { return Ok(None) };
    let Seen { slot, birth, .. } = &seen;
    let is_copied = birth.copy.is_none_or(|copy| copy.is_made);
    // Its place is the copy's until that is made; and one that has another beginning by now is about to be looked at anew.
    if !is_copied || birth.begins().is_some_and(|begins| slot.confirmed < begins) {
        return Ok(None);
    }
    Ok(Some(Beside { name: name(client, &source.slot, &birth.at).await?, seen }))
}

impl Beside {
    /// Why a store does not go on where the slot is that has this place, asked for after the slot was looked at.
    pub(super) fn elsewhere(&self, source: &config::Source, position: Option<Position>) -> Option<String> {
        let Seen { slot, birth, is_read } = &self.seen;
        let why = slot.is_elsewhere(birth, position)?;
        // Whoever reads has gone on since.
        let is_later = *is_read && matches!(why, Why::PutBack(_));
        (!is_later).then(|| why.told(source, slot))
    }
}

/// What is seen of slot and publication.
struct Seen {
    slot: Slot,
    birth: Birth,
    is_read: bool,
}

/// `None`: they are not made yet.
async fn look(client: &Client, source: &config::Source) -> Result<Option<Seen>, SourceError> {
    let Some(SlotState { active, confirmed: Some(confirmed), lag_bytes, .. }) = slot_state(client, &source.slot).await? else {
        return Ok(None);
    };
    let Ok(confirmed) = confirmed.parse::<Lsn>() else {
        return Err(SourceError::Connection(format!("the server calls a place in its log `{confirmed}`")));
    };
    let birth = birth(client, &source.publication).await?.filter(|birth| !birth.is_under_way());
    let ends = Lsn(confirmed.0.saturating_add_signed(lag_bytes.unwrap_or_default()));
    Ok(birth.map(|birth| Seen { slot: Slot { confirmed, ends }, birth, is_read: active }))
}

/// Where a slot is.
struct Slot {
    confirmed: Lsn,
    /// Where the log ends.
    ends: Lsn,
}

/// Why a store does not go on where a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The slot is further.
    ReadOn(Lsn),
    /// The store has nothing of it, and somebody has.
    NeverRead,
    /// The log is not as long any more as it was.
    PutBack(Lsn),
}

impl Slot {
    fn is_elsewhere(&self, birth: &Birth, position: Option<Position>) -> Option<Why> {
        let Some(position) = position else {
            let is_copied = birth.copy.is_some_and(|copy| copy.is_made);
            // Where a slot began that somebody else has made is not known.
            let is_begun = birth.begins().is_some_and(|begins| begins != self.confirmed);
            return (is_copied || is_begun).then_some(Why::NeverRead);
        };
        let ours = Lsn(position.lsn);
        if self.confirmed > ours {
            return Some(Why::ReadOn(ours));
        }
        (ours > self.ends).then_some(Why::PutBack(ours))
    }
}

impl Why {
    fn told(self, source: &config::Source, slot: &Slot) -> String {
        let (name, Slot { confirmed, ends }) = (&source.slot, slot);
        let anew = "run `webhookc source drop` and `webhookc source init --snapshot`";
        let other =
            "if another store reads it, give each its own `slot` and `publication` in `[source.postgres]` and run `webhookc source init`";
        match self {
            Self::ReadOn(ours) => format!(
                "the slot `{name}` is read up to {confirmed}, and this store has taken it in up to {ours} only: somebody else has taken what is \
                 between; {other}; if this store was put back to an earlier state, {anew}"
            ),
            Self::NeverRead => format!(
                "the slot `{name}` is read up to {confirmed}, and this store has taken in nothing of it: somebody else has taken what was \
                 before; {other}; if this store is new and the only one, {anew}"
            ),
            Self::PutBack(ours) => format!(
                "the log of the database ends at {ends}, and this store has taken in the slot `{name}` up to {ours}: the database was put back to \
                 an earlier state; {anew}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::birth::{Copy, Ready};

    #[test]
    fn a_slot_that_is_further_than_the_store_was_read_by_somebody_else() {
        let copied = Birth { copy: Some(Copy { ready: Ready::UsedUp, is_made: true }), ..Birth::plain("0/64") };
        let (fresh, unknown) = (Birth::plain("0/64"), Birth::plain("by hand"));
        let at = |confirmed| Slot { confirmed: Lsn(confirmed), ends: Lsn(500) };
        let ours = |lsn| Some(Position { lsn, changes: 1 });
        let cases = [
            (&fresh, at(100), None, None),
            (&fresh, at(101), None, Some(Why::NeverRead)),
            (&fresh, at(99), None, Some(Why::NeverRead)),
            (&copied, at(100), None, Some(Why::NeverRead)),
            (&copied, at(100), ours(100), None),
            (&unknown, at(300), None, None),
            (&fresh, at(200), ours(200), None),
            (&fresh, at(200), ours(300), None),
            (&fresh, at(200), ours(199), Some(Why::ReadOn(Lsn(199)))),
            (&unknown, at(200), ours(199), Some(Why::ReadOn(Lsn(199)))),
            (&fresh, at(200), ours(500), None),
            (&fresh, at(200), ours(501), Some(Why::PutBack(Lsn(501)))),
        ];
        for (birth, slot, position, expected) in cases {
            assert_eq!(slot.is_elsewhere(birth, position), expected, "{birth:?} {} {position:?}", slot.confirmed);
        }
    }
}
