//! Which endpoints of checked rules the guard would refuse at every attempt, because their templates name a forbidden address. Said when
//! a program is to become live rather than by each of its deliveries. Absent: names, whose addresses are judged at each look-up, and
//! origins with a secret in them.

use std::collections::BTreeSet;

use url::Url;

use crate::check::{Rules, Valid};
use crate::egress::Guard;

/// One sentence for each endpoint that may not be called, in order.
pub(super) fn unreachable(rules: &Valid<Rules>, guard: &Guard) -> Vec<String> {
    let mut refused = BTreeSet::new();
    for subscription in rules.subscriptions.iter().flatten() {
        let Some(endpoint) = rules.endpoints.get(subscription.endpoint) else { continue };
        let url = subscription.request.origin().and_then(|origin| Url::parse(origin).ok());
        // What goes to a broker goes to the servers that are configured for it.
        let url = url.filter(|url| url.scheme() != "nats");
        if let Some(Err(why)) = url.as_ref().and_then(Url::host).map(|host| guard.check_host(&host)) {
            let name = &endpoint.name.value;
            refused.insert(format!(
                "the endpoint `{name}` may not be called: {why}, expected one of the public internet or of `allow_networks`"
            ));
        }
    }
    refused.into_iter().collect()
}
