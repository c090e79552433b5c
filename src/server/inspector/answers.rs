//! The attempts of a delivery as they were recorded → how its receiver answers in a scenario.

use std::time::Duration;

use crate::delivery::{AttemptOutcome, TOO_LATE};
use crate::scenario::Answer;
use crate::store::AttemptRow;

/// The answers up to the first success; `None` when that came at once, as it does where a scenario says nothing. What was sent again later
/// was somebody's doing, and is no part of it.
pub(super) fn answers(attempts: &[AttemptRow]) -> Option<Vec<Answer>> {
    let failed = attempts.iter().take_while(|attempt| !is_success(attempt)).count();
    let answers: Vec<Answer> = attempts.iter().take(failed + 1).map(answer).collect();
    (failed > 0).then_some(answers)
}

fn is_success(attempt: &AttemptRow) -> bool {
    attempt.status.is_some_and(|status| (200..300).contains(&status))
}

fn answer(attempt: &AttemptRow) -> Answer {
    let outcome = match (attempt.status, attempt.error.as_deref()) {
        (Some(status), _) => AttemptOutcome::Answered { status, retry_after: retry_after(attempt) },
        (None, Some(TOO_LATE)) => AttemptOutcome::TimedOut,
        (None, why) => AttemptOutcome::ConnectionFailed(why.unwrap_or_default().to_owned()),
    };
    // One that comes too late takes the whole time, however long that is.
    let delay = if outcome == AttemptOutcome::TimedOut { Duration::MAX } else { Duration::ZERO };
    Answer { delay, outcome }
}

/// `Retry-After` in seconds; a date is of a time that the scenario does not have.
fn retry_after(attempt: &AttemptRow) -> Option<Duration> {
    let headers: Vec<(String, String)> = serde_json::from_str(attempt.response_headers.as_deref()?).ok()?;
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    value.trim().parse().ok().map(Duration::from_secs)
}
