//! A connection in replication mode: socket, TLS, sign-in, commands and statements, and then the stream of what is logged. The messages of the protocol are
//! those of `postgres-protocol`, which the client of the store uses, too; that client has no replication mode. Absent: what is in the log.

use std::io;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{COPY_DATA_TAG, DataRowBody, ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect as _};

use super::error::SourceError;
use super::lsn::Lsn;
use super::pgoutput::{Cell, Tuple};
use crate::store::Tls;

/// The answer to `START_REPLICATION`, which only this mode has.
const COPY_BOTH_TAG: u8 = b'W';
/// What a session is told: how values are written, whatever the database's settings are, and when it is given up.
const SETTINGS: [(&str, &str); 7] = [
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "iso_8601"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    // The slot of a node that does not answer any more is free for another one after that time.
    ("wal_sender_timeout", "10s"),
];
/// The port of a server of which nothing else is said.
const PORT: u16 = 5432;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// The connection.
pub(super) struct Wire {
    socket: Box<dyn Duplex>,
    read: BytesMut,
    write: BytesMut,
    /// Whether a question is still being answered.
    answers: bool,
}

/// What comes over the stream.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A message of the output plugin, and where the server's log ends.
    Logged { bytes: Bytes, end: Lsn },
    /// Everything up to here has been sent; and whether an answer is wanted.
    Alive { end: Lsn, asks: bool },
}

/// Whether the server is to say that it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Wanted,
    NotNeeded,
}

impl Wire {
    /// Connects to the first of the hosts that answers and is what the URL asks for, and signs in.
    pub(super) async fn connect(config: &Config, tls: &Tls) -> Result<Self, SourceError> {
        let mut last = SourceError::Connection("the URL names no host".to_owned());
        for (index, host) in config.get_hosts().iter().enumerate() {
            let ports = config.get_ports();
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(PORT);
            let connecting = Self::connect_to(config, tls, host, port);
            let connected = match config.get_connect_timeout() {
                Some(limit) => tokio::time::timeout(*limit, connecting).await.unwrap_or_else(|_| Err(slow(*limit))),
                None => connecting.await,
            };
            match connected {
                Ok(wire) => return Ok(wire),
                // It may be starting, or be another one than is wanted.
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(config: &Config, tls: &Tls, host: &Host, port: u16) -> Result<Self, SourceError> {
        let socket = socket(config, tls, host, port).await?;
        let mut wire = Self { socket, read: BytesMut::new(), write: BytesMut::new(), answers: false };
        wire.sign_in(config).await?;
        let attributes = config.get_target_session_attrs();
        if attributes == TargetSessionAttrs::Any {
            return Ok(wire);
        }
        let wanted = if attributes == TargetSessionAttrs::ReadOnly { "on" } else { "off" };
        let seen = wire.run("SHOW transaction_read_only").await?;
        match seen.first().and_then(|row| row.first()) {
            Some(Cell::Text(seen)) if **seen == *wanted => Ok(wire),
            _ => Err(SourceError::Connection("the database does not allow what `target_session_attrs` asks for".to_owned())),
        }
    }

    async fn sign_in(&mut self, config: &Config) -> Result<(), SourceError> {
        let user = config.get_user().unwrap_or("postgres");
        let mut parameters = vec![("user", user), ("database", config.get_dbname().unwrap_or(user)), ("replication", "database")];
        parameters.push(("application_name", "webhookc source"));
        parameters.extend(SETTINGS);
        parameters.extend(config.get_options().map(|options| ("options", options)));
        frontend::startup_message(parameters, &mut self.write)?;
        let password = config.get_password().unwrap_or_default();
        let mut scram = None;
        loop {
            self.flush().await?;
            #[expect(clippy::wildcard_enum_match_arm, reason = "an enum of another crate, which may grow")]
            match self.message().await? {
                Message::AuthenticationCleartextPassword => frontend::password_message(password, &mut self.write)?,
                Message::AuthenticationMd5Password(body) => {
                    frontend::password_message(md5_hash(user.as_bytes(), password, body.salt()).as_bytes(), &mut self.write)?;
                }
                Message::AuthenticationSasl(body) => {
                    if !body.mechanisms().any(|mechanism| Ok(mechanism == SCRAM_SHA_256))? {
                        return Err(SourceError::Connection("the server asks for a way to sign in that is not known".to_owned()));
                    }
                    let begun = ScramSha256::new(password, ChannelBinding::unsupported());
                    frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), &mut self.write)?;
                    scram = Some(begun);
                }
                Message::AuthenticationSaslContinue(body) => {
                    if let Some(scram) = &mut scram {
                        scram.update(body.data())?;
                        frontend::sasl_response(scram.message(), &mut self.write)?;
                    }
                }
                Message::AuthenticationSaslFinal(body) => {
                    if let Some(scram) = &mut scram {
                        scram.finish(body.data())?;
                    }
                }
                Message::ErrorResponse(body) => return Err(told(&body)),
                Message::ReadyForQuery(_) => return Ok(()),
                Message::AuthenticationOk | Message::BackendKeyData(_) | Message::ParameterStatus(_) | Message::NoticeResponse(_) => {}
                _ => return Err(SourceError::Connection("the server asks for a way to sign in that is not known".to_owned())),
            }
        }
    }

    /// Runs a command or statement: the rows of its answer, which are few.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Vec<Tuple>, SourceError> {
        self.ask(sql).await?;
        let mut rows = Vec::new();
        while let Some(row) = self.row().await? {
            rows.push(row);
        }
        Ok(rows)
    }

