//! What the database's catalogue says of its tables at present: columns with their types, keys, how rows are identified, what is published.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Row};

use super::error::SourceError;

/// The tables of the user's schemas. What is generated is not in the log.
const TABLES: &str = "
    SELECT n.nspname::text, c.relname::text, c.oid::bigint, c.relreplident::text, a.attname::text, a.atttypid::bigint,
        coalesce(array_position(k.indkey::int2[], a.attnum), -1)::int, coalesce(a.attnum = ANY (r.indkey), false), c.relkind = 'p',
        c.relpersistence = 'u', coalesce(NOT k.indimmediate, false)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    LEFT JOIN pg_index k ON k.indrelid = c.oid AND k.indisprimary
    LEFT JOIN pg_index r ON r.indrelid = c.oid AND r.indisreplident
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        AND NOT c.relispartition
    ORDER BY 1, 2, a.attnum";

/// The types that a column can have, domains by what they are of.
const TYPES: &str = "
    WITH RECURSIVE base (oid, of) AS (
        SELECT oid, oid FROM pg_type WHERE typtype NOT IN ('d', 'p')
        UNION ALL
        SELECT d.oid, base.of FROM pg_type d JOIN base ON base.oid = d.typbasetype WHERE d.typtype = 'd'
    )
    SELECT base.oid::bigint, format_type(base.oid, NULL), t.oid::bigint, t.typelem::bigint, t.typcategory::text
    FROM base JOIN pg_type t ON t.oid = base.of";

/// The tables that a publication has, whether it lists them by name, and what it tells of each.
const PUBLISHED: &str = "
    SELECT t.schemaname::text, t.tablename::text, r.prrelid IS NOT NULL, t.attnames::text[], t.rowfilter
    FROM pg_publication p
    JOIN pg_publication_tables t ON t.pubname = p.pubname
    LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid
        AND r.prrelid = (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = t.schemaname AND c.relname = t.tablename)
    WHERE p.pubname = $1";

/// Which kinds of change a publication tells of, in the order of [`KINDS`].
const TOLD_KINDS: &str = "SELECT pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_publication WHERE pubname = $1";

/// The kinds of change that there are.
pub(super) const KINDS: [&str; 4] = ["insert", "update", "delete", "truncate"];

/// How long a commit that the log has may take until everybody sees it.
const VISIBLE: Duration = Duration::from_secs(10);
/// The wait before it is asked again, about as long as a commit takes.
const PAUSE: Duration = Duration::from_millis(5);

/// A table's schema and name.
pub(super) type Name = (Box<str>, Box<str>);

/// What is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    pub tables: BTreeMap<Name, TableShape>,
    /// By the number that the database has for each.
    pub types: BTreeMap<u32, TypeShape>,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub(super) struct TableShape {
    /// The number that the database has for it, which stays when it is renamed.
    pub oid: u32,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key, in the order of the key.
    pub key: Vec<Box<str>>,
    /// Whether that may be in order only at the end of a transaction: several rows can have the same until then.
    pub is_deferrable: bool,
    /// What is told of a row that changes or goes.
    pub identity: Identity,
    /// Whether its rows are in partitions of it.
    pub is_partitioned: bool,
    /// Whether the log has nothing of it.
    pub is_unlogged: bool,
}

/// What is told of a row before its change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Identity {
    /// Its primary key.
    #[default]
    Key,
    /// All of it.
    Full,
    /// The columns of another index.
    Index(Vec<Box<str>>),
    /// Nothing.
    Nothing,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: Box<str>,
    pub type_oid: u32,
}

/// A type.
#[derive(Clone, Debug)]
pub(super) struct TypeShape {
    /// As people write it.
    pub name: Box<str>,
    pub kind: Kind,
    /// The type itself, or what a domain is of; of a list, that of its items.
    pub base: u32,
}

/// What the values of a type are, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Number,
    Text,
    /// Filled up with blanks.
    Padded,
    Date,
    Timestamp,
    TimestampTz,
    Json,
    Bytes,
    Point,
    /// A list of texts.
    Texts,
    /// A list of integers.
    Integers,
    /// Another list.
    List,
    /// Anything else that has a text: `uuid`, an enum, `inet`, `interval`.
    Other,
}

impl Kind {
    /// Whether a value can be an object's id.
    pub(super) fn is_id(self) -> bool {
        match self {
            Self::Integer | Self::Text | Self::Padded | Self::Other => true,
            Self::Boolean
            | Self::Number
            | Self::Date
            | Self::Timestamp
            | Self::TimestampTz
            | Self::Json
            | Self::Bytes
            | Self::Point
            | Self::Texts
            | Self::Integers
            | Self::List => false,
        }
    }
}

