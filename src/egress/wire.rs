//! One HTTP/1.1 connection. It has no task of its own: whoever waits for its answer drives it, which saves two changes of task a request.
//! While it lies in the pool nobody drives it, so whether it still stands is asked before it is used.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::egress::stream::{Heard, Stream};

/// The longest head of an answer: twice what is kept of it. The whole of it is held in memory while it arrives.
const HEAD_AT_MOST: usize = 32 * 1024;
/// Headers of an answer.
const HEADERS_AT_MOST: usize = 100;

/// A connection.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Stream>, Full<Bytes>>,
    ended: bool,
    heard: Heard,
}

/// Why there is no answer.
pub(super) struct NoAnswer {
    /// What happened.
    pub error: hyper::Error,
    /// The request, when nothing of it has been written.
    pub unsent: Option<Request<Full<Bytes>>>,
    /// Whether anything of an answer came.
    pub heard: bool,
}

impl Wire {
    /// Speaks HTTP/1.1 over the stream. A header of an answer that is not written as it should be is passed over, or read as it is meant:
    /// the receiver has said whether it took the request.
    pub(super) async fn over(stream: Stream) -> Result<Self, hyper::Error> {
        let mut builder = Builder::new();
        builder.max_buf_size(HEAD_AT_MOST).max_headers(HEADERS_AT_MOST);
        builder.allow_obsolete_multiline_headers_in_responses(true);
        builder.allow_spaces_after_header_name_in_responses(true);
        builder.ignore_invalid_headers_in_responses(true);
        let heard = stream.heard();
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, connection, ended: false, heard })
    }

    /// Sends the request and waits for the head of the answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, NoAnswer> {
        self.heard.begin();
        let answer = self.sender.try_send_request(request);
        let answered = drive(&mut self.connection, &mut self.ended, answer).await;
        answered.map_err(|mut error| NoAnswer { unsent: error.take_message(), heard: self.heard.anything(), error: error.into_error() })
    }

    /// The next part of the answer's body; `None` at its end.
    pub(super) async fn part(&mut self, body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            let frame = drive(&mut self.connection, &mut self.ended, body.frame()).await?;
            // Trailers are of no use to anybody.
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(part)) => return Some(Ok(part)),
                Ok(Err(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Whether another request may be sent, as far as it is known here: the last answer is over, and the receiver has neither closed nor
    /// said more than it was asked.
    pub(super) fn is_free(&mut self) -> bool {
        if !self.ended {
            // Nobody need be woken: it is asked again before it is used.
            self.ended = Pin::new(&mut self.connection).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        }
        !self.ended && self.sender.is_ready()
    }
}

/// Waits for something that the connection does, and lets the connection do it.
async fn drive<T>(connection: &mut Connection<TokioIo<Stream>, Full<Bytes>>, ended: &mut bool, what: impl Future<Output = T>) -> T {
    let mut what = pin!(what);
    poll_fn(|context| {
        if !*ended {
            // What went wrong is told to whoever waits for an answer.
            *ended = matches!(Pin::new(&mut *connection).poll(context), Poll::Ready(_));
        }
        what.as_mut().poll(context)
    })
    .await
}
