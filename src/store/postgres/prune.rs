//! Removing what retention no longer keeps, a bounded step at a time, each a transaction of its own, so that nothing waits long behind it.
//! No index serves this, since every save and settlement would pay for it: rows are in the order of their making, and a sweep looks at the
//! oldest ones of one tenant after the other.

use jiff::Timestamp;

use super::failure::Trouble;
use super::hub::{Hub, on, within};
use super::link::Link;
use super::values::{count, get, state, state_number};
use crate::store::{Cutoffs, DeliveryState, Removed, Stage, StoreError, Sweep};

/// Rows that one step looks through.
const LOOKED_AT: i64 = 1_000;
/// Rows that one transaction removes, beside what belongs to them: a few milliseconds.
const REMOVED_AT_ONCE: i64 = 100;

/// See [`Store::prune`](crate::store::Store::prune).
pub(super) async fn prune(hub: &Hub, cutoffs: &Cutoffs, sweep: Sweep) -> Result<(Removed, Option<Sweep>), StoreError> {
    let conditions = Conditions::of(cutoffs);
    match sweep.stage {
        Stage::Deliveries => {
            let youngest = DeliveryState::ALL.into_iter().filter_map(|state| cutoffs.of(state)).max();
            let step = Step { table: "deliveries d", made_at: "d.created_at", may_go: &conditions.delivery, youngest };
            step.take(hub, sweep).await
        }
        Stage::Messages => {
            let may_go = conditions.message(A_DELIVERY);
            let step = Step { table: "messages d", made_at: "d.created_at", may_go: &may_go, youngest: cutoffs.messages };
            step.take(hub, sweep).await
        }
        Stage::Traces => {
            let may_go = conditions.trace(A_MESSAGE);
            let step = Step { table: "traces d", made_at: "d.at", may_go: &may_go, youngest: cutoffs.traces };
            step.take(hub, sweep).await
        }
        Stage::RetiredKeys => {
            let sql = format!("DELETE FROM retired_keys WHERE {}", conditions.retired_key);
            let removed = on!(hub, |link| link.execute(&sql, &[]).await)?;
            Ok((Removed { retired_keys: removed, ..Removed::default() }, sweep.next_stage()))
        }
        Stage::Audit => {
            let Some(before) = cutoffs.audit else { return Ok((Removed::default(), sweep.next_stage())) };
            let sql = "DELETE FROM audit WHERE row IN (SELECT row FROM audit WHERE at < $1 ORDER BY at LIMIT $2)";
            let removed = on!(hub, |link| link.execute(sql, &[&before.as_millisecond(), &REMOVED_AT_ONCE]).await)?;
            let more = removed >= REMOVED_AT_ONCE.unsigned_abs();
            Ok((Removed { audit: removed, ..Removed::default() }, if more { Some(sweep) } else { sweep.next_stage() }))
        }
    }
}

/// What a part of a sweep looks through.
struct Step<'a> {
    table: &'a str,
    made_at: &'a str,
    may_go: &'a str,
    youngest: Option<Timestamp>,
}

impl Step<'_> {
    async fn take(&self, hub: &Hub, sweep: Sweep) -> Result<(Removed, Option<Sweep>), StoreError> {
        let Some(youngest) = self.youngest.map(Timestamp::as_millisecond) else { return Ok((Removed::default(), sweep.next_stage())) };
        within!(hub, |link| {
            // The tenant in hand, or the next one.
            let next = "SELECT min(row) FROM tenants WHERE row >= $1";
            let tenant = link.first(next, &[&sweep.tenant]).await?.map(|row| get::<Option<i64>>(&row, 0)).transpose()?.flatten();
            let Some(tenant) = tenant else { return Ok((Removed::default(), sweep.next_stage())) };
            let after = if tenant == sweep.tenant { sweep.after } else { 0 };
            let sql = format!(
                "SELECT d.row, {}, {} FROM {} WHERE d.tenant = $1 AND d.row > $2 ORDER BY d.row LIMIT $3",
                self.made_at, self.may_go, self.table
            );
            let seen = link.query(&sql, &[&tenant, &after, &LOOKED_AT]).await?;
            let (mut rows, mut last, mut any_old) = (Vec::new(), after, false);
            let most = usize::try_from(REMOVED_AT_ONCE).unwrap_or_default();
            for row in &seen {
                last = get(row, 0)?;
                any_old |= get::<i64>(row, 1)? < youngest;
                if get::<Option<bool>>(row, 2)?.unwrap_or_default() {
                    rows.push(last);
                    if rows.len() == most {
                        break;
                    }
                }
            }
            let removed = remove(&link, sweep.stage, (tenant, &rows), self.may_go).await?;
            // A clock that was set back may have put some younger rows before older ones, but hardly so many.
            let is_over = rows.len() < most && (i64::try_from(seen.len()).unwrap_or_default() < LOOKED_AT || !any_old);
            let next = if is_over { Sweep { tenant: tenant + 1, after: 0, ..sweep } } else { Sweep { tenant, after: last, ..sweep } };
            Ok((removed, Some(next)))
        })
    }
}

