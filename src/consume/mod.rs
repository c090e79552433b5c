//! Messages of a stream → saves, by a durable consumer that all nodes share. A message is acknowledged only after its saves are committed,
//! and its number in the stream is committed with them: one that comes again fires nothing. Absent: what a save may be, which `engine`
//! says, as for a save by API.
//!
//! Saves of an object keep the order of the stream. For that one node reads at a time, the first of those that share the store, and whoever begins to
//! read waits until what was taken up before, by a node that has died, say, has come again. With `order = "none"` all nodes read at once.
//!
//! 2026-11-27: the alternative was to note only up to which number all is done. Messages are acknowledged one by one, so what comes again after a
//! failure is a few in the middle, and a number would not say which.

mod end;
mod handed;
mod message;
mod wave;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{Batch, Config};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;

use crate::broker::{Broker, Brokers};
use crate::config::Consumer;
use crate::ingest::Ingest;
use crate::program::Order;
use handed::HandedOut;

/// How long a question for messages stands: as long as a node that has stopped may still be given some.
const PULL: Duration = Duration::from_secs(2);
/// The wait after something went wrong, and between looks whether it is this node's turn.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked whether what was taken up before has come again.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is looked which numbers of messages do not come again.
const FORGET: Duration = Duration::from_secs(10);
/// How long they are remembered nevertheless: a node that was paused may hold a message which another one has dealt with meanwhile.
const REMEMBERED: Duration = Duration::from_mins(1);
/// How old what is held may become before it is left to come again: with room until it would be forgotten that it was dealt with.
const STALE: Duration = Duration::from_secs(30);

/// Reads messages.
pub struct Reader {
    /// Where they come from.
    pub brokers: Brokers,
    /// Which.
    pub consumer: Consumer,
    /// Takes the saves in.
    pub ingest: Ingest,
}

/// Why reading stopped; it is begun anew.
type Stopped = String;

/// What is read from.
struct Source<'a> {
    broker: &'a Broker,
    consumer: PullConsumer,
    /// Its name in the store. A consumer that was made anew is another one: whoever does that wants everything once more.
    name: Arc<str>,
}

