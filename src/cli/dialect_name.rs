//! `--dialect` as it is typed.

use crate::schema::Dialect;

/// A dialect of the schema language
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum DialectName {
    /// `data-model` with `model`
    #[value(name = "3.1")]
    V3p1,
    /// `data-model` with `object`
    #[value(name = "3.0")]
    V3p0,
    /// `schema` with `object`
    #[value(name = "2")]
    V2,
}

impl DialectName {
    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::V3p1 => Dialect::V3p1,
            Self::V3p0 => Dialect::V3p0,
            Self::V2 => Dialect::V2,
        }
    }
}
