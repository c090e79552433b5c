//! Laws: no text makes the compiler panic, and what compiles without a warning renders for every object that the webhook may fire for.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::Embedded;
use super::fixture::{Fixture, body, request, source, text_body};
use crate::diagnostics::Diagnostics;
use crate::program::{Operation, RequestSource};

const PLACES: &[&str] = &[
    "object.name",
    "object.title",
    "object.note",
    "object.status",
    "object.tags",
    "object.level",
    "object.size",
    "object.count",
    "object.weight",
    "object.active",
    "object.bought",
    "object.seen",
    "object.place",
    "object.place.altitude",
    "object.place.latitude",
    "object.path",
    "object.photo",
    "object.photo.original",
    "object.photo.state",
    "object.photo_id",
    "object.room_id",
    "object.owner_id",
    "object.id",
    "room",
    "room.name",
    "room.floor",
    "room.building",
    "room.building.name",
    "room.building_id",
    "parts",
    "previous",
    "previous.title",
    "previous.count",
    "previous.photo.original",
    "operation",
    "sequence",
    "event",
    "timestamp",
    "vars.base_url",
    "object",
    "p",
    "p.name",
    "p.price",
    "loop.index",
    "loop.last",
    "changed('title')",
];

const LITERALS: &[&str] = &[
    "0",
    "1",
    "7",
    "2.5",
    "''",
    "'a'",
    "'open'",
    "'red'",
    "'update'",
    "'create'",
    "true",
    "false",
    "none",
    "[]",
    "[1, 2]",
    "['a', none]",
    "{'a': 1}",
];

const FILTERS: &[&str] = &[
    "abs",
    "capitalize",
    "date('%Y')",
    "default('x')",
    "default(0)",
    "default([])",
    "default('x', true)",
    "first",
    "float",
    "int",
    "join",
    "join(', ')",
    "last",
    "length",
    "lower",
    "map(attribute='name')",
    "map(attribute='latitude')",
    "replace('a', 'bb')",
    "reverse",
    "round",
    "round(2)",
    "sort",
    "split",
    "split(',')",
    "string",
    "title",
    "tojson",
    "trim",
    "truncate(3)",
    "unique",
    "upper",
    "urlencode",
];

const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "integer",
    "boolean",
    "even",
    "odd",
    "startingwith('a')",
    "containing('a')",
    "not none",
    "not defined",
];

const OPERATORS: &[&str] = &["==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "+", "-", "*", "/", "//", "%", "~"];

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![3 => select(PLACES).prop_map(str::to_owned), 1 => select(LITERALS).prop_map(str::to_owned)];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let operand = inner.clone();
        prop_oneof![
            4 => (inner.clone(), select(FILTERS)).prop_map(|(input, filter)| format!("({input})|{filter}")),
            2 => (inner.clone(), select(TESTS)).prop_map(|(input, test)| format!("({input}) is {test}")),
            4 => (inner.clone(), select(OPERATORS), operand).prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
            1 => inner.clone().prop_map(|input| format!("not ({input})")),
            1 => inner.clone().prop_map(|input| format!("-({input})")),
            1 => inner.clone().prop_map(|input| format!("({input})[0]")),
            2 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(then, condition, otherwise)| format!("({then}) if ({condition}) else ({otherwise})")),
            1 => (inner.clone(), inner).prop_map(|(one, other)| format!("[{one}, {other}]")),
        ]
    })
}

