//! The network between a node and its database, which does what it is told: it carries, is slow, swallows, cuts, and loses answers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It carries.
    Open,
    /// It carries what a node sends, and its answers, so much later.
    Slow(Duration),
    /// Nothing comes through, and nothing says so.
    Silent,
    /// What the node sends arrives, and what the database says does not.
    HalfOpen,
    /// Answers come through, and nothing that the database tells of its own accord.
    Deaf,
    /// Every connection is reset, and none is made.
    Cut,
}

/// A way to one server.
pub struct Proxy {
    way: watch::Sender<Way>,
    port: u16,
    losing: Arc<Loss>,
}

/// Commits whose answer is lost.
#[derive(Default)]
struct Loss {
    /// One in so many; 0: none.
    every: AtomicUsize,
    seen: AtomicUsize,
    lost: AtomicUsize,
    /// Whether the database hears of it before the connection is cut.
    heard: Mutex<bool>,
}

impl Loss {
    /// Whether the connection is to be cut because of what a node sends, and if so whether that still arrives.
    fn takes(&self, sent: &[u8]) -> Option<bool> {
        let every = self.every.load(Ordering::SeqCst);
        let is_commit = sent.windows(7).any(|part| part == b"COMMIT\0");
        if every == 0 || !is_commit || self.seen.fetch_add(1, Ordering::SeqCst) % every != every - 1 {
            return None;
        }
        self.lost.fetch_add(1, Ordering::SeqCst);
        let mut heard = self.heard.lock().unwrap();
        *heard = !*heard;
        Some(*heard)
    }
}

/// What the database says, without what it tells of its own accord.
#[derive(Default)]
struct Answers(Vec<u8>);

impl Answers {
    /// Of what has come now: a message is its kind, its length with these four bytes, and the rest.
    fn of(&mut self, said: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(said);
        let mut answers = Vec::new();
        while let Some(length) = self.0.get(1..5) {
            let end = 1 + usize::try_from(u32::from_be_bytes(length.try_into().unwrap())).unwrap();
            if self.0.len() < end {
                break;
            }
            let message: Vec<u8> = self.0.drain(..end).collect();
            if message[0] != b'A' {
                answers.extend(message);
            }
        }
        answers
    }
}

impl Proxy {
    /// A way to the server with this socket.
    pub async fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, mut ways) = watch::channel(Way::Open);
        let losing = Arc::new(Loss::default());
        let loss = Arc::clone(&losing);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    changed = ways.changed() => if changed.is_err() { return } else { continue },
                };
                let Ok((client, _)) = accepted else { return };
                if *ways.borrow() == Way::Cut {
                    drop(client.set_zero_linger());
                    continue;
                }
                tokio::spawn(carry(client, socket.clone(), ways.clone(), Arc::clone(&loss)));
            }
        });
        Self { way, port, losing }
    }

    /// `127.0.0.1:PORT`
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on the network does this.
    pub fn be(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// From now on the connection is lost in one commit of so many; in every other one of these after the database has heard of it.
    pub fn lose_commits(&self, every: usize) {
        self.losing.every.store(every, Ordering::SeqCst);
    }

    /// How many were.
    pub fn lost(&self) -> usize {
        self.losing.lost.load(Ordering::SeqCst)
    }
}

async fn carry(mut client: TcpStream, socket: PathBuf, ways: watch::Receiver<Way>, loss: Arc<Loss>) {
    let mut ways = ways;
    let Ok(mut server) = UnixStream::connect(socket).await else {
        drop(client.set_zero_linger());
        return;
    };
    let (mut up, mut down) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut answers = Answers::default();
    loop {
        let way = *ways.borrow_and_update();
        if way == Way::Cut {
            break;
        }
        let delay = if let Way::Slow(delay) = way { delay } else { Duration::ZERO };
        tokio::select! {
            changed = ways.changed() => if changed.is_err() { return },
            read = client.read(&mut up), if way != Way::Silent => {
                let Some(sent) = read.ok().filter(|count| *count > 0).map(|count| &up[..count]) else { break };
                tokio::time::sleep(delay).await;
                match loss.takes(sent) {
                    Some(true) => {
                        drop(server.write_all(sent).await);
                        // Until it has done so.
                        drop(tokio::time::timeout(Duration::from_secs(1), server.read(&mut down)).await);
                        break;
                    }
                    Some(false) => break,
                    None => if server.write_all(sent).await.is_err() { break },
                }
            }
            read = server.read(&mut down), if !matches!(way, Way::Silent | Way::HalfOpen) => {
                let Some(said) = read.ok().filter(|count| *count > 0).map(|count| &down[..count]) else { break };
                let said = if way == Way::Deaf { answers.of(said) } else { said.to_vec() };
                if client.write_all(&said).await.is_err() { break }
            }
        }
    }
    drop(client.set_zero_linger());
}
