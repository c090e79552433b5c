//! What is not as it should be with the database that is read, for `webhookc doctor`. Nothing is changed.

use std::path::Path;

use super::{Copies, CopyState, Prepared, SlotState, SourceError, state};
use crate::config;
use crate::store::{Finding, Severity};

/// Looks at slot and publication.
pub async fn examine(source: &config::Source, folder: &Path) -> Vec<Finding> {
    match look(source, folder).await {
        Ok(findings) => findings,
        Err(error) => vec![finding(Found {
            check: "source-unreachable",
            severity: Severity::Error,
            message: "the database of `[source.postgres]` cannot be read",
            id: error.to_string(),
            help: "look at its `url`, and at whether the database answers",
        })],
    }
}

async fn look(source: &config::Source, folder: &Path) -> Result<Vec<Finding>, SourceError> {
    let mut found = Vec::new();
    let Prepared { is_published, slot, copy } = state(source, folder).await?;
    let waits = |help| Found {
        check: "source-copy-waits",
        severity: Severity::Warning,
        message: "rows in the database of `[source.postgres]` are to be copied, and no node does it",
        id: source.publication.clone(),
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
            id: source.slot.clone(),
            help: "run `webhookc source init`",
        }),
        Some(SlotState { lost: true, .. }) => found.push(Found {
            check: "source-slot-lost",
            severity: Severity::Error,
            message: "the database of `[source.postgres]` has thrown away the log that its slot needs: changes are missing",
            id: source.slot.clone(),
            help: "run `webhookc source drop` and `webhookc source init`, and set `max_slot_wal_keep_size` higher",
        }),
        Some(SlotState { active: false, lag_bytes, .. }) => found.push(Found {
            check: "source-unread",
            severity: Severity::Warning,
            message: "nobody reads the slot in the database of `[source.postgres]`, which keeps its log for it",
            id: format!("{}: {} bytes", source.slot, lag_bytes.unwrap_or_default()),
            help: "start a node, or run `webhookc source drop` when nothing is to be read any more",
        }),
        Some(SlotState { active: true, .. }) => {}
    }
    if !is_published {
        found.push(Found {
            check: "source-publication-missing",
            severity: Severity::Error,
            message: "there is no publication in the database of `[source.postgres]`: nothing is read",
            id: source.publication.clone(),
            help: "run `webhookc source init`",
        });
    }
    Ok(found.into_iter().map(finding).collect())
}

/// A finding about one thing, which cannot be repaired from here.
struct Found {
    check: &'static str,
    severity: Severity,
    message: &'static str,
    id: String,
    help: &'static str,
}

fn finding(found: Found) -> Finding {
    let Found { check, severity, message, id, help } = found;
    Finding { check, severity, message: message.to_owned(), count: 1, ids: vec![id], help, repairable: false }
}
