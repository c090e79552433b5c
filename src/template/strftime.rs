//! The `date` filter: a canonical date or time in a strftime format, always in UTC. No clock and no time zone of the machine.

use jiff::civil::Date;
use jiff::fmt::strtime::{self, BrokenDownTime};
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
    if let Ok(time) = text.parse::<Timestamp>() {
        return write(&time.to_zoned(TimeZone::UTC), format);
    }
    let date = text.parse::<Date>().map_err(|_| format!("`{text}` is neither a date nor a time"))?;
    match date.to_zoned(TimeZone::UTC) {
        Ok(midnight) => write(&midnight, format),
        Err(_) => write_last_day(date, format),
    }
}

/// A date as it is stored; `None` when the text is none.
pub(super) fn stored_date(text: &str) -> Option<String> {
    text.parse::<Date>().ok().map(|date| date.to_string())
}

/// A time as it is stored, in UTC; `None` when the text is none.
pub(super) fn stored_time(text: &str) -> Option<String> {
    text.parse::<Timestamp>().ok().map(|time| time.to_string())
}

/// Whether a text is a date or time as it is stored, or the beginning of one: the order of such texts is that of the times.
pub(super) fn begins_stored(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let fits = |(seen, form): (u8, &u8)| if *form == b'0' { seen.is_ascii_digit() } else { seen == *form };
    let rest = text.get(FORM.len()..).unwrap_or_default();
    let fraction = rest.strip_suffix('Z').unwrap_or(rest);
    let is_fraction = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    text.bytes().zip(FORM).all(fits) && (fraction.is_empty() || fraction.strip_prefix('.').is_some_and(is_fraction))
}

fn write(time: &Zoned, format: &str) -> Result<String, String> {
    strtime::format(format, time).map_err(|error| error.to_string())
}

/// Formats 9999-12-31, which people write for "without end": it begins after the last instant there is, which stands in for it in `%s`.
fn write_last_day(date: Date, format: &str) -> Result<String, String> {
    let before = date.yesterday().and_then(|before| before.to_zoned(TimeZone::UTC)).map_err(|error| error.to_string())?;
    let mut parts = BrokenDownTime::from(&before);
    parts.set_day(Some(date.day())).map_err(|error| error.to_string())?;
    parts.set_timestamp(Some(Timestamp::MAX));
    parts.to_string(format).map_err(|error| error.to_string())
}
