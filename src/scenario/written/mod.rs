//! The text of a `*.test.yaml` → the scenarios in it, every name resolved against the rules they test. Every mistake of a file is reported
//! in one run, at its place. Absent: running anything.

mod answer;
mod expected;
mod file;
mod names;
mod node;
mod pattern;
mod recorded;
mod scalar;
mod step;
mod surrogates;
mod table;
mod yaml;

pub use answer::Answer;
pub use expected::{
    Decided, ExpectedAttempt, ExpectedAttempts, ExpectedDecision, ExpectedDeliveries, ExpectedDelivery, ExpectedHeaders, ExpectedStep,
};
pub use file::{Scenario, TestFile, read_tests};
pub use names::{Mention, MentionOf, mentions};
pub use pattern::{Form, Pattern, PatternKind};
pub use recorded::{Recorded, read_recording};
pub use step::{Action, Step};
