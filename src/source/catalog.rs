//! What the database's catalogue says of its tables: columns with their types, keys, how rows are identified.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::error::SourceError;

/// The tables of the user's schemas.
const TABLES: &str = "
    SELECT n.nspname::text, c.relname::text, c.relreplident::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
        b.oid::bigint, b.typtype::text, b.typelem::bigint, b.typcategory::text,
        coalesce(array_position(k.indkey::int2[], a.attnum), -1)::int,
        coalesce(a.attnum = ANY (r.indkey), false)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_index k ON k.indrelid = c.oid AND k.indisprimary
    LEFT JOIN pg_index r ON r.indrelid = c.oid AND r.indisreplident
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        AND NOT c.relispartition
    ORDER BY 1, 2, a.attnum";

/// The tables of a database, by schema and name.
pub(super) type Catalog = BTreeMap<(Box<str>, Box<str>), TableShape>;

/// A table.
#[derive(Clone, Debug, Default)]
pub(super) struct TableShape {
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key, in the order of the key.
    pub key: Vec<Box<str>>,
    /// What is told of a row that changes or goes.
    pub identity: Identity,
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
    /// As people write it.
    pub type_name: String,
    pub kind: Kind,
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

/// Reads the catalogue.
pub(super) async fn read(client: &Client) -> Result<Catalog, SourceError> {
    let mut catalog = Catalog::new();
    for row in client.query(TABLES, &[]).await? {
        let text = |index| row.try_get::<_, String>(index);
        let table = catalog.entry((text(0)?.into(), text(1)?.into())).or_default();
        let name: Box<str> = text(3)?.into();
        let (oid, element): (i64, i64) = (row.try_get(5)?, row.try_get(7)?);
        let kind = if text(8)? == "A" { list(element) } else { kind(oid) };
        table.columns.push(Column { name: name.clone(), type_name: text(4)?, kind });
        let place: i32 = row.try_get(9)?;
        if place >= 0 {
            table.key.push(name.clone());
        }
        match &*text(2)? {
            "f" => table.identity = Identity::Full,
            "n" => table.identity = Identity::Nothing,
            "i" => {
                if !matches!(table.identity, Identity::Index(_)) {
                    table.identity = Identity::Index(Vec::new());
                }
                if let (Identity::Index(columns), true) = (&mut table.identity, row.try_get::<_, bool>(10)?) {
                    columns.push(name);
                }
            }
            _ => {}
        }
    }
    Ok(catalog)
}

fn kind(oid: i64) -> Kind {
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

fn list(element: i64) -> Kind {
    match kind(element) {
        Kind::Integer => Kind::Integers,
        Kind::Text | Kind::Padded | Kind::Other => Kind::Texts,
        Kind::Boolean
        | Kind::Number
        | Kind::Date
        | Kind::Timestamp
        | Kind::TimestampTz
        | Kind::Json
        | Kind::Bytes
        | Kind::Point
        | Kind::Texts
        | Kind::Integers
        | Kind::List => Kind::List,
    }
}
