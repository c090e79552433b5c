//! The loop of the server: messages and finished compilations in, answers and diagnostics out.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use lsp_types::{
    ClientCapabilities, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, InitializeParams,
    PositionEncodingKind, PublishDiagnosticsParams, Url,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::findings;
use super::lines::Encoding;
use super::requests::{self, Reply};
use super::snapshot::Snapshot;
use super::wire::{self, Answer, Failure, Incoming, Outgoing, json};
use super::worker::{Done, Job, defect, start};
use super::world::World;

/// What the loop waits for.
enum Event {
    Message(Incoming),
    Broken(String),
    /// The input has ended, or cannot be read on.
    End(io::Result<()>),
    Done(Done),
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Running,
    ShutDown,
}

/// Serves one client until it says `exit` or its stream ends. Whether it was shut down before, as the protocol asks: then the process has
/// to exit with 0, otherwise with 1.
///
/// # Errors
/// When a stream breaks, or what comes is no protocol.
pub fn serve(input: impl Read + Send + 'static, output: impl Write) -> io::Result<bool> {
    let (sender, events) = channel();
    let reading = sender.clone();
    let _reader = std::thread::Builder::new().name("read".to_owned()).spawn(move || read_all(input, &reading))?;
    let (jobs, compiler) = start(move |done| {
        // Nobody listens when the server ends.
        let _ended = sender.send(Event::Done(done));
    });
    let compiler = compiler?;
    let mut server = Server { output, jobs: Some(jobs), world: World::new(), stage: Stage::Fresh, waiting: Vec::new(), busy: false };
    let outcome = server.run(&events);
    // A compilation under way is let go: its result is for nobody. The reader waits for input, which may never come.
    server.jobs = None;
    drop(compiler);
    outcome
}

fn read_all(input: impl Read, events: &Sender<Event>) {
    let mut input = BufReader::new(input);
    loop {
        let (event, over) = match wire::read(&mut input) {
            Ok(wire::Read::Message(message)) => (Event::Message(message), false),
            Ok(wire::Read::Broken(why)) => (Event::Broken(why), false),
            Ok(wire::Read::End) => (Event::End(Ok(())), true),
            Err(error) => (Event::End(Err(error)), true),
        };
        if events.send(event).is_err() || over {
            return;
        }
    }
}

struct Server<W> {
    output: W,
    jobs: Option<Sender<Job>>,
    world: World,
    stage: Stage,
    /// Requests that need a compilation of the texts as they are: of which project, and what is asked.
    waiting: Vec<(PathBuf, Value, String, Value)>,
    /// A compilation is under way.
    busy: bool,
}

impl<W: Write> Server<W> {
    fn run(&mut self, events: &Receiver<Event>) -> io::Result<bool> {
        let mut queue: VecDeque<Event> = VecDeque::new();
        loop {
            if queue.is_empty() {
                queue.extend(self.next(events)?);
            }
            // What has come in the meantime may take back what is still to be answered.
            queue.extend(events.try_iter());
            let cancelled = cancellations(&queue);
            match queue.pop_front() {
                Some(Event::Message(message)) => {
                    if message.method.as_deref() == Some("exit") {
                        return Ok(self.stage == Stage::ShutDown);
                    }
                    self.take(message, &cancelled)?;
                }
                Some(Event::Broken(why)) => {
                    let error = Some(Failure::new(Failure::PARSE, why));
                    self.send(&Outgoing { jsonrpc: "2.0", id: Some(&Value::Null), method: None, params: None, result: None, error })?;
                }
                Some(Event::End(outcome)) => return outcome.map(|()| self.stage == Stage::ShutDown),
                Some(Event::Done(Done::Compiled(home, snapshot))) => self.compiled(&home, *snapshot)?,
                Some(Event::Done(Done::Stopped)) => {
                    self.busy = false;
                    self.give_up(|_, _| true, &defect())?;
                }
                Some(Event::Done(Done::LaidOut(path, revision, layout))) => self.world.laid_out(&path, revision, layout),
                Some(Event::Done(Done::Answered(id, answer))) => self.answer(&id, answer)?,
                None => {}
            }
            self.compile_what_is_due();
        }
    }

