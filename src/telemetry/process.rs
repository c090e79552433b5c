//! What the operating system says of this process: its memory and processor time. Linux tells it in files; elsewhere nothing is said.

/// Parts of a second in which Linux tells processor time, on every architecture in use.
const TICKS: f64 = 100.0;
/// Bytes of a page; larger ones are told in these, too.
const PAGE: f64 = 4096.0;

/// Resident bytes, and seconds of processor time.
pub(super) fn usage() -> Option<(f64, f64)> {
    let memory = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = memory.split_whitespace().nth(1)?.parse().ok()?;
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name in parentheses, user and system time are the 12th and 13th.
    let mut times = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some((pages * PAGE, (user + system) / TICKS))
}