    /// Asks a question, whose answer is read with [`Wire::row`].
    pub(super) async fn ask(&mut self, sql: &str) -> Result<(), SourceError> {
        frontend::query(sql, &mut self.write)?;
        self.answers = true;
        self.flush().await
    }

    /// The next row of the answer; `None` at its end. The server sends no more than there is room for.
    pub(super) async fn row(&mut self) -> Result<Option<Tuple>, SourceError> {
        while self.answers {
            #[expect(clippy::wildcard_enum_match_arm, reason = "an enum of another crate, which may grow")]
            match self.message().await? {
                Message::DataRow(body) => return tuple(&body).map(Some),
                Message::ErrorResponse(body) => return Err(told(&body)),
                Message::ReadyForQuery(_) => self.answers = false,
                _ => {}
            }
        }
        Ok(None)
    }

    /// Begins the stream from where the slot is.
    pub(super) async fn start(&mut self, slot: &str, publication: &str) -> Result<(), SourceError> {
        let publication = quoted(publication).replace('\'', "''");
        let options = format!("proto_version '1', publication_names '{publication}', messages 'true'");
        let command = format!("START_REPLICATION SLOT {} LOGICAL 0/0 ({options})", quoted(slot));
        frontend::query(&command, &mut self.write)?;
        self.flush().await?;
        loop {
            match Header::parse(&self.read)? {
                Some(header) if header.tag() == COPY_BOTH_TAG => {
                    let length = usize::try_from(header.len()).unwrap_or_default() + 1;
                    if self.read.len() >= length {
                        self.read.advance(length);
                        return Ok(());
                    }
                    self.fill().await?;
                }
                Some(_) => {
                    if let Message::ErrorResponse(body) = self.message().await? {
                        return Err(told(&body));
                    }
                }
                None => self.fill().await?,
            }
        }
    }

    /// What comes next. Nothing is lost when this is dropped before it is ready.
    pub(super) async fn next(&mut self) -> Result<Arrival, SourceError> {
        loop {
            let body = match Header::parse(&self.read)? {
                // Not copied: it is a part of what was read.
                Some(header) if header.tag() == COPY_DATA_TAG => {
                    let length = usize::try_from(header.len()).unwrap_or_default() + 1;
                    if self.read.len() < length {
                        self.fill().await?;
                        continue;
                    }
                    let mut frame = self.read.split_to(length);
                    frame.advance(5);
                    frame.freeze()
                }
                #[expect(clippy::wildcard_enum_match_arm, reason = "an enum of another crate, which may grow")]
                Some(_) => match self.message().await? {
                    Message::ErrorResponse(body) => return Err(told(&body)),
                    Message::CopyDone => return Err(SourceError::Connection("the server has ended the stream".to_owned())),
                    // Notices, and settings that have changed.
                    _ => continue,
                },
                None => {
                    self.fill().await?;
                    continue;
                }
            };
            if let Some(arrival) = arrival(body)? {
                return Ok(arrival);
            }
        }
    }

