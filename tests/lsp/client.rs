//! An editor as far as the protocol goes: it starts the real program, sends what an editor sends, and keeps what comes back.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long an answer may take before the test fails: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A session.
pub struct Client {
    process: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    next_id: u64,
    versions: BTreeMap<String, i32>,
    /// The diagnostics shown last, by address.
    pub shown: BTreeMap<String, Value>,
    pub folder: PathBuf,
    /// Where the pages of the codes are kept.
    _cache: tempfile::TempDir,
}

impl Client {
    /// Starts the program in a folder, without `initialize`.
    pub fn start(folder: &Path) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_webhookc"))
            .args(["lsp", "--stdio"])
            .current_dir(folder)
            .env("XDG_CACHE_HOME", cache.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, messages) = channel();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let folder = folder.canonicalize().unwrap();
        let (input, versions, shown) = (process.stdin.take(), BTreeMap::new(), BTreeMap::new());
        Self { process, input, messages, next_id: 0, versions, shown, folder, _cache: cache }
    }

    /// Starts the program and greets it.
    pub fn greeted(folder: &Path, capabilities: Value) -> Self {
        let mut client = Self::start(folder);
        client.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": capabilities})).unwrap();
        client.tell("initialized", json!({}));
        client
    }

    pub fn url(&self, name: &str) -> String {
        format!("file://{}", self.folder.join(name).display())
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    pub fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request; its id.
    pub fn request(&mut self, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The answer to a request, or its error.
    pub fn answer(&mut self, id: u64) -> Result<Value, Value> {
        let message = self.wait(|message| message["id"] == json!(id));
        if message.get("error").is_some() { Err(message["error"].clone()) } else { Ok(message["result"].clone()) }
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.request(method, params);
        self.answer(id)
    }

    pub fn open(&mut self, name: &str, text: &str) {
        let url = self.url(name);
        self.versions.insert(url.clone(), 1);
        self.shown.remove(&url);
        self.tell("textDocument/didOpen", json!({"textDocument": {"uri": url, "languageId": "xml", "version": 1, "text": text}}));
    }

    /// Replaces a range, or all of the text.
    pub fn change(&mut self, name: &str, range: Option<Value>, text: &str) {
        let url = self.url(name);
        let version = self.versions.get_mut(&url).unwrap();
        *version += 1;
        let change = range.map_or_else(|| json!({"text": text}), |range| json!({"range": range, "text": text}));
        let params = json!({"textDocument": {"uri": url, "version": *version}, "contentChanges": [change]});
        self.shown.remove(&url);
        self.tell("textDocument/didChange", params);
    }

    pub fn close(&mut self, name: &str) {
        let url = self.url(name);
        self.tell("textDocument/didClose", json!({"textDocument": {"uri": url}}));
    }

    /// A request about a place in a file.
    pub fn at(&mut self, method: &str, name: &str, position: &Value) -> Result<Value, Value> {
        let url = self.url(name);
        self.ask(method, json!({"textDocument": {"uri": url}, "position": position}))
    }

    /// The diagnostics of a file, for the version that it has now.
    pub fn diagnostics(&mut self, name: &str) -> Vec<Value> {
        let url = self.url(name);
        let version = self.versions.get(&url).copied();
        while self.shown.get(&url).is_none_or(|shown| version.is_some() && shown["version"] != json!(version)) {
            let expected = url.clone();
            self.wait(|message| message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == json!(expected));
        }
        self.shown[&url]["diagnostics"].as_array().unwrap().clone()
    }

    /// The next message that is looked for; diagnostics on the way are kept.
    pub fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => {
                    if message["method"] == "textDocument/publishDiagnostics" {
                        self.shown.insert(message["params"]["uri"].as_str().unwrap().to_owned(), message["params"].clone());
                    }
                    if wanted(&message) {
                        return message;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no answer within {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the server has ended: {}", self.complaint()),
            }
        }
    }

    fn complaint(&mut self) -> String {
        let mut text = String::new();
        self.process.stderr.take().map(|mut stderr| stderr.read_to_string(&mut text));
        text
    }

    /// Waits for the end; what was said on standard error.
    pub fn end(mut self) -> (ExitStatus, String) {
        drop(self.input.take());
        let status = self.process.wait().unwrap();
        (status, self.complaint())
    }

    /// Says goodbye as an editor does.
    pub fn goodbye(mut self) {
        self.ask("shutdown", Value::Null).unwrap();
        self.tell("exit", Value::Null);
        let (status, complaint) = self.end();
        assert!(status.success(), "{status}: {complaint}");
        assert_eq!(complaint, "");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Of a session that failed.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}
