//! Webhooks at random, and a save for which their conditions hold: what the checker promises has to hold for each.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::Embedded;
use super::fixture::{Fixture, asset_properties, span};
use crate::ids::PropertyId;
use crate::program::{Condition, Literal, Operation, Operations, Subject, Test};

/// The belongs-to `room` of an asset.
const ROOM: usize = 15;
/// A single choice, which a condition may compare.
const STATUS: usize = 3;
/// The photo.
const PHOTO: usize = 14;

/// A webhook and a save.
#[derive(Clone, Debug)]
pub(super) struct World {
    fields: Value,
    before: Value,
    /// Which of the fields that are set are conditions.
    conditions: Vec<bool>,
    operations: Operations,
    operation: Operation,
    /// Whether `room` is embedded as required, and is found.
    room_required: bool,
    room_found: bool,
    parts: usize,
    known_before: bool,
}

impl World {
    /// The save, at a webhook that fires for it.
    pub(super) fn fixture(&self) -> Fixture {
        let before = Fixture::new().with(&self.before).object.record;
        let mut fixture = Fixture::new().with(&self.fields);
        fixture.before = Some((*before).clone());
        fixture.operation = self.operation;
        fixture.previous = match self.operation {
            Operation::Create => false,
            Operation::Update => true,
            Operation::Delete => self.known_before,
        };
        let record = fixture.object.record.clone();
        let names = asset_properties();
        let set = (0_u16..).zip(&names).filter(|(index, _)| record.is_set(PropertyId(*index)));
        let chosen = set.filter(|(index, _)| self.conditions.get(usize::from(*index)) == Some(&true));
        let conditions = chosen.map(|(index, property)| {
            let equals = || record.value(PropertyId(index)).as_str().filter(|_| usize::from(index) == STATUS && self.known_before);
            let test = match equals() {
                Some(key) => Test::Equals(Literal::Text(key.into())),
                None if usize::from(index) == PHOTO => Test::Uploaded,
                None => Test::Set,
            };
            let related = usize::from(index) == ROOM && self.room_required;
            let subject = if related { Subject::Embed(vec![0]) } else { Subject::Property(PropertyId(index)) };
            Condition { subject, name: property.name.clone(), test, span: span() }
        });
        let conditions: Vec<Condition> = conditions.collect();
        // A required embed of a set relation is found, or the webhook waits.
        let room_set = record.is_set(PropertyId(15));
        let found = room_set && (self.room_required || self.room_found);
        if let Some(Embedded::One(room)) = fixture.object.embedded.first_mut()
            && !found
        {
            *room = None;
        }
        if let Some(Embedded::Many(parts)) = fixture.object.embedded.get_mut(1) {
            parts.truncate(self.parts);
        }
        let webhook = fixture.webhook();
        webhook.conditions = conditions;
        webhook.operations = self.operations;
        webhook.embeds[0].required = self.room_required;
        fixture
    }
}

/// Any world.
pub(super) fn world() -> impl Strategy<Value = World> {
    let operations =
        select(&[(true, true, false), (true, false, false), (false, true, false), (true, true, true), (false, false, true)][..]);
    let operation = (operations, 0_usize..3).prop_map(|((create, update, delete), pick)| {
        let operations = Operations { create, update, delete };
        let all = [Operation::Create, Operation::Update, Operation::Delete];
        let possible: Vec<Operation> = all.into_iter().filter(|operation| operations.contains(*operation)).collect();
        (operations, possible[pick % possible.len()])
    });
    let flags = (any::<bool>(), any::<bool>(), 0_usize..3, any::<bool>());
    (fields(), fields(), vec(any::<bool>(), 17), operation, flags).prop_map(
        |(fields, before, conditions, (operations, operation), (room_required, room_found, parts, known_before))| World {
            fields,
            before,
            conditions,
            operations,
            operation,
            room_required,
            room_found,
            parts,
            known_before,
        },
    )
}

fn text() -> impl Strategy<Value = Value> {
    select(&["", "a", "ab,a", "12", "x\ny", "é\"\\"][..]).prop_map(Value::from)
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![any::<i64>().prop_map(Value::from), (-1e300..1e300).prop_map(Value::from), Just(json!(0)), Just(json!(1.5))]
}

fn integer() -> impl Strategy<Value = Value> {
    prop_oneof![any::<i64>().prop_map(Value::from), (-3_i64..3).prop_map(Value::from)]
}

fn date() -> impl Strategy<Value = Value> {
    select(&["2024-02-29", "0000-01-01", "9999-12-31"][..]).prop_map(Value::from)
}

fn maybe(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    option::of(value).prop_map(|value| value.unwrap_or(Value::Null))
}

fn place() -> impl Strategy<Value = Value> {
    let location = (number(), option::of(number()));
    location.prop_map(|(latitude, altitude)| {
        let mut place = json!({"latitude": latitude, "longitude": 1});
        if let Some(altitude) = altitude {
            place["altitude"] = altitude;
        }
        place
    })
}

/// The fields of an asset.
fn fields() -> impl Strategy<Value = Value> {
    let texts = (maybe(text()), maybe(text()), maybe(select(&["open", "done"][..]).prop_map(Value::from)));
    let tags = maybe(vec(select(&["red", "green"][..]), 0..3).prop_map(Value::from));
    let numbers = (maybe(integer()), maybe(integer()), maybe(number()), maybe((0_i64..2).prop_map(Value::from)));
    let others = (maybe(any::<bool>().prop_map(Value::from)), maybe(date()), maybe(place()));
    let path = maybe(vec(place(), 0..3).prop_map(Value::from));
    let relations = (maybe(text()), maybe(Just(json!("2026-01-31T09:08:07Z"))), maybe(Just(json!("r9"))), maybe(Just(json!("r1"))));
    let photo = option::of(maybe(Just(json!("https://x/p.jpg"))));
    (texts, tags, numbers, others, path, photo, relations).prop_map(
        |((title, note, status), tags, (size, count, weight, level), (active, bought, place), path, photo, (name, seen, owner, room))| {
            let photo = photo.map_or(Value::Null, |original| json!({"id": "p1", "state": "uploaded", "original": original}));
            json!({
                "name": name, "seen": seen, "room": room, "title": title, "note": note, "status": status, "tags": tags, "size": size, "count": count, "weight": weight,
                "level": level, "active": active, "bought": bought, "place": place, "path": path, "photo": photo, "owner": owner,
            })
        },
    )
}