    /// Tells the server up to where nothing is needed any more.
    pub(super) async fn acknowledge(&mut self, through: Lsn, answer: Answer) -> Result<(), SourceError> {
        let mut status = vec![b'r'];
        for _ in 0..3 {
            status.extend(through.0.to_be_bytes());
        }
        // The time at this end, which the server only shows.
        status.extend([0; 8]);
        status.push(u8::from(answer == Answer::Wanted));
        frontend::CopyData::new(&status[..])?.write(&mut self.write);
        self.flush().await
    }

    async fn message(&mut self) -> Result<Message, SourceError> {
        loop {
            if let Some(message) = Message::parse(&mut self.read)? {
                return Ok(message);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), SourceError> {
        if self.socket.read_buf(&mut self.read).await? == 0 {
            return Err(SourceError::Connection("the server has closed the connection".to_owned()));
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SourceError> {
        self.socket.write_all_buf(&mut self.write).await?;
        Ok(self.socket.flush().await?)
    }
}

/// A row, each value as the text that the log would have of it.
fn tuple(body: &DataRowBody) -> Result<Tuple, SourceError> {
    let cell = |range: Option<std::ops::Range<usize>>| {
        let Some(bytes) = range.map(|range| body.buffer().get(range)) else { return Ok(Cell::Null) };
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.map(|text| Cell::Text(text.into())).ok_or_else(|| io::Error::other("the server sent a value that is no text"))
    };
    Ok(body.ranges().map(cell).collect()?)
}

fn arrival(mut body: Bytes) -> Result<Option<Arrival>, SourceError> {
    let cut = |_| SourceError::Connection("the server sent less than a message".to_owned());
    Ok(match body.try_get_u8().map_err(cut)? {
        b'w' => {
            body.try_get_u64().map_err(cut)?;
            let end = Lsn(body.try_get_u64().map_err(cut)?);
            body.try_get_u64().map_err(cut)?;
            Some(Arrival::Logged { bytes: body, end })
        }
        b'k' => {
            let end = Lsn(body.try_get_u64().map_err(cut)?);
            body.try_get_u64().map_err(cut)?;
            Some(Arrival::Alive { end, asks: body.try_get_u8().map_err(cut)? != 0 })
        }
        _ => None,
    })
}

async fn socket(config: &Config, tls: &Tls, host: &Host, port: u16) -> io::Result<Box<dyn Duplex>> {
    let name = match host {
        Host::Tcp(name) => name,
        Host::Unix(folder) => return Ok(Box::new(UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await?)),
    };
    let mut socket = TcpStream::connect((&**name, port)).await?;
    socket.set_nodelay(true)?;
    if config.get_ssl_mode() == SslMode::Disable {
        return Ok(Box::new(socket));
    }
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    socket.write_all(&request).await?;
    if socket.read_u8().await? == b'S' {
        let handshake = <Tls as MakeTlsConnect<TcpStream>>::make_tls_connect(&mut tls.clone(), name)?;
        return Ok(Box::new(handshake.connect(socket).await?));
    }
    if config.get_ssl_mode() == SslMode::Require {
        return Err(io::Error::other("the server has no TLS, expected a secure connection"));
    }
    Ok(Box::new(socket))
}

/// An identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn slow(limit: Duration) -> SourceError {
    SourceError::Connection(format!("the server has not answered within {} s", limit.as_secs()))
}

fn told(body: &ErrorResponseBody) -> SourceError {
    let field = |wanted: u8| {
        let found = body.fields().find(|field| Ok(field.type_() == wanted)).ok().flatten();
        found.map(|field| String::from_utf8_lossy(field.value_bytes()).into_owned()).unwrap_or_default()
    };
    SourceError::Server { code: field(b'C'), message: field(b'M') }
}