    /// The next event; nothing when a compilation is due before it comes.
    fn next(&self, events: &Receiver<Event>) -> io::Result<Option<Event>> {
        let gone = || io::Error::other("the reader has ended");
        match self.world.due().filter(|_| !self.busy) {
            None => events.recv().map(Some).map_err(|_| gone()),
            Some((due, _)) => match events.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(event) => Ok(Some(event)),
                Err(RecvTimeoutError::Timeout) => Ok(None),
                Err(RecvTimeoutError::Disconnected) => Err(gone()),
            },
        }
    }

    fn compile_what_is_due(&mut self) {
        if self.busy {
            return;
        }
        let due =
            self.world.due().filter(|(due, home)| *due <= Instant::now() || self.waiting.iter().any(|(waiting, ..)| waiting == *home));
        if let Some(home) = due.map(|(_, home)| home.clone()) {
            let wanted = self.world.want(&home);
            self.busy = true;
            self.work(Job::Compile(wanted));
        }
    }

    fn work(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The compiler ends only with the server.
            let _ended = jobs.send(job);
        }
    }

    fn take(&mut self, message: Incoming, cancelled: &BTreeSet<String>) -> io::Result<()> {
        let Incoming { id, method, params } = message;
        // An answer to a request of ours; there are none that matter.
        let Some(method) = method else { return Ok(()) };
        let Some(id) = id else { return self.notified(&method, params) };
        let failure = match (self.stage, method.as_str()) {
            _ if cancelled.contains(&id.to_string()) => Failure::new(Failure::CANCELLED, "cancelled"),
            (Stage::Fresh, "initialize") => return self.initialize(&id, params),
            (Stage::Fresh, _) => Failure::new(Failure::NOT_INITIALIZED, format!("`{method}` before `initialize`")),
            (Stage::Running, "initialize") => Failure::new(Failure::INVALID_REQUEST, "`initialize` came before"),
            (Stage::Running, "shutdown") => {
                self.stage = Stage::ShutDown;
                return self.answer(&id, Ok(json(())));
            }
            (Stage::Running, _) => return self.ask(id, method, params),
            (Stage::ShutDown, _) => Failure::new(Failure::INVALID_REQUEST, format!("`{method}` after `shutdown`")),
        };
        self.answer(&id, Err(failure))
    }

    fn initialize(&mut self, id: &Value, params: Value) -> io::Result<()> {
        let params: InitializeParams = match parsed(params) {
            Ok(params) => params,
            Err(failure) => return self.answer(id, Err(failure)),
        };
        let client = params.capabilities;
        if client
            .general
            .as_ref()
            .and_then(|general| general.position_encodings.as_ref())
            .is_some_and(|all| all.contains(&PositionEncodingKind::UTF8))
        {
            self.world.encoding = Encoding::Utf8;
        }
        self.world.snippets = takes_snippets(&client);
        self.world.versioned_edits = client.workspace.and_then(|workspace| workspace.workspace_edit?.document_changes).unwrap_or_default();
        self.stage = Stage::Running;
        self.answer(id, Ok(requests::capabilities(self.world.encoding)))
    }

    /// Answers a request at once, later, or from the other thread.
    fn ask(&mut self, id: Value, method: String, params: Value) -> io::Result<()> {
        let answered = catch_unwind(AssertUnwindSafe(|| requests::answer(&self.world, &method, &params)));
        match answered.unwrap_or_else(|_| Reply::Now(Err(defect()))) {
            Reply::Now(answer) => self.answer(&id, answer),
            Reply::After(home) => {
                self.waiting.push((home, id, method, params));
                Ok(())
            }
            Reply::Question(home, question) => {
                let mut wanted = self.world.want(&home);
                // The compilation that shows findings is still to come.
                self.world.touch(&home);
                wanted.home = home;
                self.work(Job::Answer(id, wanted, question));
                Ok(())
            }
            Reply::Work(work) => {
                self.work(Job::Work(id, work));
                Ok(())
            }
        }
    }

    fn notified(&mut self, method: &str, params: Value) -> io::Result<()> {
        if self.stage != Stage::Running {
            return Ok(());
        }
        match method {
            "textDocument/didOpen" => {
                if let Ok(DidOpenTextDocumentParams { text_document: text }) = parsed(params) {
                    self.world.open(text.uri, text.version, text.text);
                }
            }
            "textDocument/didChange" => {
                if let Ok(DidChangeTextDocumentParams { text_document: text, content_changes }) = parsed(params) {
                    let encoding = self.world.encoding;
                    let Some(document) = self.world.document_mut(&text.uri) else { return Ok(()) };
                    document.change(content_changes, text.version, encoding);
                    let path = document.path.clone();
                    if let Some(home) = self.world.home(&path).cloned() {
                        self.world.touch(&home);
                    }
                }
            }
            "textDocument/didClose" => {
                if let Ok(DidCloseTextDocumentParams { text_document: text }) = parsed(params) {
                    let gone = self.world.close(&text.uri);
                    self.give_up(
                        |world, home| !world.projects.contains_key(home),
                        &Failure::new(Failure::CANCELLED, "the text was closed"),
                    )?;
                    return gone.into_iter().try_for_each(|url| self.publish(PublishDiagnosticsParams::new(url, Vec::new(), None)));
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.world.touch_all(),
            "$/cancelRequest" => {
                let id = params.get("id").cloned().unwrap_or_default();
                if let Some(at) = self.waiting.iter().position(|(_, waiting, ..)| *waiting == id) {
                    self.waiting.remove(at);
                    return self.answer(&id, Err(Failure::new(Failure::CANCELLED, "cancelled")));
                }
            }
            // A notification that means nothing here is no mistake.
            _ => {}
        }
        Ok(())
    }

    /// Answers waiting requests that no compilation will answer.
    fn give_up(&mut self, hopeless: impl Fn(&World, &Path) -> bool, failure: &Failure) -> io::Result<()> {
        for (home, id, method, params) in std::mem::take(&mut self.waiting) {
            if hopeless(&self.world, &home) {
                self.answer(&id, Err(failure.clone()))?;
            } else {
                self.waiting.push((home, id, method, params));
            }
        }
        Ok(())
    }

    /// Takes in a compilation: shows what was found, and answers who waited for it.
    fn compiled(&mut self, home: &Path, snapshot: Snapshot) -> io::Result<()> {
        self.busy = false;
        let snapshot = Arc::new(snapshot);
        let current = self.world.is_current(home, &snapshot);
        let Some(project) = self.world.projects.get_mut(home) else { return Ok(()) };
        let old = project.last.replace(Arc::clone(&snapshot));
        if snapshot.rules.is_some()
            && let Some(old) = project.sound.replace(Arc::clone(&snapshot))
        {
            self.work(Job::Drop(old));
        }
        if let Some(old) = old {
            self.work(Job::Drop(old));
        }
        self.world.set_apart(home);
        if current {
            self.show(home, &snapshot)?;
            let encoding = self.world.encoding;
            for (path, revision, text) in self.world.not_laid_out(home) {
                self.work(Job::LayOut(path, revision, text, encoding));
            }
        }
        for (waiting, id, method, params) in std::mem::take(&mut self.waiting) {
            if waiting == *home {
                self.ask(id, method, params)?;
            } else {
                self.waiting.push((waiting, id, method, params));
            }
        }
        Ok(())
    }

    /// Shows what was found in each file, and that nothing is found any more in others.
    fn show(&mut self, home: &Path, snapshot: &Snapshot) -> io::Result<()> {
        let found = findings::by_file(&self.world, snapshot);
        let now: BTreeSet<Url> = found.keys().cloned().collect();
        let Some(project) = self.world.projects.get_mut(home) else { return Ok(()) };
        let before = std::mem::replace(&mut project.shown, now.clone());
        // A file that was opened and is in order gets its empty list too: some editors wait for it.
        let open = self.world.documents.values().filter(|document| self.world.home(&document.path) == Some(&home.to_owned()));
        let silent: BTreeSet<Url> = open.map(|document| document.url.clone()).chain(before).filter(|url| !now.contains(url)).collect();
        for url in silent {
            let version = self.world.document(&url).map(|document| document.version);
            self.publish(PublishDiagnosticsParams::new(url, Vec::new(), version))?;
        }
        found.into_values().try_for_each(|found| self.publish(found))
    }

    fn publish(&mut self, found: PublishDiagnosticsParams) -> io::Result<()> {
        let params = Some(serde_json::to_value(found)?);
        let method = Some("textDocument/publishDiagnostics");
        self.send(&Outgoing { jsonrpc: "2.0", id: None, method, params, result: None, error: None })
    }

    fn answer(&mut self, id: &Value, answer: Result<Answer, Failure>) -> io::Result<()> {
        let (result, error) = match answer {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(error)),
        };
        self.send(&Outgoing { jsonrpc: "2.0", id: Some(id), method: None, params: None, result, error })
    }

    fn send(&mut self, message: &Outgoing<'_>) -> io::Result<()> {
        wire::write(&mut self.output, message)
    }
}

/// The requests that are taken back by what still waits to be read.
fn cancellations(queue: &VecDeque<Event>) -> BTreeSet<String> {
    let taken_back = queue.iter().filter_map(|event| match event {
        Event::Message(Incoming { method: Some(method), params, .. }) if method == "$/cancelRequest" => {
            params.get("id").map(Value::to_string)
        }
        Event::Message(_) | Event::Broken(_) | Event::End(_) | Event::Done(_) => None,
    });
    taken_back.collect()
}

fn takes_snippets(client: &ClientCapabilities) -> bool {
    let completion = client.text_document.as_ref().and_then(|text| text.completion.as_ref());
    completion.and_then(|completion| completion.completion_item.as_ref()?.snippet_support).unwrap_or_default()
}

/// The parameters of a message.
pub(super) fn parsed<T: DeserializeOwned>(params: Value) -> Result<T, Failure> {
    serde_json::from_value(params).map_err(|error| Failure::new(Failure::INVALID_PARAMS, error.to_string()))
}
