//! The thread that compiles, so that no answer waits for it: one job after the other, what comes of each handed back. Old compilations are
//! dropped here too: that of a large project takes as long as an answer may.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use serde_json::Value;

use super::layout::lay_out;
use super::lines::Encoding;
use super::snapshot::{Snapshot, Wanted};
use super::wire::{Answer, Failure};

/// What takes longer than an answer may.
pub(super) enum Job {
    /// Compile a project.
    Compile(Wanted),
    /// Compile a project, and answer a request from that.
    Answer(Value, Wanted, Question),
    /// Answer a request from a text alone.
    Work(Value, Box<dyn FnOnce() -> Result<Answer, Failure> + Send>),
    /// Lay out the text of a file, of a revision.
    LayOut(PathBuf, u64, Arc<String>, Encoding),
    /// Drop a compilation.
    Drop(Arc<Snapshot>),
}

/// A request that is answered from a compilation made for it.
pub(super) type Question = Box<dyn FnOnce(&Wanted, &Snapshot) -> Result<Answer, Failure> + Send>;

/// What has come of a job.
pub(super) enum Done {
    /// A project was compiled.
    Compiled(PathBuf, Box<Snapshot>),
    /// A compilation ended without one.
    Stopped,
    /// How a text of a revision is laid out.
    LaidOut(PathBuf, u64, Answer),
    /// The answer to a request.
    Answered(Value, Result<Answer, Failure>),
}

/// Starts the thread. It ends when the sender is dropped.
pub(super) fn start(report: impl Fn(Done) + Send + 'static) -> (Sender<Job>, std::io::Result<JoinHandle<()>>) {
    let (sender, jobs) = channel();
    let thread = std::thread::Builder::new().name("compile".to_owned()).spawn(move || work(&jobs, &report));
    (sender, thread)
}

fn work(jobs: &Receiver<Job>, report: &dyn Fn(Done)) {
    for job in jobs {
        // A defect costs one answer, not the editor its server.
        let outcome = match job {
            Job::Compile(wanted) => {
                let made = catch_unwind(AssertUnwindSafe(|| Snapshot::make(&wanted)));
                Some(made.map_or(Done::Stopped, |snapshot| Done::Compiled(wanted.home, Box::new(snapshot))))
            }
            Job::Answer(id, wanted, question) => {
                let answer = catch_unwind(AssertUnwindSafe(|| question(&wanted, &Snapshot::make(&wanted))));
                Some(Done::Answered(id, answer.unwrap_or_else(|_| Err(defect()))))
            }
            Job::Work(id, work) => {
                let answer = catch_unwind(AssertUnwindSafe(work));
                Some(Done::Answered(id, answer.unwrap_or_else(|_| Err(defect()))))
            }
            Job::LayOut(path, revision, text, encoding) => {
                let layout = catch_unwind(AssertUnwindSafe(|| lay_out(&text, encoding)));
                layout.ok().map(|layout| Done::LaidOut(path, revision, layout))
            }
            Job::Drop(snapshot) => {
                drop(snapshot);
                None
            }
        };
        if let Some(done) = outcome {
            report(done);
        }
    }
}

/// The answer to a request that met a defect.
pub(super) fn defect() -> Failure {
    Failure::refused("a defect of webhookc, see its standard error")
}
