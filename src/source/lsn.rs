//! A place in a database's log.

use std::fmt;

/// A place in the log, in bytes since its beginning; written as `PostgreSQL` does: `16/B374D848`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl std::str::FromStr for Lsn {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (high, low) = text.split_once('/').unwrap_or(("0", text));
        let part = |text| u32::from_str_radix(text, 16).map(u64::from);
        Ok(Self(part(high)? << 32 | part(low)?))
    }
}
