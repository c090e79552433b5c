//! A TCP stream that ends when its client is waited for in vain, or sends a head without end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::seats::{LONGEST_HEAD, Seat, Seats};
use crate::server::Problem;
use crate::server::problem::PROBLEM_JSON;

/// Bytes read at a time while a head is waited for, so that what comes along with it is not taken for a part of it.
const HEAD_READ: usize = 8 * 1024;
/// Any number of bytes.
const WHATEVER_COMES: u64 = u64::MAX;

/// Bytes that are read of a head that has been refused.
const FORGOTTEN: usize = 16 << 20;

/// A connection with its seat, which it gives up when it is dropped.
pub(in crate::server) struct Connection {
    /// Limited before each read.
    stream: Take<TcpStream>,
    seats: Arc<Seats>,
    seat: Arc<Seat>,
    /// Made when the client is first waited for.
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes read since a head was refused.
    forgotten: Option<usize>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, seats: Arc<Seats>, seat: Arc<Seat>) -> Self {
        Self { stream: stream.take(WHATEVER_COMES), seats, seat, timer: None, forgotten: None }
    }

    pub(super) fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.seat)
    }

    /// Ready when the connection must be given up; otherwise whoever asks is woken then.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.seat.register(context.waker());
        if self.seat.is_shown_out() && self.seat.is_waiting() {
            return Poll::Ready(io::Error::new(io::ErrorKind::ConnectionAborted, "room was needed for another client"));
        }
        loop {
            let Some(deadline) = self.seat.deadline() else { return Poll::Pending };
            if deadline <= Instant::now() {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client was waited for in vain"));
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
            ready!(timer.as_mut().poll(context));
            // The timer may stand at the deadline of an earlier wait.
            timer.as_mut().reset(deadline.into());
        }
    }

    /// Answers a head without end, and reads on without keeping anything, so that the client hears the answer before the connection ends.
    fn poll_refuse(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.forgotten.is_none() {
            // A few hundred bytes to a client who has not been sent anything: they fit, or the client is gone.
            drop(self.stream.get_ref().try_write(&head_too_long()));
            drop(Pin::new(self.stream.get_mut()).poll_shutdown(context));
        }
        let forgotten = self.forgotten.get_or_insert(0);
        let mut bytes = [0; HEAD_READ];
        loop {
            let mut part = ReadBuf::new(&mut bytes);
            ready!(Pin::new(self.stream.get_mut()).poll_read(context, &mut part))?;
            *forgotten += part.filled().len();
            if part.filled().is_empty() || *forgotten > FORGOTTEN {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the head of a request is too long")));
            }
        }
    }

    /// Fails once the connection is to end without another byte.
    fn still_talks(&self) -> io::Result<()> {
        if self.seat.is_hung_up() {
            Err(io::Error::new(io::ErrorKind::ConnectionAborted, "it was to end without an answer"))
        } else {
            Ok(())
        }
    }

    /// What writing came to, or the reason to give up when it has to wait.
    fn written(&mut self, outcome: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(outcome) => {
                if matches!(outcome, Ok(1..)) {
                    self.seat.sent();
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => self.poll_over(context).map(Err),
        }
    }
}

fn head_too_long() -> Vec<u8> {
    let detail = format!("the head of the request, its line and headers, is larger than {} KiB", LONGEST_HEAD >> 10);
    let body = Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too-large", detail).to_json();
    let mut answer = format!(
        "HTTP/1.1 {}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        body.len()
    )
    .into_bytes();
    answer.extend(body);
    answer
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.seats.leave(&self.seat);
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Before reading: a client that drips is never waited for by a read that stays pending.
        if let Poll::Ready(error) = self.poll_over(context) {
            return Poll::Ready(Err(error));
        }
        if self.seat.is_overfull() {
            return self.poll_refuse(context);
        }
        let limit = if self.seat.is_waiting() { HEAD_READ as u64 } else { WHATEVER_COMES };
        self.stream.set_limit(limit);
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.seat.count(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.still_talks()?;
        let outcome = Pin::new(self.stream.get_mut()).poll_write(context, bytes);
        self.written(outcome, context)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.still_talks()?;
        let outcome = Pin::new(self.stream.get_mut()).poll_write_vectored(context, slices);
        self.written(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(context)
    }
}
