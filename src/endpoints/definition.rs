//! An endpoint as it is kept: everything that was said about it, and nothing that follows from it. Its JSON is what the store holds.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::check::Wants;
use crate::delivery::{FailureHandling, Pattern, Policy, Retry, RetryError, parse_duration};
use crate::ids::EndpointId;
use crate::program::Order;

/// An endpoint that a tenant has made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// What people call it; need not be unique.
    pub name: String,
    /// What people note about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it is subscribed at all.
    pub enabled: bool,
    /// What it asks for.
    #[serde(flatten)]
    pub wants: Wants,
    /// Deadline of the whole exchange; the default when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Requests under way at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// `100/s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<String>,
    /// Whether deliveries about an object keep their order.
    #[serde(default)]
    pub ordered: bool,
    /// The signatures besides the standard ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Profile>,
    /// What happens when it fails; the default when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_handling: Option<Handling>,
    /// The API that it was made by, when that is another system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
}

/// Signatures that may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// `v1a`
    Asymmetric,
    /// `X-Journey-Signature…`
    Journey,
}

/// What was said about failures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handling {
    /// As written; empty: all.
    #[serde(default)]
    pub triggers: Vec<String>,
    /// When to try again; the default schedule when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPlan>,
    /// Who is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_endpoint: Option<AlertTo>,
    /// Whether what is given up is kept.
    pub divert: bool,
    /// Whether the endpoint is suspended then.
    pub suspend: bool,
}

/// Attempts and the waits between them, as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetryPlan {
    /// `schedule`, `linear`, `exponential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// `30 s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// All attempts, the first included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// The wait before each attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<String>,
}

/// Who is told when an endpoint is in trouble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertTo {
    /// Another endpoint of the tenant.
    Endpoint(EndpointId),
    /// A place of its own.
    Place {
        /// The URL template.
        url: Box<str>,
        /// Names and value templates.
        headers: Vec<(Box<str>, Box<str>)>,
    },
}

/// That another system's API made it, and what only that API knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dialect {
    /// Which.
    pub name: String,
    /// What it is found by there.
    pub key: String,
    /// What is answered there and has no counterpart here.
    #[serde(default)]
    pub document: Value,
}

impl RetryPlan {
    /// The waits.
    ///
    /// # Errors
    /// When its parts do not go together, in words.
    pub fn retry(&self) -> Result<Retry, String> {
        let duration = |text: &String| parse_duration(text).map_err(|error| error.to_string());
        let interval = self.interval.as_ref().map(duration).transpose()?;
        let pattern = match &self.pattern {
            Some(word) => word.parse::<Pattern>().map_err(|error| error.to_string())?,
            None if interval.is_some() => Pattern::Linear,
            None => Pattern::Schedule,
        };
        let made = match (pattern, self.schedule.is_empty(), interval) {
            (_, true, interval) => Retry::new(pattern, interval, self.max_attempts),
            (Pattern::Schedule, false, None) => {
                let waits: Vec<Duration> = self.schedule.iter().map(duration).collect::<Result<_, _>>()?;
                Retry::of_schedule(waits, self.max_attempts)
            }
            (Pattern::Schedule, false, Some(_)) => Err(RetryError::ScheduleInterval),
            (Pattern::Linear | Pattern::Exponential, false, _) => Err(RetryError::OwnSchedule),
        };
        made.map_err(|error| error.to_string())
    }
}

impl Definition {
    /// The id of the place that is told of trouble, when an endpoint has one of its own.
    #[must_use]
    pub fn alert_id(id: &EndpointId) -> EndpointId {
        EndpointId::new(format!("{id}.alert"))
    }

    /// How it is called. What cannot be read any more is as if nothing had been said: it was read once.
    #[must_use]
    pub fn policy(&self, id: &EndpointId) -> Policy {
        let default = Policy::default();
        let failure_handling = self.failure_handling.as_ref().map_or_else(FailureHandling::default, |handling| FailureHandling {
            triggers: handling.triggers.iter().filter_map(|word| word.parse().ok()).collect(),
            retry: handling.retry.as_ref().and_then(|plan| plan.retry().ok()).unwrap_or_default(),
            divert: handling.divert,
            suspend: handling.suspend,
            alert_endpoint: handling.alert_endpoint.as_ref().map(|to| match to {
                AlertTo::Endpoint(id) => id.clone(),
                AlertTo::Place { .. } => Self::alert_id(id),
            }),
        });
        Policy {
            timeout: self.timeout_ms.map_or(default.timeout, Duration::from_millis),
            concurrency: self.concurrency.unwrap_or(default.concurrency),
            rate_limit: self.rate_limit.as_ref().and_then(|text| text.parse().ok()),
            order: if self.ordered { Order::Object } else { Order::None },
            journey: self.signatures.contains(&Profile::Journey),
            asymmetric: self.signatures.contains(&Profile::Asymmetric),
            failure_handling,
        }
    }

    /// What the place of its own is sent, that is told of trouble.
    #[must_use]
    pub fn alert_place(&self) -> Option<Wants> {
        let AlertTo::Place { url, headers } = self.failure_handling.as_ref()?.alert_endpoint.as_ref()? else { return None };
        Some(Wants {
            event_types: Vec::new(),
            about: Vec::new(),
            model: None,
            object: None,
            conditions: Vec::new(),
            url: url.clone(),
            method: "POST".into(),
            headers: headers.clone(),
            body: None,
            content_type: None,
        })
    }
}
