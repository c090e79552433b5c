//! A save → validated object → decisions with trace → embeds → payload → rendered requests. Synchronous and pure: what must be read
//! is asked for as [`Read`]s and answered in a [`Known`], time and sequence are arguments.

mod evaluate;
mod save;
mod verdict;

mod adopt;
mod alert;
mod apply;
mod backfill;
mod case;
mod condition;
mod decide;
mod decided;
mod embed;
mod known;
mod look;
mod moment;
mod payload;
mod rehearse;
mod seen;
mod trace;
mod item;
mod replay;
mod waits;

mod canonical;
mod json;
mod mistake;

pub use adopt::adopt;
pub use alert::{Notice, Trouble, notice};
pub use backfill::{backfill, use_up};
pub use decided::{Decided, Trace, expand};
pub use evaluate::{Firing, Outcome, Step, Watched, evaluate, evaluate_watched};
pub use item::{ItemError, read_item};
pub use known::{Found, Known, Read, Wait, WaitCount};
pub use mistake::{NO_SUCH_OBJECT, Refused};
pub use moment::Moment;
pub use rehearse::{Rehearsal, rehearse};
pub use replay::{Look, Replayed, looks, replay};
pub use save::{Change, MAX_BODY_BYTES, Row, Save, Verb, parse_save};
pub use trace::{TraceEntry, VerdictWord, read_trace, trace_entry, write_trace};
pub use verdict::{Decision, Verdict};
pub use waits::reexamine;