/// Waits until what transactions have done can be seen, which the log tells already: a moment later, and later still when a commit waits for
/// another server. Without it a table would not be there yet whose rows are told, and they would be nobody's.
pub(super) async fn can_be_seen(client: &Client, transactions: &[u32]) -> Result<(), SourceError> {
    let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND granted AND transactionid::text = ANY ($1)";
    let transactions: Vec<String> = transactions.iter().map(u32::to_string).collect();
    let began = Instant::now();
    while !transactions.is_empty() && client.query_one(sql, &[&transactions]).await?.try_get::<_, i64>(0)? > 0 {
        if began.elapsed() > VISIBLE {
            let why = "the log tells of tables what the database does not show yet: a commit waits, perhaps for a synchronous standby";
            return Err(SourceError::Connection(why.to_owned()));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Reads the catalogue.
pub(super) async fn read(client: &Client) -> Result<Catalog, SourceError> {
    let mut catalog = Catalog::default();
    for row in client.query(TYPES, &[]).await? {
        let name: String = row.try_get(1)?;
        let (base, element) = (oid(&row, 2)?, oid(&row, 3)?);
        let (kind, base) = if row.try_get::<_, String>(4)? == "A" { (list(element), element) } else { (kind(base), base) };
        catalog.types.insert(oid(&row, 0)?, TypeShape { name: name.into(), kind, base });
    }
    let mut keys: BTreeMap<Name, Vec<(i32, Box<str>)>> = BTreeMap::new();
    for row in client.query(TABLES, &[]).await? {
        let text = |index| row.try_get::<_, String>(index).map(Box::<str>::from);
        let name = (text(0)?, text(1)?);
        let table = catalog.tables.entry(name.clone()).or_default();
        table.oid = oid(&row, 2)?;
        table.is_partitioned = row.try_get(8)?;
        table.is_unlogged = row.try_get(9)?;
        table.is_deferrable = row.try_get(10)?;
        let column = text(4)?;
        table.columns.push(Column { name: column.clone(), type_oid: oid(&row, 5)? });
        let place: i32 = row.try_get(6)?;
        if place >= 0 {
            keys.entry(name).or_default().push((place, column.clone()));
        }
        match &*text(3)? {
            "f" => table.identity = Identity::Full,
            "n" => table.identity = Identity::Nothing,
            "i" => {
                if !matches!(table.identity, Identity::Index(_)) {
                    table.identity = Identity::Index(Vec::new());
                }
                if let (Identity::Index(columns), true) = (&mut table.identity, row.try_get::<_, bool>(7)?) {
                    columns.push(column);
                }
            }
            _ => {}
        }
    }
    for (name, mut key) in keys {
        key.sort_unstable();
        if let Some(table) = catalog.tables.get_mut(&name) {
            table.key = key.into_iter().map(|(_, column)| column).collect();
        }
    }
    Ok(catalog)
}

/// What a publication has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Published {
    /// Every table, and what is told of it.
    pub tables: BTreeMap<Name, Told>,
    /// Those that it lists by name, rather than as all of the database or of a schema.
    pub listed: BTreeSet<Name>,
    /// The kinds of change that it does not tell of.
    pub untold: Vec<&'static str>,
}

/// What a publication tells of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The columns.
    pub columns: BTreeSet<Box<str>>,
    /// Which rows, when not all of them.
    pub filter: Option<Box<str>>,
}

/// Reads what a publication has.
pub(super) async fn published(client: &Client, publication: &str) -> Result<Published, SourceError> {
    let mut published = Published::default();
    if let Some(row) = client.query_opt(TOLD_KINDS, &[&publication]).await? {
        for (place, kind) in KINDS.into_iter().enumerate() {
            if !row.try_get::<_, bool>(place)? {
                published.untold.push(kind);
            }
        }
    }
    for row in client.query(PUBLISHED, &[&publication]).await? {
        let name: Name = (row.try_get::<_, String>(0)?.into(), row.try_get::<_, String>(1)?.into());
        if row.try_get(2)? {
            published.listed.insert(name.clone());
        }
        let columns = row.try_get::<_, Option<Vec<String>>>(3)?.unwrap_or_default().into_iter().map(String::into_boxed_str).collect();
        let filter = row.try_get::<_, Option<String>>(4)?.map(String::into_boxed_str);
        published.tables.insert(name, Told { columns, filter });
    }
    Ok(published)
}

pub(super) fn oid(row: &Row, index: usize) -> Result<u32, SourceError> {
    let wide: i64 = row.try_get(index)?;
    u32::try_from(wide).map_err(|_| SourceError::Connection(format!("the server numbers a type {wide}")))
}

fn kind(oid: u32) -> Kind {
    match oid {
        16 => Kind::Boolean,
        17 => Kind::Bytes,
        20 | 21 | 23 | 26 => Kind::Integer,
        700 | 701 | 1700 => Kind::Number,
        18 | 19 | 25 | 1043 => Kind::Text,
        1042 => Kind::Padded,
        1082 => Kind::Date,
        1114 => Kind::Timestamp,
        1184 => Kind::TimestampTz,
        114 | 3802 => Kind::Json,
        600 => Kind::Point,
        _ => Kind::Other,
    }
}

fn list(element: u32) -> Kind {
    let item = kind(element);
    if item == Kind::Integer {
        Kind::Integers
    } else if item.is_id() {
        Kind::Texts
    } else {
        Kind::List
    }
}
