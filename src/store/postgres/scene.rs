//! How deliveries begin: leased by this node and sent right after the commit, pending, behind another one, or diverted.

use std::sync::Arc;

use jiff::Timestamp;

use super::effects::{FIRST_FENCE, JSON, Lanes, Outgoing};
use super::failure::Trouble;
use super::hub::Hub;
use super::sent::{Beginning, Placed, Sent};
use super::transaction::Ledger;
use super::values::{bucket, delivery_row, state_number};
use crate::ids::{DeliveryId, LaneId, MAX_DELIVERIES, Sequence, Tenant};
use crate::store::agenda::Note;
use crate::store::{Claimed, DeliveryState, NewDelivery, NewMessage, Slot, StoreError, Way};

/// Where messages are written.
pub(super) struct Scene<'a, 'l> {
    pub hub: &'a Hub,
    pub lanes: &'a Lanes<'l>,
    pub sequence: Sequence,
    pub at: Timestamp,
}

impl Scene<'_, '_> {
    /// Adds a message with its deliveries; those that cannot be sent and of which somebody is told, with their lanes.
    pub(super) fn message<'m>(
        &self,
        ledger: &mut Ledger,
        outgoing: &mut Outgoing,
        sent: &mut Sent<'m>,
        message: &'m NewMessage,
    ) -> Result<Vec<(usize, LaneId)>, Trouble> {
        if message.deliveries.len() > MAX_DELIVERIES {
            let why = format!("a message would go to {} endpoints, and at most {MAX_DELIVERIES} are possible", message.deliveries.len());
            return Err(StoreError::Failed(why).into());
        }
        ledger.counter += 1;
        let placed = Placed { tenant: ledger.row, row: ledger.counter, sequence: self.sequence.0, at: self.at.as_millisecond() };
        sent.message(placed, message);
        let mut untold = Vec::new();
        for (ordinal, delivery) in (0..).zip(&message.deliveries) {
            let Some(lane) = self.lanes.get(&(ledger.row, delivery.endpoint.as_str())).copied() else { continue };
            let row = delivery_row(placed.row, ordinal);
            let beginning = self.beginning(&ledger.tenant, outgoing, (message, ordinal, Slot(row)), (delivery, lane));
            if delivery.due.as_ref().is_err_and(|unsendable| unsendable.alarm.is_some()) {
                untold.push((usize::try_from(ordinal).unwrap_or(usize::MAX), lane));
            }
            sent.delivery((placed, row), message, delivery, &beginning)?;
        }
        Ok(untold)
    }

    /// Sent right after the commit if it can be, pending if not, and diverted if it cannot be sent at all.
    fn beginning<'m>(
        &self,
        tenant: &Tenant,
        outgoing: &mut Outgoing,
        (message, ordinal, slot): (&NewMessage, u32, Slot),
        (delivery, lane): (&'m NewDelivery, LaneId),
    ) -> Beginning<'m> {
        let bucket = delivery.ordered.then(|| bucket(lane.0, &message.model, &message.object));
        let begin = |state, due_at: Timestamp| Beginning {
            lane: lane.0,
            bucket,
            blocked: false,
            state: state_number(state),
            due_at: due_at.as_millisecond(),
            fence: 0,
            node: None,
            reason: None,
        };
        let due = match &delivery.due {
            Ok(due) => *due,
            Err(unsendable) => return Beginning { reason: Some(&unsendable.why), ..begin(DeliveryState::Diverted, self.at) },
        };
        let blocked = delivery.ordered && !outgoing.behind.insert((lane, message.model.clone(), message.object.clone()));
        if blocked {
            outgoing.wakes = true;
            return Beginning { blocked, ..begin(DeliveryState::Pending, due) };
        }
        let bytes = delivery.body.as_ref().map_or(message.payload.len(), |(_, body)| body.len());
        let way = Way { lane, tenant, endpoint: &delivery.endpoint, bytes };
        let lessee = outgoing.lessee.filter(|_| !self.hub.agenda().is_suspended(lane));
        let reserved = lessee.zip(self.hub.taker()).and_then(|(node, taker)| Some((node, taker.reserve(way, due)?)));
        if let Some((node, lease_until)) = reserved {
            let lease = Lease { lane, until: lease_until, node };
            outgoing.fresh.push(claimed((self.sequence, tenant), (message, ordinal, slot), delivery, lease));
            return Beginning { fence: FIRST_FENCE, node: Some(node), ..begin(DeliveryState::Sending, lease_until) };
        }
        outgoing.wakes = true;
        outgoing.notes.push(Note::Due(lane, due.as_millisecond()));
        begin(DeliveryState::Pending, due)
    }
}

#[derive(Clone, Copy)]
struct Lease {
    lane: LaneId,
    until: Timestamp,
    node: i64,
}

/// The delivery as its first claim would bring it.
fn claimed(
    (sequence, tenant): (Sequence, &Tenant),
    (message, ordinal, slot): (&NewMessage, u32, Slot),
    delivery: &NewDelivery,
    lease: Lease,
) -> Claimed {
    let (content_type, body) = match &delivery.body {
        Some((content_type, body)) => (content_type.clone(), body.clone()),
        None => (JSON.into(), message.payload.clone()),
    };
    Claimed {
        lane: lease.lane,
        tenant: tenant.clone(),
        id: DeliveryId::of(message.id, ordinal),
        slot,
        message: message.id,
        event: message.event.clone(),
        sequence,
        endpoint: delivery.endpoint.clone(),
        attempts: 0,
        spent: 0,
        fence: FIRST_FENCE,
        lease_until: lease.until,
        node: lease.node,
        ordered: delivery.ordered,
        method: delivery.method.clone(),
        url: delivery.url.clone(),
        headers: Arc::clone(&delivery.headers),
        body,
        content_type,
    }
}
