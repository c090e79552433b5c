//! The numbers as text, in the format of Prometheus: those that were counted, and those that are what they are at the moment of asking.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::numbers::register;
use super::process::usage;
use super::{Metric, numbers};

/// What has to be delivered at this moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The longest lanes, and the others together, without a name.
    pub lanes: Vec<Depth>,
    /// Lanes that have something to deliver.
    pub count: i64,
}

/// What one lane, or several together, have to deliver.
#[derive(Clone, Debug, PartialEq)]
pub struct Depth {
    /// Tenant and endpoint; `None` for all that are not named.
    pub lane: Option<(String, String)>,
    /// Deliveries.
    pub deliveries: i64,
    /// Since when the first is due, in seconds; 0 when none is.
    pub age: f64,
}

/// Everything, as text.
#[must_use]
pub fn exposition(standing: &Standing) -> String {
    let mut text = String::with_capacity(16 << 10);
    let now = momentary(standing);
    // Writing to a string cannot fail.
    let written = encode_registry(&mut text, numbers().registry())
        .and_then(|()| encode_registry(&mut text, &now))
        .and_then(|()| encode_eof(&mut text));
    debug_assert!(written.is_ok(), "{written:?}");
    text
}

fn momentary(standing: &Standing) -> Registry {
    let mut registry = Registry::default();
    let depth = Family::<Vec<(&'static str, String)>, Gauge>::default();
    let age = Family::<Vec<(&'static str, String)>, Gauge<f64, AtomicU64>>::default();
    for lane in &standing.lanes {
        let (tenant, endpoint) = lane.lane.clone().unwrap_or_else(|| (String::new(), "other".to_owned()));
        let labels = vec![("tenant", tenant), ("endpoint", endpoint)];
        depth.get_or_create(&labels).set(lane.deliveries);
        age.get_or_create(&labels).set(lane.age);
    }
    register(&mut registry, Metric::QueueDepth, depth);
    register(&mut registry, Metric::QueueAge, age);
    let lanes: Gauge = Gauge::default();
    lanes.set(standing.count);
    register(&mut registry, Metric::QueueLanes, lanes);
    if let Some((bytes, seconds)) = usage() {
        let memory = Gauge::<f64, AtomicU64>::default();
        memory.set(bytes);
        register(&mut registry, Metric::Memory, memory);
        let processor = Counter::<f64, AtomicU64>::default();
        processor.inc_by(seconds);
        register(&mut registry, Metric::Processor, processor);
    }
    registry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_shown_under_its_name_and_nothing_else_is() {
        let lane = Some(("t".to_owned(), "ep_\"a\n".to_owned()));
        let standing =
            Standing { lanes: vec![Depth { lane, deliveries: 3, age: 1.5 }, Depth { lane: None, deliveries: 1, age: 0.0 }], count: 7 };
        // What is counted by table is shown from the first one on.
        numbers().source().copied("users", 2);
        let text = exposition(&standing);
        for metric in Metric::ALL {
            assert!(text.contains(&format!("# HELP {} ", metric.name())), "{metric:?} is missing in:\n{text}");
            assert!(metric.series().iter().all(|series| text.lines().any(|line| line.starts_with(series.as_str()))), "{metric:?}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with("# TYPE")).count(), Metric::ALL.len());
        assert!(text.contains("webhookc_queue_depth{tenant=\"t\",endpoint=\"ep_\\\"a\\n\"} 3\n"), "{text}");
        assert!(text.contains("webhookc_queue_age_seconds{tenant=\"\",endpoint=\"other\"} 0.0\n") && text.ends_with("# EOF\n"), "{text}");
    }
}
