//! Scenario tests: a `*.test.yaml` says what is saved, how receivers answer and what must come of it; here it is run with the functions
//! that the node runs, under a clock of its own, and judged. Input: compiled rules and the text of test files; output: what happened,
//! what is not as expected, what of the rules was tried. Absent: sockets, files, the real time, real secrets.

mod written;

mod setting;

mod run;

mod judge;

mod asked;
mod recording;
mod coverage;
mod report;

pub use asked::{Asked, asked};
pub use coverage::{Coverage, Covered, Format as CoverageFormat, Point, write_coverage};
pub use judge::{Difference, Failure, difference, judge, snapshot};
pub use recording::write_scenario;
pub use report::{Format, Outcome, Tested, TestedFile, count, render, summary};
pub use run::{Attempt, Delivery, Happened, State, StepOutcome, StepResult, run};
pub use setting::{Setting, Target};
pub use written::{
    Action, Answer, Decided, ExpectedAttempt, ExpectedAttempts, ExpectedDecision, ExpectedDeliveries, ExpectedDelivery, ExpectedHeaders,
    ExpectedStep, Form, Mention, MentionOf, Pattern, PatternKind, Recorded, Scenario, Step, TestFile, mentions, read_recording, read_tests,
};
