//! The real binary as a child process, a real receiver on a port of its own, and a plain client.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use bytes::Bytes;
use serde_json::Value;

/// How long anything in a test may take before it counts as stuck.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A running `webhookc dev` or `webhookc serve`; killed when dropped.
pub struct Node {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    said: Arc<(Mutex<Vec<String>>, Condvar)>,
    /// Who read what it says, to its end.
    listeners: Vec<std::thread::JoinHandle<()>>,
    /// Lines that [`Node::wait_for_new_line`] has passed.
    passed: usize,
}

impl Node {
    /// Starts the binary with these arguments and waits until it says its address.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
        command.args(arguments).current_dir(folder);
        Self::launch(command)
    }

    /// Starts it with this command and waits until it says its address.
    pub fn launch(command: Command) -> Self {
        let mut node = Self::spawn(command);
        let line = node.wait_for_line("its address", |line| address_in(line).is_some());
        node.url = address_in(&line).unwrap();
        node
    }

    /// Starts it and waits for nothing; its address is not known.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .env("NO_COLOR", "1")
            .env("GITHUB_TOKEN", "token-of-the-test")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let listeners = vec![listen_to(out, &said), listen_to(err, &said)];
        Self { child, url: String::new(), said, listeners, passed: 0 }
    }

    /// The first line said, also in the past, that fits.
    pub fn wait_for_line(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let (lines, news) = &*self.said;
        let began = Instant::now();
        let mut lines = lines.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().find(|line| fits(line)) {
                return line.clone();
            }
            assert!(began.elapsed() < PATIENCE, "never said {what}; it said:\n{}", lines.join("\n"));
            lines = news.wait_timeout(lines, Duration::from_millis(200)).unwrap().0;
        }
    }

    /// The next line that fits, after the one of the last such call.
    pub fn wait_for_new_line(&mut self, what: &str, fits: impl Fn(&str) -> bool) {
        let (lines, news) = &*self.said;
        let began = Instant::now();
        let mut lines = lines.lock().unwrap();
        loop {
            if let Some(at) = lines.iter().skip(self.passed).position(|line| fits(line)) {
                self.passed += at + 1;
                return;
            }
            assert!(began.elapsed() < PATIENCE, "never said {what} (again); it said:\n{}", lines.join("\n"));
            lines = news.wait_timeout(lines, Duration::from_millis(200)).unwrap().0;
        }
    }

    /// Everything said so far.
    pub fn said(&self) -> String {
        self.said.0.lock().unwrap().join("\n")
    }

    /// SIGKILL: no chance to clean up.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; then [`Node::said`] is all that it ever said.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.listeners.drain(..).for_each(|listener| listener.join().unwrap());
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The most memory that it has had at once, in KiB: `VmHWM`.
    pub fn most_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// Lets [`Node::most_memory`] begin anew with what it has now.
    pub fn forget_most_memory(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid().as_raw_nonzero()), "5").unwrap();
    }

    /// The memory that it has at present, in KiB: `VmRSS`.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The processor time that it has used, in hundredths of a second.
    pub fn processor_time(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.pid().as_raw_nonzero())).unwrap();
        // Behind the name in parentheses: user and system time are fields 14 and 15 of the whole.
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    fn status(&self, key: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero())).unwrap();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The URL of an object of the default tenant.
    pub fn object(&self, model: &str, id: &str) -> String {
        format!("{}/api/v1/tenants/default/objects/{model}/{id}", self.url)
    }

    /// The URL of something else of the default tenant.
    pub fn of_tenant(&self, path: &str) -> String {
        format!("{}/api/v1/tenants/default/{path}", self.url)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn listen_to(stream: impl std::io::Read + Send + 'static, said: &Arc<(Mutex<Vec<String>>, Condvar)>) -> std::thread::JoinHandle<()> {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            said.0.lock().unwrap().push(line);
            said.1.notify_all();
        }
    })
}

fn address_in(line: &str) -> Option<String> {
    let at = line.find("http://127.0.0.1:")?;
    let address: String = line[at..].chars().take_while(|c| !c.is_whitespace() && *c != '"').collect();
    let port: String = address.strip_prefix("http://127.0.0.1:")?.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("http://127.0.0.1:{port}"))
}

/// A request as a receiver saw it.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header that must be there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name} in {:?}", self.headers)).to_str().unwrap()
    }
}

/// A receiver that remembers what it got. It answers 200; below `/fail` 500, at `/slow/N` after N seconds, below `/lag` after two
/// milliseconds, at `/hang` never; at `/big` with 64 KiB.
#[derive(Clone, Default)]
pub struct Receiver {
    got: Arc<Mutex<Vec<Received>>>,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

impl Receiver {
    /// Listens on a port of its own.
    pub async fn start() -> Self {
        async fn take(
            State(receiver): State<Receiver>,
            method: Method,
            uri: Uri,
            headers: HeaderMap,
            body: Bytes,
        ) -> (StatusCode, Vec<u8>) {
            let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
            receiver.got.lock().unwrap().push(Received { method: method.to_string(), path: path.clone(), query, headers, body });
            if let Some(seconds) = path.strip_prefix("/slow/") {
                tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await;
            }
            if path.starts_with("/lag") {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            if path == "/hang" {
                std::future::pending::<()>().await;
            }
            let status = if path.starts_with("/fail") { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
            (status, if path == "/big" { vec![b'x'; 64 << 10] } else { Vec::new() })
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { url: format!("http://{}", listener.local_addr().unwrap()), ..Self::default() };
        let router = axum::Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    /// What has arrived so far.
    pub fn got(&self) -> Vec<Received> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until so many have arrived.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let began = Instant::now();
        while self.got.lock().unwrap().len() < count {
            assert!(began.elapsed() < PATIENCE, "{} of {count} requests arrived", self.got.lock().unwrap().len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.got()
    }
}

/// Sends JSON and gives back status and answer.
pub async fn send(method: &str, url: &str, body: &str) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let request = client.request(method.parse().unwrap(), url).header("content-type", "application/json").body(body.to_owned());
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
