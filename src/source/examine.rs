//! What is not as it should be with the database that is read, for `webhookc doctor`. Nothing is changed.

use std::path::Path;

use super::continuity::beside;
use super::{Copies, CopyState, Followed, Prepared, SlotLog, SlotState, SourceError, followed, reach, state};
use crate::config;
use crate::program::Program;
use crate::store::{self, Finding, Severity};

/// Looks at slot, publication and tables, and whether the store at `url` goes on where the slot is. Without a program nothing is said of tables.
pub async fn examine(source: &config::Source, folder: &Path, url: &str, program: Option<&Program>) -> Vec<Finding> {
    let looked = async {
        let (mut found, is_published) = look(source, folder).await?;
        found.extend(elsewhere(source, folder, url).await?);
        if let Some(program) = program {
            found.extend(tables(&followed(source, folder, program).await?, is_published));
        }
        Ok::<_, SourceError>(found)
    };
    let unreachable = |error: SourceError| {
        vec![Found {
            check: "source-unreachable",
            severity: Severity::Error,
            message: "the database of `[source.postgres]` cannot be read",
            ids: vec![error.to_string()],
            help: "look at its `url`, and at whether the database answers",
        }]
    };
    looked.await.unwrap_or_else(unreachable).into_iter().map(finding).collect()
}

/// Whether the store goes on where the slot is.
async fn elsewhere(source: &config::Source, folder: &Path, url: &str) -> Result<Option<Found>, SourceError> {
    let client = reach(source, folder)?.connect().await?;
    let Some(beside) = beside(&client, source).await? else { return Ok(None) };
    let why = beside.elsewhere(source, store::position(url, &beside.name).await?);
    Ok(why.map(|why| Found {
        check: "source-read-elsewhere",
        severity: Severity::Error,
        message: "the slot of `[source.postgres]` is not where this store has read it up to: the source stands still",
        ids: vec![why],
        help: "see \"One slot, one store\" in the documentation of sources; `--store` names another store",
    }))
}

/// Which models have their rows read.
fn tables(followed: &Followed, is_published: bool) -> Vec<Found> {
    let Followed { unpublished, in_the_way, misfits, .. } = followed;
    let of = |check, severity, message, ids: &[String], help| Found { check, severity, message, ids: ids.to_vec(), help };
    let mut found = vec![
        of(
            "source-in-the-way",
            Severity::Error,
            "schema, tables and publication of `[source.postgres]` that do not go together: the source stands still",
            in_the_way,
            "mend them, or name tables in `[source.postgres.tables]`",
        ),
        of(
            "source-misfit",
            Severity::Warning,
            "columns of `[source.postgres]` that do not fit their fields: the source stands still at the next row",
            misfits,
            "mend the schema or the table, or name the column in `[source.postgres.tables]`",
        ),
    ];
    if is_published {
        found.push(of(
            "source-not-followed",
            Severity::Error,
            "tables of models that the publication of `[source.postgres]` lacks: their rows are not read",
            unpublished,
            "run `webhookc source init`, with `--snapshot` to have the rows copied that they have",
        ));
    }
    found.retain(|found| !found.ids.is_empty());
    found
}

/// Slot and publication, and whether there is that.
async fn look(source: &config::Source, folder: &Path) -> Result<(Vec<Found>, bool), SourceError> {
    let mut found = Vec::new();
    let Prepared { is_published, slot, stuck, copy } = state(source, folder).await?;
    let waits = |help| Found {
        check: "source-copy-waits",
        severity: Severity::Warning,
        message: "rows in the database of `[source.postgres]` are to be copied, and no node does it",
        ids: vec![source.publication.clone()],
        help,
    };
    match copy {
        CopyState::Waits(Copies::First) => found.push(waits("start a node")),
        CopyState::Waits(Copies::Later) => found.push(waits("start a node, or let the one that runs take up the schema")),
        CopyState::UnderWay(..) | CopyState::None => {}
    }
    match slot {
        // The copy makes it, or has nobody read it.
        _ if matches!(copy, CopyState::Waits(Copies::First) | CopyState::UnderWay(..)) => {}
        None => found.push(Found {
            check: "source-slot-missing",
            severity: Severity::Error,
            message: "there is no slot in the database of `[source.postgres]`: nothing is read",
            ids: vec![source.slot.clone()],
            help: "run `webhookc source init`",
        }),
        Some(slot) => found.extend(of_slot(source, &slot)),
    }
    found.extend(stuck.map(|why| Found {
        check: "source-stuck",
        severity: Severity::Error,
        message: "the log of the database of `[source.postgres]` cannot be read on: the source stands still",
        ids: vec![why],
        help: "run `webhookc source drop` and `webhookc source init --snapshot`",
    }));
    if !is_published {
        found.push(Found {
            check: "source-publication-missing",
            severity: Severity::Error,
            message: "there is no publication in the database of `[source.postgres]`: nothing is read",
            ids: vec![source.publication.clone()],
            help: "run `webhookc source init`",
        });
    }
    Ok((found, is_published))
}

/// Whether the slot is read, and its log is there.
fn of_slot(source: &config::Source, slot: &SlotState) -> Vec<Found> {
    let kept = format!("{}: {} bytes", source.slot, slot.kept_bytes.unwrap_or_default());
    let log = match slot.log {
        SlotLog::Lost => {
            return vec![Found {
                check: "source-slot-lost",
                severity: Severity::Error,
                message: "the database of `[source.postgres]` has thrown away the log that its slot needs: changes are missing",
                ids: vec![source.slot.clone()],
                help: "run `webhookc source drop` and `webhookc source init`, and set `max_slot_wal_keep_size` higher",
            }];
        }
        SlotLog::Threatened => Some(Found {
            check: "source-log-threatened",
            severity: Severity::Error,
            message: "the database of `[source.postgres]` throws away the log that its slot needs at the next checkpoint, which loses changes",
            ids: vec![kept],
            help: "set `max_slot_wal_keep_size` higher and reload the configuration, and see why the source is not read",
        }),
        SlotLog::Grows => Some(Found {
            check: "source-log-grows",
            severity: Severity::Warning,
            message: "the database of `[source.postgres]` keeps more of its log for the slot than `max_wal_size`",
            ids: vec![kept],
            help: "see why the source is not read further, before the disk of the database is full; the node says why in its log",
        }),
        SlotLog::Kept => None,
    };
    let unread = (!slot.active).then(|| Found {
        check: "source-unread",
        severity: Severity::Warning,
        message: "nobody reads the slot in the database of `[source.postgres]`, which keeps its log for it",
        ids: vec![format!("{}: {} bytes", source.slot, slot.lag_bytes.unwrap_or_default())],
        help: "start a node, or run `webhookc source drop` when nothing is to be read any more",
    });
    log.into_iter().chain(unread).collect()
}

/// A finding about some things, which cannot be repaired from here.
struct Found {
    check: &'static str,
    severity: Severity,
    message: &'static str,
    ids: Vec<String>,
    help: &'static str,
}

fn finding(found: Found) -> Finding {
    let Found { check, severity, message, ids, help } = found;
    Finding { check, severity, message: message.to_owned(), count: ids.len() as u64, ids, help, repairable: false }
}
