//! What becomes of messages: saved and acknowledged, set aside because they are no saves, or left for later because the store fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{AckKind, Message};
use futures_util::future::join_all;

use super::message::{self, read};
use super::wave::{Letter, waves};
use super::{Reader, STALE, Source, Stopped};
use crate::access::TenantScope;
use crate::generation::Generation;
use crate::ingest::IngestError;
use crate::store::Taken;
use crate::telemetry::{MessageEnd, numbers};

/// When a message comes again that could not be dealt with for a reason on this side.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a stream has to take a message that is set aside.
const SET_ASIDE: Duration = Duration::from_secs(5);

/// How the saving of a message ended.
enum End {
    Saved(MessageEnd),
    /// Why it is no save.
    Bad(String),
    /// Why the store could not.
    Fault(String),
}

impl Reader {
    /// Takes in messages that have come together, after they were asked for then. Those behind one that the store could not take are left
    /// for later, too.
    pub(super) async fn take(&self, source: &Source<'_>, (asked, messages): (Instant, Vec<Message>)) -> Result<(), Stopped> {
        // Whatever it is read by is what decides it.
        let generation = self.ingest.generation();
        let mut letters = Vec::with_capacity(messages.len());
        for message in messages {
            let number = message.info().map_err(|error| error.to_string())?.stream_sequence;
            let text = message::Letter { subject: &message.subject, headers: message.headers.as_ref(), body: &message.payload };
            match read(&self.consumer, &generation, text) {
                Ok((tenant, saves)) => letters.push(Letter { message, number, tenant, saves }),
                Err(why) => self.set_aside(source, &message, number, &why).await,
            }
        }
        let mut waves = waves(letters, self.consumer.order).into_iter();
        while let Some(wave) = waves.next() {
            if asked.elapsed() > STALE {
                later(wave.into_iter().chain(waves.flatten())).await;
                return Err("messages were held for too long before they could be saved; they come again".to_owned());
            }
            if let Some(why) = self.commit(source, &generation, wave).await {
                later(waves.flatten()).await;
                return Err(why);
            }
        }
        Ok(())
    }

    /// Saves all of a wave; why the store could not, if it could not.
    async fn commit(&self, source: &Source<'_>, generation: &Arc<Generation>, wave: Vec<Letter>) -> Option<String> {
        let save = |letter: Letter| async move {
            let Letter { message, number, tenant, saves } = letter;
            let taken = Taken { source: Arc::clone(&source.name), position: i64::try_from(number).unwrap_or(i64::MAX) };
            let end = match self.ingest.save_once(&TenantScope::of_node(tenant), saves, generation, taken).await {
                Ok(Some(_)) => End::Saved(MessageEnd::Saved),
                Ok(None) => End::Saved(MessageEnd::Again),
                Err(IngestError::Refused { index, refused }) => End::Bad(format!("save {index}: {}", refused.message)),
                Err(IngestError::Store(error)) => End::Fault(error.to_string()),
            };
            (message, number, end)
        };
        let mut fault = None;
        for (message, number, end) in join_all(wave.into_iter().map(save)).await {
            match end {
                End::Saved(end) => {
                    numbers().message(end);
                    // When it gets lost the message comes again, and is known then.
                    said(message.ack().await);
                }
                End::Bad(why) => self.set_aside(source, &message, number, &why).await,
                End::Fault(why) => {
                    later([message]).await;
                    fault = Some(why);
                }
            }
        }
        fault
    }

    /// Sends a message that is no save where a person finds it, and has it not come again.
    async fn set_aside(&self, source: &Source<'_>, message: &Message, number: u64, why: &str) {
        let (stream, subject) = (&self.consumer.stream, message.subject.as_str());
        if let Some(to) = &self.consumer.dead_letter {
            let mut headers = message.headers.clone().unwrap_or_default();
            for (name, value) in [("webhookc-why", why), ("webhookc-stream", stream), ("webhookc-subject", subject)] {
                headers.insert(name, one_line(value));
            }
            headers.insert("webhookc-number", number.to_string());
            let copy =
                PublishMessage::build().payload(message.payload.clone()).headers(headers).message_id(format!("{} {number}", source.name));
            let sent = tokio::time::timeout(SET_ASIDE, source.broker.acknowledged(to, copy)).await;
            let sent = match sent {
                // With what is said of it, it is larger than the server takes. The log says it, too.
                Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    let alone = PublishMessage::build().payload(message.payload.clone());
                    tokio::time::timeout(SET_ASIDE, source.broker.acknowledged(to, alone)).await
                }
                sent => sent,
            };
            let failed = match sent {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("no acknowledgement".to_owned()),
            };
            if let Some(error) = failed {
                tracing::error!(stream, number, subject, why, to, %error, "a message is no save, and could not be set aside; it comes again");
                numbers().message(MessageEnd::Failed);
                said(message.ack_with(AckKind::Nak(Some(AGAIN))).await);
                return;
            }
        }
        numbers().message(MessageEnd::Refused);
        tracing::error!(
            stream,
            number,
            subject,
            why,
            set_aside = self.consumer.dead_letter,
            "a message is no save; it does not come again"
        );
        said(message.ack_with(AckKind::Term).await);
    }
}

/// Has messages come again at once, because this node stops reading.
pub(super) async fn leave(messages: Vec<Message>) {
    for message in messages {
        said(message.ack_with(AckKind::Nak(None)).await);
    }
}

/// Has messages come again later.
pub(super) async fn later(messages: impl IntoIterator<Item = impl Into<Message>>) {
    for message in messages {
        numbers().message(MessageEnd::Failed);
        said(message.into().ack_with(AckKind::Nak(Some(AGAIN))).await);
    }
}

impl From<Letter> for Message {
    fn from(letter: Letter) -> Self {
        letter.message
    }
}

/// What is said to a broker that is not there need not be said: the message comes again.
fn said(sent: Result<(), async_nats::Error>) {
    if let Err(error) = sent {
        tracing::debug!(%error, "an acknowledgement could not be sent");
    }
}

/// A header has one line.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
