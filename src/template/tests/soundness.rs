//! Laws: no text makes the compiler panic, and what compiles without a warning renders for every object that the webhook may fire for.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use proptest::sample::select;
use serde_json::{Value, json};

use super::fixture::{Fixture, body, request, source, span, text_body};
use super::worlds::world;
use crate::diagnostics::Diagnostics;
use crate::program::{HeaderSource, RequestSource};
use crate::text::Spanned;

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
    "secret.token",
];

const PARTS: &[&str] = &["altitude", "latitude", "original", "id", "name", "size", "room_id", "updated_at", "a"];

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
            2 => (inner.clone(), select(PARTS)).prop_map(|(input, part)| format!("({input}).{part}")),
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
            (select(PLACES), select(&["", " is defined", " is undefined", " != none"][..]), select(PLACES))
                .prop_map(|(place, test, print)| format!("{{% if {place}{test} %}}{{{{ {place} }}}}{{{{ {print} }}}}{{% endif %}}")),
            (list, option::of(expression()), inner.clone()).prop_map(|(list, filter, body)| {
                let filter = filter.map(|filter| format!(" if {filter}")).unwrap_or_default();
                format!("{{% for p in {list}{filter} %}}{body}{{% endfor %}}")
            }),
            (inner.clone(), inner).prop_map(|(one, other)| format!("{one} {other}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, ..ProptestConfig::default() })]

    #[test]
    fn what_compiles_without_a_warning_renders(template in template(), world in world()) {
        let fixture = world.fixture();
        let header = HeaderSource { name: Spanned::new("X-Test".into(), span()), value: source(&template) };
        let cases = [
            text_body(&template),
            RequestSource { headers: vec![header], ..request() },
            RequestSource { url: source(&format!("https://e.com/a/{template}/b?q={template}")), ..request() },
            body(&json!({"a": format!("x{template}"), "b?": [template.as_str()]}).to_string(), "application/json"),
        ];
        for case in cases {
            let (compiled, found) = fixture.compile(&case);
            if let (Some(compiled), []) = (compiled, found.as_slice())
                && let Err(error) = fixture.render(&compiled)
                // What a value does to a URL's path, and how long it is, is not known before.
                && !error.what.starts_with("a path segment came out as") && !error.what.contains("longer than")
            {
                panic!("{template}: {error}");
            }
        }
    }

    #[test]
    fn a_json_body_is_json(expression in expression(), steer in expression(), world in world()) {
        let fixture = world.fixture();
        let print = format!("{{{{ {expression} }}}}");
        let cases = [
            json!({"a": print, "b?": [print]}),
            json!({"$if": steer, "$then": {"a?": print}, "$else": [print, {"$if": expression, "$then": 1}]}),
            json!({"a": [1, {"$for": "p", "$in": steer, "$where": expression, "$do": {"p": "{{ p }}", "x": print}}], "b": {"$for": "p", "$in": expression, "$do": "{{ p }}"}}),
        ];
        for case in cases {
            let template = case.to_string();
            let (Some(compiled), _) = fixture.compile(&body(&template, "application/json")) else { continue };
            match fixture.render(&compiled) {
                Ok(rendered) => {
                    let bytes = rendered.body.unwrap().1;
                    serde_json::from_slice::<Value>(&bytes).unwrap_or_else(|error| panic!("{template}: {error}"));
                }
                Err(error) => assert!(error.what.contains("longer than") || error.what.contains("turns"), "{template}: {error}"),
            }
        }
    }

    #[test]
    fn a_when_that_compiles_never_fails(expression in expression(), test in select(TESTS), world in world()) {
        let fixture = world.fixture();
        for template in [expression.clone(), format!("({expression}) is {test}"), format!("not ({expression})")] {
            let held = fixture.when(&template);
            assert!(!held.starts_with("failed"), "{template}: {held}");
            assert!(held != "true" || !fixture.never(&template), "{template} is said to be never true");
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