impl Reader {
    /// Reads until `stop` is true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut said = String::new();
        while !*stop.borrow_and_update() {
            let read = if self.is_its_turn() { self.read(&stop).await } else { Ok(()) };
            match read {
                Ok(()) => said.clear(),
                Err(why) if why != said => {
                    let Consumer { stream, name, .. } = &self.consumer;
                    tracing::error!(stream, consumer = name, %why, "messages cannot be read; trying again");
                    said = why;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Whether this node may read.
    fn is_its_turn(&self) -> bool {
        self.consumer.order == Order::None || self.ingest.store.crew().rank == 0
    }

    /// Reads as long as it may.
    async fn read(&self, stop: &watch::Receiver<bool>) -> Result<(), Stopped> {
        let source = self.open().await?;
        let (stream, consumer) = (&self.consumer.stream, &self.consumer.name);
        let mut handed_out = match self.consumer.order {
            Order::Object => HandedOut::through(self.wait_for_others(&source, stop).await?),
            Order::None => HandedOut::by_several(),
        };
        tracing::info!(stream, consumer, "reading messages");
        let mut floors = VecDeque::new();
        while self.is_its_turn() && !*stop.borrow() {
            self.forget(&source, &mut floors).await?;
            let asked = Instant::now();
            let pull = source.consumer.batch().max_messages(self.consumer.in_flight).expires(PULL).messages();
            let mut batch = pull.await.map_err(|error| error.to_string())?;
            while let Some(mut messages) = next(&mut batch, stop).await? {
                // What is behind a gap comes again after it, when nothing is said of it.
                let gap = handed_out.up_to_gap(&mut messages)?;
                if let Err(why) = self.take(&source, (asked, messages)).await {
                    end::later(rest(&mut batch)).await;
                    return Err(why);
                }
                if let Some(gap) = gap {
                    return Err(gap);
                }
            }
        }
        Ok(())
    }

    /// Finds the stream and the consumer, which is made if it is not there.
    async fn open(&self) -> Result<Source<'_>, Stopped> {
        let Consumer { broker, stream, name, subject, in_flight, ack_wait, .. } = &self.consumer;
        let broker = self.brokers.named(broker).ok_or_else(|| format!("there is no broker `{broker}`"))?;
        if !broker.is_there(PAUSE).await {
            return Err(format!("there is no connection to the broker `{}`", self.consumer.broker));
        }
        let found = broker.streams.get_stream(stream).await.map_err(|error| format!("the stream `{stream}` cannot be used: {error}"))?;
        let wanted = Config {
            durable_name: Some(name.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: *ack_wait,
            max_ack_pending: i64::try_from(*in_flight).unwrap_or(i64::MAX),
            filter_subject: subject.clone().unwrap_or_default(),
            ..Config::default()
        };
        let consumer = found.get_or_create_consumer(name, wanted).await;
        let consumer: PullConsumer = consumer.map_err(|error| format!("the consumer `{name}` cannot be used: {error}"))?;
        let info = consumer.cached_info();
        if info.config.ack_policy != AckPolicy::Explicit {
            return Err(format!(
                "the consumer `{name}` does not ask for an acknowledgement of each message, expected `ack_policy` explicit"
            ));
        }
        let wanted = subject.as_deref().unwrap_or_default();
        if info.config.filter_subject != wanted {
            let seen = &info.config.filter_subject;
            return Err(format!("the consumer `{name}` is there and reads `{seen}`, expected `{wanted}`; remove it, or name another one"));
        }
        let source = format!("nats {stream}/{name} {}", info.created.unix_timestamp_nanos());
        Ok(Source { broker, consumer, name: source.into() })
    }

    /// Waits until what was taken up before this node began has been dealt with, or is about to come again: it comes before everything else
    /// then. How many messages have been handed out by then.
    async fn wait_for_others(&self, source: &Source<'_>, stop: &watch::Receiver<bool>) -> Result<u64, Stopped> {
        let began = Instant::now();
        loop {
            let info = source.consumer.get_info().await.map_err(|error| error.to_string())?;
            // As the consumer has it, which may be another time than that of the configuration.
            let over = began.elapsed() > info.config.ack_wait + PAUSE;
            if info.num_ack_pending == 0 || over || *stop.borrow() {
                return Ok(info.delivered.consumer_sequence);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks now and then up to which number all messages are acknowledged, and forgets the numbers of those that have been for a time.
    async fn forget(&self, source: &Source<'_>, floors: &mut VecDeque<(Instant, u64)>) -> Result<(), Stopped> {
        if floors.back().is_some_and(|(at, _)| at.elapsed() < FORGET) {
            return Ok(());
        }
        let info = source.consumer.get_info().await.map_err(|error| error.to_string())?;
        floors.push_back((Instant::now(), info.ack_floor.stream_sequence));
        let old = floors.iter().take_while(|(at, _)| at.elapsed() > REMEMBERED).count();
        let Some((_, through)) = floors.drain(..old).next_back() else { return Ok(()) };
        let through = i64::try_from(through).unwrap_or(i64::MAX);
        self.ingest.store.forget_taken(&source.name, through).await.map_err(|error| error.to_string())
    }
}

/// The next messages that have come; `None` when no more come for the question that was asked, or when it is time to stop.
async fn next(batch: &mut Batch, stop: &watch::Receiver<bool>) -> Result<Option<Vec<Message>>, Stopped> {
    let mut stop = stop.clone();
    let first = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => None,
        first = batch.next() => Some(first),
    };
    let Some(first) = first else {
        end::leave(rest(batch)).await;
        return Ok(None);
    };
    let Some(first) = first else { return Ok(None) };
    let mut messages = vec![first.map_err(|error| error.to_string())?];
    messages.extend(rest(batch));
    Ok(Some(messages))
}

/// What has come already.
fn rest(batch: &mut Batch) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some(Some(Ok(message))) = batch.next().now_or_never() {
        messages.push(message);
    }
    messages
}