/// Removes those of the rows that still may go: they may have been sent again since they were looked at.
async fn remove(link: &Link, stage: Stage, (tenant, rows): (i64, &[i64]), may_go: &str) -> Result<Removed, Trouble> {
    let mut removed = Removed::default();
    if rows.is_empty() {
        return Ok(removed);
    }
    match stage {
        Stage::Deliveries => {
            let sql = format!(
                "WITH gone AS (DELETE FROM deliveries d WHERE d.tenant = $1 AND d.row = ANY ($2) AND {may_go} RETURNING d.tenant, d.row, d.state),
                 a AS (DELETE FROM attempts a USING gone WHERE a.tenant = gone.tenant AND a.delivery = gone.row),
                 b AS (DELETE FROM bodies b USING gone WHERE b.tenant = gone.tenant AND b.delivery = gone.row)
                 SELECT state, count(*) FROM gone GROUP BY state"
            );
            for row in &link.query(&sql, &[&tenant, &rows]).await? {
                removed.count(state(row, 0)?, count(row, 1)?);
            }
        }
        Stage::Messages => {
            let sql = format!(
                "WITH gone AS (DELETE FROM messages d WHERE d.tenant = $1 AND d.row = ANY ($2) AND {may_go} RETURNING d.sequence),
                 t AS (UPDATE tenants SET pruned_through = greatest(pruned_through, (SELECT max(sequence) FROM gone)) WHERE row = $1
                     AND EXISTS (SELECT FROM gone))
                 SELECT count(*) FROM gone"
            );
            if let Some(row) = link.first(&sql, &[&tenant, &rows]).await? {
                removed.messages = count(&row, 0)?;
            }
        }
        Stage::Traces => {
            let sql = format!(
                "WITH gone AS (DELETE FROM traces d WHERE d.tenant = $1 AND d.row = ANY ($2) AND {may_go} RETURNING d.decision_table)
                 SELECT count(*), array_agg(DISTINCT decision_table) FILTER (WHERE decision_table IS NOT NULL) FROM gone"
            );
            if let Some(row) = link.first(&sql, &[&tenant, &rows]).await? {
                removed.traces = count(&row, 0)?;
                drop_tables(link, tenant, get::<Option<Vec<i64>>>(&row, 1)?.unwrap_or_default()).await?;
            }
        }
        Stage::RetiredKeys | Stage::Audit => {}
    }
    Ok(removed)
}

/// Removes those of the decision tables that no trace has any more. Whoever saves for the tenant has its turn before or after, and then
/// knows that tables were removed; it waits only while what came since the first look is looked at.
async fn drop_tables(link: &Link, tenant: i64, tables: Vec<i64>) -> Result<(), Trouble> {
    if tables.is_empty() {
        return Ok(());
    }
    let unused = "SELECT coalesce(array_agg(k.row), '{}'), (SELECT counter FROM tenants WHERE row = $1) FROM unnest($2::bigint[]) AS k(row)
        WHERE NOT EXISTS (SELECT FROM traces d WHERE d.tenant = $1 AND d.decision_table = k.row)";
    let Some(row) = link.first(unused, &[&tenant, &tables]).await? else { return Ok(()) };
    let (unused, counter): (Vec<i64>, Option<i64>) = (get(&row, 0)?, get(&row, 1)?);
    if unused.is_empty() {
        return Ok(());
    }
    link.query("SELECT FROM tenants WHERE row = $1 FOR UPDATE", &[&tenant]).await?;
    let sql = "DELETE FROM decision_tables t WHERE t.tenant = $1 AND t.row = ANY ($2)
        AND NOT EXISTS (SELECT FROM traces d WHERE d.tenant = $1 AND d.row > $3 AND d.decision_table = t.row)";
    if link.execute(sql, &[&tenant, &unused, &counter.unwrap_or_default()]).await? > 0 {
        link.execute("UPDATE tenants SET tables_version = tables_version + 1 WHERE row = $1", &[&tenant]).await?;
    }
    Ok(())
}