fn template() -> impl Strategy<Value = String> {
    let print = prop_oneof![
        expression().prop_map(|expression| format!("{{{{ {expression} }}}}")),
        expression().prop_map(|expression| format!("{{{{ ({expression})|default('-') }}}}")),
        select(PLACES).prop_map(|place| format!("{{{{ {place} }}}}")),
    ];
    print.prop_recursive(3, 8, 2, |inner| {
        let list = prop_oneof![Just("parts".to_owned()), Just("object.tags".to_owned()), expression()];
        prop_oneof![
            (expression(), inner.clone(), inner.clone())
                .prop_map(|(condition, then, otherwise)| format!("{{% if {condition} %}}{then}{{% else %}}{otherwise}{{% endif %}}")),
            (select(PLACES), select(&["", " is defined", " != none"][..]), select(PLACES))
                .prop_map(|(place, test, print)| format!("{{% if {place}{test} %}}{{{{ {place} }}}}{{{{ {print} }}}}{{% endif %}}")),
            (list, option::of(expression()), inner.clone()).prop_map(|(list, filter, body)| {
                let filter = filter.map(|filter| format!(" if {filter}")).unwrap_or_default();
                format!("{{% for p in {list}{filter} %}}{body}{{% endfor %}}")
            }),
            (inner.clone(), inner).prop_map(|(one, other)| format!("{one} {other}")),
        ]
    })
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

/// An object for which the conditions of the fixture's webhook hold.
fn fields() -> impl Strategy<Value = Value> {
    let texts = (maybe(text()), maybe(text()), maybe(select(&["open", "done"][..]).prop_map(Value::from)));
    let tags = maybe(vec(select(&["red", "green"][..]), 0..3).prop_map(Value::from));
    let numbers = (integer(), maybe(integer()), maybe(number()), maybe((0_i64..2).prop_map(Value::from)));
    let others = (maybe(any::<bool>().prop_map(Value::from)), maybe(Just(json!("2024-02-29"))), maybe(place()));
    let path = maybe(vec(place(), 0..3).prop_map(Value::from));
    let photo = option::of(Just(json!("https://x/p.jpg")));
    (texts, tags, numbers, others, path, photo, maybe(Just(json!("r9")))).prop_map(
        |((title, note, status), tags, (size, count, weight, level), (active, bought, place), path, photo, owner)| {
            let mut attachment = json!({"id": "p1", "state": "uploaded"});
            if let Some(photo) = photo {
                attachment["original"] = photo;
            }
            json!({
                "name": "N", "title": title, "note": note, "status": status, "tags": tags, "size": size, "count": count, "weight": weight,
                "level": level, "active": active, "bought": bought, "place": place, "path": path, "photo": attachment, "owner": owner,
            })
        },
    )
}

fn fixture(fields: &Value, create: bool, parts: usize) -> Fixture {
    let mut fixture = Fixture::new().with(fields);
    fixture.previous = !create;
    fixture.operation = if create { Operation::Create } else { Operation::Update };
    if let Embedded::Many(embedded) = &mut fixture.object.embedded[1] {
        embedded.truncate(parts);
    }
    fixture
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn what_compiles_without_a_warning_renders(template in template(), fields in fields(), create in any::<bool>(), parts in 0_usize..3) {
        let fixture = fixture(&fields, create, parts);
        let (compiled, found) = fixture.compile(&text_body(&template));
        if let (Some(compiled), []) = (compiled, found.as_slice())
            && let Err(error) = fixture.render(&compiled)
        {
            panic!("{template}: {error}");
        }
    }

    #[test]
    fn a_json_body_is_json(expression in expression(), fields in fields(), create in any::<bool>()) {
        let fixture = fixture(&fields, create, 2);
        let template = json!({"a": format!("{{{{ {expression} }}}}"), "b?": [format!("{{{{ {expression} }}}}")]}).to_string();
        if let (Some(compiled), _) = fixture.compile(&body(&template, "application/json")) {
            match fixture.render(&compiled) {
                Ok(rendered) => {
                    let bytes = rendered.body.unwrap().1;
                    serde_json::from_slice::<Value>(&bytes).unwrap_or_else(|error| panic!("{template}: {error}"));
                }
                Err(error) => panic!("{template}: {error}"),
            }
        }
    }

    #[test]
    fn a_url_keeps_its_origin(value in ".*", template in select(&["https://e.com/{{ object.name }}", "https://e.com/a/{{ object.name }}/b?{{ object.name }}#{{ object.name }}"][..])) {
        let rendered = Fixture::new().with(&json!({"name": value})).url(template);
        assert!(rendered.starts_with("https://e.com/") || rendered.starts_with("failed: a path segment"), "{rendered}");
        assert!(rendered.starts_with("failed") || !rendered.chars().any(char::is_control), "{rendered}");
    }

    #[test]
    fn no_text_makes_the_compiler_panic(
        pieces in vec(select(&["{{", "}}", "{%", "%}", "{#", "#}", "-", "if", "for", "in", "else", "elif", "endif", "endfor", " ", "object", ".", "name", "(", ")", "[", "]", "|", "upper", "\"", "'", "\\", "é", "1", "0x", "1e9", ":", ",", "{", "}", "not", "is", "raw", "endraw", "\n", "https://", "/", "$for", "$if"][..]), 0..24),
        noise in ".{0,8}",
    ) {
        let fixture = Fixture::new();
        let template = pieces.concat() + &noise;
        for request in [
            text_body(&template),
            body(&template, "application/json"),
            body(&format!("{{\"a\": \"{template}\"}}"), "application/json"),
            RequestSource { url: source(&template), ..request() },
            RequestSource { url: source(&format!("https://e.com/{template}")), ..request() },
        ] {
            let (compiled, _) = fixture.compile(&request);
            if let Some(compiled) = compiled {
                let _ = fixture.render(&compiled);
            }
        }
        let _ = super::super::Predicate::compile(&source(&template), fixture.scope(), &mut Diagnostics::default());
    }
}
