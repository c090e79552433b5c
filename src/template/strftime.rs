//! The `date` filter: a canonical date or time in a strftime format, always in UTC. No clock and no time zone of the machine.

use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Whether a format can be used, by trying it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(format: &str) -> Result<(), String> {
    write(&Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC), format).map(drop)
}

/// Formats `2026-01-31` or an RFC 3339 time.
///
/// # Errors
/// When the text is neither, or the format is wrong.
pub(super) fn format(text: &str, format: &str) -> Result<String, String> {
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time.to_zoned(TimeZone::UTC),
        Err(_) => {
            let date = text.parse::<Date>().map_err(|_| format!("`{text}` is neither a date nor a time"))?;
            date.to_zoned(TimeZone::UTC).map_err(|_| format!("`{text}` is out of range"))?
        }
    };
    write(&time, format)
}

fn write(time: &Zoned, format: &str) -> Result<String, String> {
    strtime::format(format, time).map_err(|error| error.to_string())
}
