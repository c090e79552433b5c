//! What the server would write is read, no part of it is a message, and any bytes are read or refused.

use proptest::prelude::*;

use super::*;

fn name(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

fn tuple(cells: &[Cell], out: &mut Vec<u8>) {
    out.extend(u16::try_from(cells.len()).unwrap().to_be_bytes());
    for cell in cells {
        match cell {
            Cell::Null => out.push(b'n'),
            Cell::Unchanged => out.push(b'u'),
            Cell::Text(text) => {
                out.push(b't');
                out.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
}

/// The message as the server would write it.
fn written(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    match message {
        Message::Begin { commit, at_us, xid } => {
            out.push(b'B');
            out.extend(commit.0.to_be_bytes());
            out.extend(at_us.to_be_bytes());
            out.extend(xid.to_be_bytes());
        }
        Message::Commit { end } => {
            out.extend([b'C', 0]);
            out.extend(1_u64.to_be_bytes());
            out.extend(end.0.to_be_bytes());
            out.extend(2_u64.to_be_bytes());
        }
        Message::Relation(relation) => {
            out.push(b'R');
            out.extend(relation.id.to_be_bytes());
            name(&relation.schema, &mut out);
            name(&relation.name, &mut out);
            out.push(b'd');
            out.extend(u16::try_from(relation.columns.len()).unwrap().to_be_bytes());
            for column in &relation.columns {
                out.push(u8::from(column.identifies));
                name(&column.name, &mut out);
                out.extend(column.type_oid.to_be_bytes());
                out.extend((-1_i32).to_be_bytes());
            }
        }
        Message::Insert { table, new } => {
            out.push(b'I');
            out.extend(table.to_be_bytes());
            out.push(b'N');
            tuple(new, &mut out);
        }
        Message::Update { table, old, new } => {
            out.push(b'U');
            out.extend(table.to_be_bytes());
            if let Some(old) = old {
                out.push(if matches!(old, Old::Key(_)) { b'K' } else { b'O' });
                tuple(old.tuple(), &mut out);
            }
            out.push(b'N');
            tuple(new, &mut out);
        }
        Message::Delete { table, old } => {
            out.push(b'D');
            out.extend(table.to_be_bytes());
            out.push(if matches!(old, Old::Key(_)) { b'K' } else { b'O' });
            tuple(old.tuple(), &mut out);
        }
        Message::Truncate { tables } => {
            out.push(b'T');
            out.extend(u32::try_from(tables.len()).unwrap().to_be_bytes());
            out.push(0);
            for table in tables {
                out.extend(table.to_be_bytes());
            }
        }
        Message::Said { prefix } => {
            out.extend([b'M', 1, 0, 0, 0, 0, 0, 0, 0, 9]);
            name(prefix, &mut out);
            out.extend(3_u32.to_be_bytes());
            out.extend([0, 1, 2]);
        }
        Message::Other => out.push(b'O'),
    }
    out
}

fn cells() -> impl Strategy<Value = Tuple> {
    let cell = prop_oneof![Just(Cell::Null), Just(Cell::Unchanged), any::<String>().prop_map(|text| Cell::Text(text.into()))];
    proptest::collection::vec(cell, 0..5)
}

fn messages() -> impl Strategy<Value = Message> {
    let old = || prop_oneof![cells().prop_map(Old::Key), cells().prop_map(Old::Full)];
    let names = || "[a-z_]{1,9}".prop_map(Box::<str>::from);
    let column =
        || (names(), any::<u32>(), any::<bool>()).prop_map(|(name, type_oid, identifies)| RelationColumn { name, type_oid, identifies });
    prop_oneof![
        (any::<u64>(), any::<i64>(), any::<u32>()).prop_map(|(commit, at_us, xid)| Message::Begin { commit: Lsn(commit), at_us, xid }),
        any::<u64>().prop_map(|end| Message::Commit { end: Lsn(end) }),
        (any::<u32>(), names(), names(), proptest::collection::vec(column(), 0..5))
            .prop_map(|(id, schema, name, columns)| Message::Relation(Relation { id, schema, name, columns })),
        (any::<u32>(), cells()).prop_map(|(table, new)| Message::Insert { table, new }),
        (any::<u32>(), proptest::option::of(old()), cells()).prop_map(|(table, old, new)| Message::Update { table, old, new }),
        (any::<u32>(), old()).prop_map(|(table, old)| Message::Delete { table, old }),
        proptest::collection::vec(any::<u32>(), 0..5).prop_map(|tables| Message::Truncate { tables }),
        names().prop_map(|prefix| Message::Said { prefix }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_no_part_of_it_is_a_message(message in messages()) {
        let bytes = written(&message);
        for end in 0..bytes.len() {
            prop_assert!(read(Bytes::copy_from_slice(&bytes[..end])).is_err());
        }
        prop_assert_eq!(read(bytes.into()), Ok(message));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(bytes.into());
    }
}
