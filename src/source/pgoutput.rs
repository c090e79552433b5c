//! Bytes of the output plugin `pgoutput`, protocol version 1 → messages. Every count and length is untrusted: what does not hold what it
//! says is an error, and nothing is taken for more than is there. Absent: what a message means.

use bytes::{Buf as _, Bytes};

use super::lsn::Lsn;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A transaction begins.
    Begin {
        /// Where its commit is.
        commit: Lsn,
        /// When it was committed, in microseconds since 2000.
        at_us: i64,
        /// Its number in the database.
        xid: u32,
    },
    /// It ends.
    Commit {
        /// Where the log goes on behind it.
        end: Lsn,
    },
    /// What a table looks like from here on.
    Relation(Relation),
    /// A row is new.
    Insert {
        /// Its table.
        table: u32,
        /// It.
        new: Tuple,
    },
    /// A row has changed.
    Update {
        /// Its table.
        table: u32,
        /// What it was.
        old: Option<Old>,
        /// What it is.
        new: Tuple,
    },
    /// A row is gone.
    Delete {
        /// Its table.
        table: u32,
        /// What it was.
        old: Old,
    },
    /// All rows of tables are gone.
    Truncate {
        /// The tables.
        tables: Vec<u32>,
    },
    /// Somebody has something to say to who reads.
    Said {
        /// About what.
        prefix: Box<str>,
    },
    /// Something that says nothing about rows: a type, an origin.
    Other,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its number in the database.
    pub id: u32,
    /// Its schema.
    pub schema: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Its columns, in the order of a row.
    pub columns: Vec<RelationColumn>,
}

/// A column of a table, as it was when the row was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationColumn {
    /// Its name.
    pub name: Box<str>,
    /// The number of its type in the database.
    pub type_oid: u32,
    /// Whether it is told of a row that has changed.
    pub identifies: bool,
}

/// A row: a cell for each column.
pub type Tuple = Vec<Cell>;

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Null.
    Null,
    /// A large value that has not changed and is not told.
    Unchanged,
    /// As text.
    Text(Box<str>),
}

/// A row before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Old {
    /// The columns that identify it; the others are null.
    Key(Tuple),
    /// All of it.
    Full(Tuple),
}

impl Old {
    /// The cells.
    #[must_use]
    pub fn tuple(&self) -> &Tuple {
        match self {
            Self::Key(tuple) | Self::Full(tuple) => tuple,
        }
    }
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent {0}, expected a message of pgoutput version 1")]
pub struct Malformed(&'static str);

/// Reads one message.
///
/// # Errors
/// When the bytes are none.
pub fn read(bytes: Bytes) -> Result<Message, Malformed> {
    let mut reader = Reader(bytes);
    let message = match reader.u8()? {
        b'B' => {
            let (commit, at_us) = (Lsn(reader.u64()?), reader.u64()?.cast_signed());
            Message::Begin { commit, at_us, xid: reader.u32()? }
        }
        b'C' => {
            reader.u8()?;
            reader.u64()?;
            let end = Lsn(reader.u64()?);
            reader.u64()?;
            Message::Commit { end }
        }
        b'R' => Message::Relation(reader.relation()?),
        b'I' => {
            let table = reader.u32()?;
            reader.tag(b'N')?;
            Message::Insert { table, new: reader.tuple()? }
        }
        b'U' => {
            let table = reader.u32()?;
            let first = reader.u8()?;
            let old = if first == b'N' { None } else { Some(reader.old(first)?) };
            if old.is_some() {
                reader.tag(b'N')?;
            }
            Message::Update { table, old, new: reader.tuple()? }
        }
        b'D' => {
            let table = reader.u32()?;
            let kind = reader.u8()?;
            Message::Delete { table, old: reader.old(kind)? }
        }
        b'T' => {
            let count = reader.u32()?;
            reader.u8()?;
            Message::Truncate { tables: (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()? }
        }
        b'M' => Message::Said { prefix: reader.said()? },
        b'Y' | b'O' => return Ok(Message::Other),
        _ => return Err(Malformed("a message of an unknown kind")),
    };
    if reader.0.has_remaining() { Err(Malformed("more than a message")) } else { Ok(message) }
}

struct Reader(Bytes);

impl Reader {
    fn u8(&mut self) -> Result<u8, Malformed> {
        self.0.try_get_u8().map_err(|_| CUT)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.0.try_get_u16().map_err(|_| CUT)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.0.try_get_u32().map_err(|_| CUT)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.0.try_get_u64().map_err(|_| CUT)
    }

    fn tag(&mut self, expected: u8) -> Result<(), Malformed> {
        if self.u8()? == expected { Ok(()) } else { Err(Malformed("a row without its tag")) }
    }

    fn take(&mut self, count: usize) -> Result<Bytes, Malformed> {
        if count > self.0.remaining() { Err(CUT) } else { Ok(self.0.split_to(count)) }
    }

    /// Text that ends with a zero.
    fn name(&mut self) -> Result<Box<str>, Malformed> {
        let end = memchr::memchr(0, &self.0).ok_or(CUT)?;
        let name = self.take(end)?;
        self.u8()?;
        text(&name)
    }

    /// What somebody says is about.
    fn said(&mut self) -> Result<Box<str>, Malformed> {
        self.take(MESSAGE_HEAD)?;
        let prefix = self.name()?;
        let length = self.u32()? as usize;
        self.take(length).map(|_| prefix)
    }

    fn relation(&mut self) -> Result<Relation, Malformed> {
        let (id, schema, name) = (self.u32()?, self.name()?, self.name()?);
        // How rows are identified is asked of the catalogue.
        self.u8()?;
        let count = self.u16()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let identifies = self.u8()? & 1 == 1;
            let (name, type_oid) = (self.name()?, self.u32()?);
            self.u32()?;
            columns.push(RelationColumn { name, type_oid, identifies });
        }
        Ok(Relation { id, schema, name, columns })
    }

    fn old(&mut self, kind: u8) -> Result<Old, Malformed> {
        match kind {
            b'K' => self.tuple().map(Old::Key),
            b'O' => self.tuple().map(Old::Full),
            _ => Err(Malformed("a row without its tag")),
        }
    }

    fn tuple(&mut self) -> Result<Tuple, Malformed> {
        let count = self.u16()?;
        let mut cells = Vec::new();
        for _ in 0..count {
            cells.push(match self.u8()? {
                b'n' => Cell::Null,
                b'u' => Cell::Unchanged,
                b't' => {
                    let length = self.u32()? as usize;
                    Cell::Text(text(&self.take(length)?)?)
                }
                _ => return Err(Malformed("a cell of an unknown kind")),
            });
        }
        Ok(cells)
    }
}

/// What a message of somebody's begins with: whether it is of a transaction, and where in the log it is.
const MESSAGE_HEAD: usize = 9;
const CUT: Malformed = Malformed("less than a message");

fn text(bytes: &[u8]) -> Result<Box<str>, Malformed> {
    std::str::from_utf8(bytes).map(Box::from).map_err(|_| Malformed("text that is not UTF-8"))
}

#[cfg(test)]
mod tests;
