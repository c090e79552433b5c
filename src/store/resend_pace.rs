//! How fast a resend goes on, whatever the backend: by its rate, in small steps, and without making up for more than a moment.

use std::time::Duration;

use crate::delivery::Rate;

/// Deliveries that one step looks at: few milliseconds of reading.
pub(super) const LOOKED_AT: usize = 2_000;
/// Deliveries that one transaction makes due: some milliseconds of writing.
const RESENT_AT_ONCE: usize = 200;
/// What a rate allows within this time is made due at once: below 50 a second each by itself, so that they are sent in their order.
const BEAT: Duration = Duration::from_millis(20);
/// How much of what it is late a resend makes up for, in milliseconds.
const MADE_UP_FOR_MS: i64 = 100;
/// How long a resend is remembered after its end, in milliseconds: 30 days.
pub(super) const REMEMBERED_MS: i64 = 30 * 86_400_000;

/// What may be made due by one step.
pub(super) fn at_once(rate: Rate) -> usize {
    let in_a_beat = BEAT.as_nanos() / rate.interval().as_nanos().max(1);
    usize::try_from(in_a_beat).unwrap_or(usize::MAX).clamp(1, RESENT_AT_ONCE)
}

/// When a resend goes on that was due at `due`, in milliseconds, after a step at `now` that has sent so many again.
pub(super) fn next(rate: Rate, due: i64, now: i64, resent: i64) -> i64 {
    if resent == 0 { due.max(now) } else { due.max(now.saturating_sub(MADE_UP_FOR_MS)).saturating_add(took(rate, resent)) }
}

/// How far ahead the next step of a resend can be, in milliseconds; later it can only be when the clock was set back.
pub(super) fn longest_wait(rate: Rate) -> i64 {
    took(rate, i64::try_from(at_once(rate)).unwrap_or(i64::MAX)).max(MADE_UP_FOR_MS)
}

/// The time that so many take up, in milliseconds.
fn took(rate: Rate, resent: i64) -> i64 {
    let nanoseconds = rate.interval().as_nanos().saturating_mul(u128::from(resent.unsigned_abs()));
    i64::try_from(nanoseconds.div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
