//! A receiver that attacks whoever calls it, over plain TCP: one listener for each attack. It counts what it could send and which
//! connections are still open, because what the caller holds cannot be seen from outside.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How it attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// A body in chunks without end.
    EndlessBody,
    /// A body of 10 GB that is announced and really sent.
    HugeLength,
    /// One byte of the body a second.
    DripsBody,
    /// One byte of the status line a second.
    DripsHead,
    /// gzip of zeros without end: a thousandth on the wire.
    Bomb,
    /// The same, gzipped once more and said to be so.
    NestedBomb,
    /// gzip without end that holds nothing at all.
    EmptyBomb,
    /// 10 MB of headers.
    ManyHeaders,
    /// One header of 10 MB.
    LongHeader,
    /// Trailers of 10 MB behind a body in chunks.
    Trailers,
    /// 102 and 103 answers without end.
    Interim,
    /// A reset in the middle of the body.
    Resets,
    /// A whole answer, and behind it another that nobody has asked for.
    Poison,
    /// Answers at the first byte of the request.
    Early,
    /// An answer without a status line: HTTP/0.9.
    OldProtocol,
    /// More than the length says.
    ShortLength,
    /// A status line of another protocol.
    BadVersion,
    /// A status that is no number.
    BadStatus,
    /// A length that is no number.
    BadLength,
    /// Two lengths that differ.
    TwoLengths,
    /// A chunk size that does not fit into anything.
    BadChunk,
    /// Reads the start of TLS and says nothing: for `https`.
    SilentTls,
    /// Takes the connection and never reads.
    Deaf,
}

/// Where it listens and what came of it.
pub struct Hostile {
    pub address: String,
    sent: Arc<AtomicU64>,
    open: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Hostile {
    pub async fn start(attack: Attack) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sent = Arc::new(AtomicU64::new(0));
        let (open, connections) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (sum, now, all) = (Arc::clone(&sent), Arc::clone(&open), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                all.fetch_add(1, Ordering::Relaxed);
                now.fetch_add(1, Ordering::Relaxed);
                let (sum, now) = (Arc::clone(&sum), Arc::clone(&now));
                tokio::spawn(async move {
                    // An error is a caller that has given up, which is what is hoped for.
                    drop(run(stream, attack, &sum).await);
                    now.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self { address, sent, open, connections, task }
    }

    /// Bytes that the system took from it, over all connections; what the caller read is less by the sockets' buffers.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Connections that the caller has not given up.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut stream: TcpStream, attack: Attack, sent: &AtomicU64) -> std::io::Result<()> {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    if attack == Attack::Deaf {
        return until_closed(stream).await;
    }
    let mut seen = Vec::new();
    if attack == Attack::Early {
        stream.read_u8().await?;
    }
    while !matches!(attack, Attack::SilentTls | Attack::Early) && !seen.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut seen).await? == 0 {
            return Ok(());
        }
    }
    let (head, piece): (String, Vec<u8>) = match attack {
        Attack::EndlessBody => (format!("{OK}transfer-encoding: chunked\r\n\r\n"), [b"4000\r\n", &[b'x'; 0x4000][..], b"\r\n"].concat()),
        Attack::HugeLength => (format!("{OK}content-length: 10000000000\r\n\r\n"), vec![b'x'; 0x4000]),
        Attack::Bomb => (format!("{OK}content-encoding: gzip\r\nconnection: close\r\n\r\n"), BOMB.clone()),
        Attack::NestedBomb => (format!("{OK}content-encoding: gzip, gzip\r\nconnection: close\r\n\r\n"), NESTED_BOMB.clone()),
        Attack::EmptyBomb => (format!("{OK}content-encoding: gzip\r\nconnection: close\r\n\r\n"), [0, 0, 0, 0xff, 0xff].repeat(4000)),
        Attack::ManyHeaders => (OK.to_owned(), b"x-many: 0123456789012345678901234567890123456789\r\n".repeat(300)),
        Attack::LongHeader => (format!("{OK}x-long: "), vec![b'v'; 0x4000]),
        Attack::Trailers => (
            format!("{OK}transfer-encoding: chunked\r\ntrailer: x-many\r\n\r\n2\r\nok\r\n0\r\n"),
            b"x-many: 0123456789012345678901234567890123456789\r\n".repeat(300),
        ),
        Attack::Interim => (String::new(), b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(100)),
        Attack::DripsBody => (format!("{OK}content-length: 1000\r\n\r\n"), Vec::new()),
        Attack::DripsHead | Attack::SilentTls | Attack::Deaf => (String::new(), Vec::new()),
        Attack::Resets => (format!("{OK}content-length: 1000\r\n\r\nhalf"), Vec::new()),
        Attack::Poison => {
            let other = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npoisoned";
            (format!("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops{other}{other}"), Vec::new())
        }
        Attack::Early => (format!("{OK}content-length: 2\r\n\r\nok"), Vec::new()),
        Attack::ShortLength => (format!("{OK}content-length: 2\r\n\r\nok and more"), Vec::new()),
        Attack::OldProtocol => ("<html>ok</html>\n".to_owned(), Vec::new()),
        Attack::BadVersion => ("ICY 200 OK\r\n\r\n".to_owned(), Vec::new()),
        Attack::BadStatus => ("HTTP/1.1 2x0 OK\r\n\r\n".to_owned(), Vec::new()),
        Attack::BadLength => (format!("{OK}content-length: many\r\n\r\n"), Vec::new()),
        Attack::TwoLengths => (format!("{OK}content-length: 3\r\ncontent-length: 5\r\n\r\nabcde"), Vec::new()),
        Attack::BadChunk => (format!("{OK}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nx"), Vec::new()),
    };
    push(&mut stream, head.as_bytes(), sent).await?;
    if attack == Attack::EmptyBomb {
        // The head of a gzip file (RFC 1952 §2.3); what follows are stored blocks of no bytes, none of them the last.
        push(&mut stream, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff], sent).await?;
    }
    match attack {
        Attack::Resets => {
            stream.set_zero_linger()?;
            return Ok(());
        }
        Attack::DripsBody | Attack::DripsHead => loop {
            push(&mut stream, b"H", sent).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        },
        // Ten megabytes, and then no end of them.
        Attack::ManyHeaders | Attack::LongHeader | Attack::Trailers => {
            for _ in 0..10_000_000 / piece.len() {
                push(&mut stream, &piece, sent).await?;
            }
        }
        Attack::EndlessBody | Attack::HugeLength | Attack::Bomb | Attack::NestedBomb | Attack::EmptyBomb | Attack::Interim => loop {
            push(&mut stream, &piece, sent).await?;
        },
        Attack::Poison
        | Attack::Early
        | Attack::OldProtocol
        | Attack::ShortLength
        | Attack::BadVersion
        | Attack::BadStatus
        | Attack::BadLength
        | Attack::TwoLengths
        | Attack::BadChunk
        | Attack::SilentTls
        | Attack::Deaf => {}
    }
    until_closed(stream).await
}

async fn push(stream: &mut TcpStream, bytes: &[u8], sent: &AtomicU64) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    Ok(())
}

/// Answers nothing until the caller has closed.
async fn until_closed(mut stream: TcpStream) -> std::io::Result<()> {
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Ten megabytes of zeros.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| gzip(&vec![0; 10_000_000]));
/// A gigabyte of them.
static NESTED_BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| gzip(&BOMB.repeat(100)));

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}
