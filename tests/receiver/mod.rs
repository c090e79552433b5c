//! A receiver that behaves as badly as it is told to, over plain TCP, so that nothing in it can be polite by accident.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Answers 200.
    Accepts,
    /// Answers 500 so many times, then 200.
    FailsFirst(usize),
    /// Answers 410 so many times, then 200.
    GoneFirst(usize),
    /// Reads the request and never answers.
    Hangs,
    /// Closes the connection without an answer.
    Closes,
    /// Promises 100 bytes, sends 10 and closes.
    Breaks,
    /// Answers 200 with 10 MB.
    Floods,
    /// Answers 200 with a body of one byte every 100 ms, without end.
    Drips,
    /// Answers something that is not HTTP.
    Babbles,
    /// Answers 302 to the address where clouds serve metadata.
    Redirects,
    /// Answers 429 with `Retry-After: 7`, then 200.
    Throttles,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Got {
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A listening receiver: each first segment of a path has a behaviour of its own.
pub struct Receiver {
    pub base: String,
    got: Arc<Mutex<Vec<Got>>>,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub async fn start(behaviours: &[(&str, Behaviour)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let behaviours: HashMap<String, Behaviour> = behaviours.iter().map(|(path, behaviour)| (format!("/{path}"), *behaviour)).collect();
        let got = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (behaviours, seen, accepted) = (Arc::new(behaviours), Arc::clone(&got), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::Relaxed);
                let (behaviours, seen) = (Arc::clone(&behaviours), Arc::clone(&seen));
                // An error is a connection that the other side has given up.
                tokio::spawn(async move { drop(converse(stream, &behaviours, &seen).await) });
            }
        });
        Self { base, got, connections, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// The requests to a path so far.
    pub fn got(&self, path: &str) -> Vec<Got> {
        self.got.lock().unwrap().iter().filter(|got| got.path == format!("/{path}")).cloned().collect()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Waits for the `count`th request to a path.
    pub async fn wait_for(&self, path: &str, count: usize) -> Vec<Got> {
        let began = Instant::now();
        loop {
            let got = self.got(path);
            if got.len() >= count {
                return got;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{path}: {} of {count} requests came", got.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads requests from one connection and answers each as its path is told to.
async fn converse(mut stream: TcpStream, behaviours: &HashMap<String, Behaviour>, seen: &Mutex<Vec<Got>>) -> std::io::Result<()> {
    while let Some(got) = read(&mut stream).await? {
        let path = got.path.clone();
        let before = {
            let mut seen = seen.lock().unwrap();
            seen.push(got);
            seen.iter().filter(|got| got.path == path).count() - 1
        };
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let failed = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops";
        let answer = match behaviours.get(&path).copied().unwrap_or(Behaviour::Accepts) {
            Behaviour::FailsFirst(times) if before < times => failed,
            Behaviour::Throttles if before == 0 => "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
            Behaviour::GoneFirst(times) if before < times => "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
            Behaviour::Accepts | Behaviour::FailsFirst(_) | Behaviour::GoneFirst(_) | Behaviour::Throttles => ok,
            Behaviour::Hangs => {
                tokio::time::sleep(Duration::from_hours(1)).await;
                return Ok(());
            }
            Behaviour::Closes => return Ok(()),
            Behaviour::Breaks => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789").await?;
                return Ok(());
            }
            Behaviour::Floods => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n").await?;
                for _ in 0..1000 {
                    stream.write_all(&[b'x'; 10_000]).await?;
                }
                continue;
            }
            Behaviour::Drips => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n").await?;
                loop {
                    stream.write_all(b"x").await?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            Behaviour::Babbles => "BABBLE 42 nonsense\r\n\r\n",
            Behaviour::Redirects => "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\ncontent-length: 0\r\n\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// One request, or `None` when the other side has closed.
async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Got>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Got { path, headers, body: bytes[head + 4..].to_vec() }))
}
