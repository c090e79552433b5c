//! Spans of time as people write them: `500 ms`, `1s`, `5 min`, `2h`, `1 day`.

use std::time::Duration;

/// The longest span that may be written.
const MAX_DAYS: u64 = 365;

/// Why a text is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// No whole number at the start.
    #[error("`{0}` does not begin with a whole number, expected a time such as `30 s` or `5 min`")]
    Number(String),
    /// Nothing after the number.
    #[error("`{0}` has no unit, expected one of `ms`, `s`, `min`, `h`, `d`, as in `30 s`")]
    NoUnit(String),
    /// Not a unit.
    #[error("`{unit}` in `{seen}` is not a unit of time, expected one of `ms`, `s`, `min`, `h`, `d`")]
    Unit {
        /// The whole text.
        seen: String,
        /// What stands for the unit.
        unit: String,
    },
    /// More than a year.
    #[error("`{0}` is longer than 365 days")]
    TooLong(String),
}

/// Reads a whole number and its unit, with or without a space between.
///
/// # Errors
/// When it is not that, or more than 365 days.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let seen = || text.to_owned();
    let trimmed = text.trim();
    let digits = trimmed.find(|character: char| !character.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    if number.is_empty() {
        return Err(DurationError::Number(seen()));
    }
    let milliseconds: u64 = match unit.trim_start() {
        "" => return Err(DurationError::NoUnit(seen())),
        "ms" => 1,
        "s" | "sec" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        unit => return Err(DurationError::Unit { seen: seen(), unit: unit.to_owned() }),
    };
    let total = number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds));
    match total {
        Some(total) if total <= MAX_DAYS * 86_400_000 => Ok(Duration::from_millis(total)),
        Some(_) | None => Err(DurationError::TooLong(seen())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        let cases = [("500 ms", 500), ("1s", 1_000), (" 5 min ", 300_000), ("2h", 7_200_000), ("1 day", 86_400_000), ("0s", 0)];
        for (text, milliseconds) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        let message = |text| parse_duration(text).unwrap_err().to_string();
        assert_eq!(message("5"), "`5` has no unit, expected one of `ms`, `s`, `min`, `h`, `d`, as in `30 s`");
        assert_eq!(message("soon"), "`soon` does not begin with a whole number, expected a time such as `30 s` or `5 min`");
        assert_eq!(message("-5 s"), "`-5 s` does not begin with a whole number, expected a time such as `30 s` or `5 min`");
        assert_eq!(message("5 secs"), "`secs` in `5 secs` is not a unit of time, expected one of `ms`, `s`, `min`, `h`, `d`");
        assert_eq!(message("366 d"), "`366 d` is longer than 365 days");
        assert_eq!(message("99999999999999999999 s"), "`99999999999999999999 s` is longer than 365 days");
    }
}
