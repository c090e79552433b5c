//! Who is told when an endpoint is in trouble, as the messages that the store writes. An alert about an alert is never made.

use std::sync::Arc;

use jiff::Timestamp;

use crate::check::OperationalEvent;
use crate::engine::{Moment, Notice, Trouble, notice};
use crate::generation::Generation;
use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence, Tenant};
use crate::ingest::effects::{Circumstances, Of, To, delivery};
use crate::store::{Alarm, Alert, NewMessage};
use crate::time::Entropy;

/// The endpoint in trouble, and the one that is told.
pub struct Bell {
    /// The rules of the alert endpoint.
    pub generation: Arc<Generation>,
    /// For ids.
    pub entropy: Arc<dyn Entropy>,
    /// Whose endpoint it is.
    pub tenant: Tenant,
    /// The endpoint in trouble.
    pub endpoint: EndpointId,
    /// The delivery that it is in trouble with, if any, and its event type.
    pub delivery: Option<(DeliveryId, Box<str>)>,
}

impl Bell {
    /// The alarm, if there is anybody to tell.
    #[must_use]
    pub fn alarm(self) -> Option<Arc<dyn Alarm>> {
        let about_alert = self.delivery.as_ref().is_some_and(|(_, event)| OperationalEvent::named(event).is_some());
        let listens = self.alert_endpoint().is_some_and(|endpoint| self.generation.target(&endpoint).is_some());
        (listens && !about_alert).then(|| Arc::new(self) as Arc<dyn Alarm>)
    }

    fn alert_endpoint(&self) -> Option<EndpointId> {
        self.generation.target(&self.endpoint)?.policy.failure_handling.alert_endpoint.clone()
    }

    /// The endpoint that is told: its method, and what it is sent; `None` when it can be told nothing.
    fn notice(&self, to: &EndpointId, trouble: Trouble<'_>, moment: Moment<'_>) -> Option<(Box<str>, Notice)> {
        let rules = &self.generation.rules;
        if let Some(own) = self.generation.own.endpoint(to) {
            let request = own.endpoint.alert(trouble.event)?;
            return Some((own.endpoint.wants.method.clone(), notice(&request, &rules.settings, trouble, moment)));
        }
        let endpoint = rules.endpoints.iter().find(|endpoint| endpoint.id == *to)?;
        let request = rules.alerts.as_ref()?.request(to, trouble.event)?;
        Some((endpoint.request.method.value.clone(), notice(request, &rules.settings, trouble, moment)))
    }
}

impl Alarm for Bell {
    fn message(&self, alert: Alert, why: &str, at: Timestamp, sequence: Sequence) -> Option<NewMessage> {
        let event = match alert {
            Alert::Diverted => OperationalEvent::DeliveryDiverted,
            Alert::Failed => OperationalEvent::DeliveryFailed,
            Alert::Suspended => OperationalEvent::EndpointSuspended,
            Alert::Recovered => OperationalEvent::EndpointRecovered,
        };
        let to = self.alert_endpoint()?;
        let target = self.generation.target(&self.endpoint)?;
        let name = &target.name;
        let ids = self.delivery.as_ref().map(|(delivery, event)| [delivery.to_string(), delivery.message().to_string(), event.to_string()]);
        let ids = ids.as_ref().map(|ids| ids.each_ref().map(String::as_str));
        let trouble = Trouble { event, endpoint: &self.endpoint, name, reason: why, delivery: ids };
        let moment = Moment { tenant: self.tenant.as_str(), own: None, sequence, now: at };
        let (method, Notice { payload, request }) = self.notice(&to, trouble, moment)?;
        let circumstances = Circumstances { tenant: &self.tenant, generation: &self.generation, entropy: &self.entropy, at };
        let id = MessageId::new(self.entropy.uuid(at));
        let of = Of { message: id, event: event.as_str(), ordered: false };
        Some(NewMessage {
            id,
            event: event.as_str().into(),
            model: "endpoint".into(),
            object: self.endpoint.as_str().into(),
            operation: "update",
            payload,
            deliveries: vec![delivery(circumstances, of, 0, (To { id: &to, method: &method }, request))],
        })
    }
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bell").field("tenant", &self.tenant).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
