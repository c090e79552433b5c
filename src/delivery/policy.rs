//! How an endpoint is called and which failures are tried again, as plain values. Where they are written down is `config`'s business.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::delivery::{Rate, Retry};
use crate::ids::EndpointId;
use crate::program::Order;

/// How an endpoint is called, and what happens when that fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Deadline of the whole exchange: connect, headers, body.
    pub timeout: Duration,
    /// Requests under way at once, in each tenant.
    pub concurrency: u32,
    /// Requests started in a time, in each tenant; `None`: as many as come.
    pub rate_limit: Option<Rate>,
    /// The order of deliveries, besides that which a webhook asks for by itself.
    pub order: Order,
    /// Whether the `journey` signature headers are added to the Standard Webhooks ones.
    pub journey: bool,
    /// Whether asymmetric signatures, `v1a`, are added to the symmetric ones.
    pub asymmetric: bool,
    /// Which failures are retried, when, and what follows the last.
    pub failure_handling: FailureHandling,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(15),
            concurrency: 16,
            rate_limit: None,
            order: Order::None,
            journey: false,
            asymmetric: false,
            failure_handling: FailureHandling::default(),
        }
    }
}

/// What to do about failures (RUNTIME §3).
#[derive(Clone, Debug, PartialEq)]
pub struct FailureHandling {
    /// The failures that are tried again; any other is final at once. Empty: all.
    pub triggers: Vec<Trigger>,
    /// When to try again.
    pub retry: Retry,
    /// Whether a delivery that is given up is diverted, that is, kept for inspection and resend. Otherwise it has failed.
    pub divert: bool,
    /// Whether the endpoint is suspended when a delivery runs out of attempts.
    pub suspend: bool,
    /// Who is told when a delivery is diverted, when the endpoint is suspended, and when it takes deliveries again.
    pub alert_endpoint: Option<EndpointId>,
}

impl Default for FailureHandling {
    fn default() -> Self {
        Self { triggers: Vec::new(), retry: Retry::default(), divert: true, suspend: false, alert_endpoint: None }
    }
}

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Any 4xx answer.
    ClientError,
    /// Any 5xx answer.
    ServerError,
    /// The deadline passed.
    Timeout,
    /// No connection, or it broke.
    Connection,
    /// This answer.
    Status(u16),
}

/// Why a word is not a trigger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{seen}` is not a failure, expected `4xx`, `5xx`, `timeout`, `connection` or a status such as `429`, from 300 to 599")]
pub struct TriggerError {
    /// The word.
    pub seen: String,
}

impl FromStr for Trigger {
    type Err = TriggerError;

    fn from_str(word: &str) -> Result<Self, TriggerError> {
        match word {
            "4xx" => Ok(Self::ClientError),
            "5xx" => Ok(Self::ServerError),
            "timeout" => Ok(Self::Timeout),
            "connection" => Ok(Self::Connection),
            _ => match word.parse() {
                Ok(status @ 300..=599) => Ok(Self::Status(status)),
                Ok(_) | Err(_) => Err(TriggerError { seen: word.to_owned() }),
            },
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientError => f.write_str("4xx"),
            Self::ServerError => f.write_str("5xx"),
            Self::Timeout => f.write_str("timeout"),
            Self::Connection => f.write_str("connection"),
            Self::Status(status) => write!(f, "{status}"),
        }
    }
}

impl Trigger {
    /// Whether an answer with this status is such a failure.
    #[must_use]
    pub fn matches_status(self, status: u16) -> bool {
        match self {
            Self::ClientError => (400..500).contains(&status),
            Self::ServerError => (500..600).contains(&status),
            Self::Status(only) => only == status,
            Self::Timeout | Self::Connection => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_words_or_statuses() {
        let parsed: Vec<_> = ["4xx", "5xx", "timeout", "connection", "429"].iter().map(|word| word.parse()).collect();
        let expected = [Trigger::ClientError, Trigger::ServerError, Trigger::Timeout, Trigger::Connection, Trigger::Status(429)];
        assert_eq!(parsed, expected.map(Ok));
        for word in ["", "6xx", "200", "4XX", "700", "-1", "timeouts"] {
            assert_eq!(word.parse::<Trigger>(), Err(TriggerError { seen: word.to_owned() }));
        }
    }

    #[test]
    fn a_class_matches_its_hundred() {
        assert!(Trigger::ClientError.matches_status(499) && !Trigger::ClientError.matches_status(500));
        assert!(Trigger::ServerError.matches_status(599) && !Trigger::ServerError.matches_status(301));
        assert!(Trigger::Status(301).matches_status(301) && !Trigger::Timeout.matches_status(408));
    }
}
