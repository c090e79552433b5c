//! An object and the embeds of a webhook → the object with its related objects, or what is missing.
//!
//! All embeds are looked at before the first gap is told, so that everything unknown is asked for in one round.

use std::sync::Arc;

use crate::engine::known::{Lookup, Pending};
use crate::ids::ModelId;
use crate::program::{Embed, Program, Record, Through};
use crate::template::{Embedded, Snapshot};

/// A related object that a webhook needs and that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) model: ModelId,
    pub(super) id: Box<str>,
}

/// Gathers what is embedded. `Ok(Err(_))` names the first required object, in source order, that does not exist.
pub(super) fn gather(
    lookup: &mut Lookup<'_>,
    program: &Program,
    record: &Arc<Record>,
    embeds: &[Embed],
) -> Result<Result<Snapshot, Missing>, Pending> {
    let mut embedded = Vec::with_capacity(embeds.len());
    let mut missing = None;
    let mut pending = false;
    for embed in embeds {
        match follow(lookup, program, record, embed) {
            Ok(Ok(found)) => embedded.push(found),
            Ok(Err(gap)) => missing = missing.or(Some(gap)),
            Err(Pending) => pending = true,
        }
    }
    match missing {
        _ if pending => Err(Pending),
        Some(missing) => Ok(Err(missing)),
        None => Ok(Ok(Snapshot { record: Arc::clone(record), embedded })),
    }
}

fn follow(lookup: &mut Lookup<'_>, program: &Program, record: &Arc<Record>, embed: &Embed) -> Result<Result<Embedded, Missing>, Pending> {
    match embed.through {
        Through::BelongsTo(property) => {
            let Some(id) = record.related(property) else { return Ok(Ok(Embedded::One(None))) };
            match lookup.object(embed.model, id)? {
                Some(related) => {
                    let snapshot = gather(lookup, program, &related, &embed.embeds)?;
                    Ok(snapshot.map(|snapshot| Embedded::One(Some(Box::new(snapshot)))))
                }
                None if embed.required => Ok(Err(Missing { model: embed.model, id: id.into() })),
                None => Ok(Ok(Embedded::One(None))),
            }
        }
        Through::HasMany(many) => {
            let inverse = program.model(record.model).has_many(many).inverse;
            let children = lookup.children(embed.model, inverse, &record.id, embed.limit)?;
            let mut snapshots = Vec::with_capacity(children.len());
            let mut missing = None;
            let mut pending = false;
            for child in &children {
                match gather(lookup, program, child, &embed.embeds) {
                    Ok(Ok(snapshot)) => snapshots.push(snapshot),
                    Ok(Err(gap)) => missing = missing.or(Some(gap)),
                    Err(Pending) => pending = true,
                }
            }
            match missing {
                _ if pending => Err(Pending),
                Some(missing) => Ok(Err(missing)),
                None => Ok(Ok(Embedded::Many(snapshots))),
            }
        }
    }
}
