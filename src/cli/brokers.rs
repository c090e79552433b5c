//! The way out of a node, and what it takes up from a broker; without the feature `nats` the way out alone.

use std::future::ready;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::failure::Failure;
use crate::config::Config;
use crate::egress::{Client, Guard};
use crate::ingest::Ingest;

/// The client for deliveries, connected to the brokers that are configured.
#[cfg(feature = "nats")]
pub(super) async fn way_out(guard: Guard, config: &Config) -> Result<Client, Failure> {
    let brokers = crate::broker::Brokers::connect(&config.brokers, &config.folder).await;
    let brokers = brokers.map_err(|error| Failure::of("cannot start", &error))?;
    Ok(client(guard)?.with_brokers(brokers))
}

/// The client for deliveries.
#[cfg(not(feature = "nats"))]
#[expect(clippy::unused_async, reason = "it waits with the feature `nats`")]
pub(super) async fn way_out(guard: Guard, _: &Config) -> Result<Client, Failure> {
    client(guard)
}

fn client(guard: Guard) -> Result<Client, Failure> {
    Client::new(guard).map_err(|error| Failure::of("cannot send webhooks", &error))
}

/// Takes up the messages that are saves, if some are, until `stop` is true.
#[cfg(feature = "nats")]
pub(super) fn take_up(config: &Config, egress: &Client, ingest: &Ingest, stop: &watch::Receiver<bool>) -> BoxFuture<'static, ()> {
    let Some(consumer) = config.consumer.clone() else { return Box::pin(ready(())) };
    let reader = crate::consume::Reader { brokers: egress.brokers().clone(), consumer, ingest: ingest.clone() };
    Box::pin(reader.run(stop.clone()))
}

/// Nothing is taken up.
#[cfg(not(feature = "nats"))]
pub(super) fn take_up(_: &Config, _: &Client, _: &Ingest, _: &watch::Receiver<bool>) -> BoxFuture<'static, ()> {
    Box::pin(ready(()))
}