/// What a whole sweep would remove now.
pub(super) async fn prunable(link: &Link, cutoffs: &Cutoffs) -> Result<Removed, Trouble> {
    let conditions = Conditions::of(cutoffs);
    // What goes first takes the reason away for which something else would stay.
    let message = conditions.message(&format!("{A_DELIVERY} AND NOT {}", conditions.delivery.replace("d.", "e.")));
    let trace = conditions.trace(&format!("{A_MESSAGE} AND NOT {}", message_of(&conditions)));
    let counted = async |table: &str, condition: &str| {
        let rows = link.query_once(&format!("SELECT count(*) FROM {table} d WHERE {condition}"), &[]).await?;
        rows.first().map_or(Ok(0), |row| count::<u64>(row, 0))
    };
    let audit = format!("at < {}", cutoffs.audit.map_or(i64::MIN, Timestamp::as_millisecond));
    let mut removed = Removed {
        messages: counted("messages", &message).await?,
        traces: counted("traces", &trace).await?,
        retired_keys: counted("retired_keys", &conditions.retired_key).await?,
        audit: counted("audit", &audit).await?,
        ..Removed::default()
    };
    for state in DeliveryState::ALL {
        let condition = format!("d.state = {} AND {}", state_number(state), conditions.delivery);
        removed.count(state, counted("deliveries", &condition).await?);
    }
    Ok(removed)
}

/// That message `m` goes, in a sweep in which the deliveries come first.
fn message_of(conditions: &Conditions) -> String {
    let stays = format!("{} AND NOT {}", A_DELIVERY.replace("d.", "m."), conditions.delivery.replace("d.", "e."));
    format!("(m.created_at < {} AND NOT EXISTS (SELECT FROM deliveries e WHERE {stays}))", conditions.messages)
}

/// A delivery `e` for which message `d` has to stay.
const A_DELIVERY: &str = "e.tenant = d.tenant AND e.row >= (d.row << 20) AND e.row < ((d.row + 1) << 20)";
/// A message about the object of trace `d`.
const A_MESSAGE: &str = "m.tenant = d.tenant AND m.model = d.model AND m.object = d.object";

/// What may go, in SQL; the row in question is `d`.
struct Conditions {
    /// A delivery. One that is settled without the time of it cannot be judged, and stays.
    delivery: String,
    retired_key: String,
    /// Messages made before. Milliseconds.
    messages: i64,
    /// Traces made before.
    traces: i64,
}

impl Conditions {
    fn of(cutoffs: &Cutoffs) -> Self {
        let settled = DeliveryState::ALL.into_iter().filter_map(|state| {
            let before = cutoffs.of(state)?.as_millisecond();
            Some(format!("(d.state = {} AND coalesce(d.settled_at < {before}, false))", state_number(state)))
        });
        let settled: Vec<String> = settled.collect();
        // Nothing is older than what is kept for ever.
        let time = |cutoff: Option<Timestamp>| cutoff.map_or(i64::MIN, Timestamp::as_millisecond);
        Self {
            delivery: if settled.is_empty() { "false".to_owned() } else { format!("({})", settled.join(" OR ")) },
            retired_key: format!("until < {}", time(cutoffs.retired_keys)),
            messages: time(cutoffs.messages),
            traces: time(cutoffs.traces),
        }
    }

    /// A message, unless there is a delivery `e` such as `kept_by`.
    fn message(&self, kept_by: &str) -> String {
        format!("(d.created_at < {} AND NOT EXISTS (SELECT FROM deliveries e WHERE {kept_by}))", self.messages)
    }

    /// A trace, unless it is a deletion and there is a message `m` such as `kept_by`.
    fn trace(&self, kept_by: &str) -> String {
        format!("(d.at < {} AND NOT (d.operation = 'delete' AND EXISTS (SELECT FROM messages m WHERE {kept_by})))", self.traces)
    }
}
