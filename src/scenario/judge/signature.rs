//! Whether what was sent is signed as its receiver will check it: with the endpoint's secret, over the very bytes.

use super::{Failure, request};
use crate::scenario::run::Delivery;
use crate::scenario::setting::Setting;
use crate::scenario::written::ExpectedDelivery;

/// A delivery whose signature must be valid, and is not, or was never sent.
pub(super) fn judge(setting: &Setting<'_>, expected: &ExpectedDelivery, delivery: &Delivery) -> Option<Failure> {
    let span = expected.signature?;
    let Some(request) = request::sent(delivery) else {
        return Some(Failure::new(span, "nothing was sent, expected a request with a valid signature"));
    };
    let signer = setting.targets.get(delivery.endpoint).map(|target| &target.signer);
    let valid = signer.is_some_and(|signer| signer.verifies(&request.headers, &request.body));
    (!valid).then(|| Failure::new(span, "the signature does not fit the request and the endpoint's secret"))
}
