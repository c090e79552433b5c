//! What a node says about itself while it works: numbers for `/metrics`, and its log. Counting is an addition to an atomic number, so
//! that the hot path does not notice it, and whoever reads the numbers disturbs nobody. Absent: what is in the store, which is asked when
//! the numbers are read; and the events for whoever watches, which are [`activity`](crate::activity)'s.
//!
//! 2026-11-26: there is one set of numbers in a process, as there is one log. Handing it to everything that counts would put a parameter
//! into a dozen places that otherwise have nothing in common, and two nodes in one process are only found in tests.

mod log;
mod metric;
mod numbers;
mod parent;
mod process;
mod shown;
mod source;

pub(crate) use log::ATTEMPTS;
pub use log::{Color, LogError, LogFormat, start_log};
pub use metric::{Kind, Metric};
pub use numbers::{ApiAnswer, AttemptEnd, Decided, MessageEnd, Numbers, ReloadEnd, SaveEnd, numbers};
pub use parent::{Parent, parent, within};
pub use shown::{Depth, Standing, exposition};
pub use source::SourceNumbers;
