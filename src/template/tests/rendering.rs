//! Source and data → text.

use serde_json::json;

use super::super::limits;
use super::fixture::Fixture;
use crate::program::Operation;

#[test]
fn values_are_printed_in_our_own_spelling() {
    let fixture = Fixture::new();
    let cases = [
        ("plain\n", "plain\n"),
        ("{{ object.name }}!", "Pump & Co!"),
        ("{{ object.active|default(false) }} {{ 1 == 2 }}", "true false"),
        ("{{ object.size }} {{ object.weight|default(0) }} {{ 3.0 }} {{ 0.1 }} {{ -7 }}", "3 2.5 3 0.1 -7"),
        ("{{ object.bought|default('') }} {{ object.seen }}", "2026-01-31 2026-01-31T09:08:07Z"),
        ("{{ sequence }} {{ event }} {{ operation }} {{ account_id }} {{ app }}", "6291989525132476422 asset_ready update acme assets"),
        ("{{ timestamp }} {{ object.type }} {{ object.id }}", "2026-01-31T10:00:00Z asset a1"),
        ("{{ room.name|default('-') }} {{ object.room_id }} {{ object.photo_id }}", "Boiler r1 p1"),
        ("{{ room.building.name|default('none') }}", "none"),
        ("{{ previous.size|default(0) }} {{ object.path[0].latitude|default(0) }} {{ object.tags[-1]|default('') }}", "1 1 green"),
        ("{# nothing #}a{%- if true %} b {%- endif %}", "a b"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.text(template), expected, "{template}");
    }
}

#[test]
fn operators_and_filters_do_what_they_say() {
    let fixture = Fixture::new();
    let cases = [
        ("{{ 7 // 2 }} {{ (7 % 4)|default(0) }} {{ 7 / 2 }} {{ 2 * 3 - 1 }} {{ 'a' ~ 1 ~ true }}", "3 3 3.5 5 a1true"),
        ("{{ 9223372036854775806 + 1 }} {{ 9223372036854775807 + 1 }}", "9223372036854775807 9.223372036854776e+18"),
        ("{{ (1 / object.size)|round(2)|default(0) }} {{ 2.5|round }} {{ (0 - 3)|abs }}", "0.33 3 3"),
        ("{{ (object.size / (object.size - 3))|default('zero') }}", "zero"),
        ("{{ 'aB cd'|upper }} {{ 'aB cd'|title }} {{ 'aB cd'|capitalize }} {{ ' x '|trim }}", "AB CD Ab Cd Ab cd x"),
        ("{{ 'a-b'|replace('-', '+') }} {{ 'äöü'|length }} {{ 'abcdef'|truncate(3) }} {{ 'abc'|reverse }}", "a+b 3 ab… cba"),
        ("{{ object.tags|default([])|join(', ') }} {{ object.tags|default([])|sort|first|default('') }}", "red, green green"),
        ("{{ [3, 1, 3]|unique|sort|join('') }} {{ 'a,b'|split(',')|last|default('') }}", "13 b"),
        ("{{ parts|map(attribute='name')|join('/') }} {{ parts|length }}", "p1/p2 2"),
        ("{{ '12'|int|default(0) + 1 }} {{ 'x'|int|default(-1) }} {{ '1.5'|float|default(0) }} {{ 2.9|int|default(0) }}", "13 -1 1.5 2"),
        ("{{ object.seen|date('%d.%m.%Y %H:%M') }}", "31.01.2026 09:08"),
        ("{{ object.bought|default(object.seen)|date('%d.%m.') }}", "31.01."),
        ("{{ (object.name if object.size == 4 else object.place).latitude|default('-') }}", "1.5"),
        ("{{ (object.name if object.size == 3 else object.place).latitude|default('-') }}", "-"),
        ("{{ (object if object.size == 3 else object.photo).id|default('-') }}", "a1"),
        ("{{ (room if object.size == 3 else asset).name|default('-') }}", "Boiler"),
        ("{{ 'a b/c'|urlencode }} {{ {'a': [1, none]}|tojson }} {{ \"x\\n\"|tojson }}", "a%20b%2Fc {\"a\":[1,null]} \"x\\n\""),
        (
            "{{ object.name is startingwith('Pump') }} {{ object.size is odd }} {{ object.title is none }} {{ 1 in [1] }}",
            "true true true true",
        ),
        ("{{ object.title is defined }} {{ previous.title is undefined }} {{ room.building.name is undefined }}", "true false true"),
        ("{{ '2026-01-31T00:00:00Z' < '2026-01-31T00:00:00.5Z' }} {{ '2026-01-31T00:00:01Z' > '2026-01-31T00:00:00.5Z' }}", "true true"),
        // Integers are compared exactly, also with a number that a double cannot tell from them.
        ("{{ 9007199254740992 + 1 == 9007199254740992.0 }} {{ 9007199254740992 + 1 > 9007199254740992.0 }}", "false true"),
        ("{{ 9007199254740992.0 < 9007199254740992 + 1 }} {{ -9007199254740992 - 1 < -9007199254740992.0 }}", "true true"),
        ("{{ 9223372036854775806 + 1 == 9223372036854775808.0 }} {{ 9223372036854775806 + 1 < 1e300 }}", "false true"),
        ("{{ 1 + 1 < 2.5 }} {{ -1 - 1 > -2.5 }} {{ -1 - 2 < -2.5 }} {{ 1 + 2 == 3.0 }}", "true true true true"),
        ("{{ 9007199254740993 in [9007199254740992.0] }}", "false"),
        // A number is a double, and so is a literal beside it.
        ("{{ '9007199254740993.0'|float == 9007199254740993 }} {{ '9007199254740992.0'|float >= 9007199254740993 }}", "true true"),
        // What is no canonical time does not turn the order round.
        (
            "{{ '2026-01-31T00:00:00.5+02:00,2026-01-31T00:00:00Z,2026-01-31T00:00:00.4Z'|split(',')|sort|join(' ') }}",
            "2026-01-31T00:00:00Z 2026-01-31T00:00:00.4Z 2026-01-31T00:00:00.5+02:00",
        ),
        (
            "{{ '2026-01-31T00:00:00.4Z,2026-01-31T00:00:00.5+02:00,2026-01-31T00:00:00Z'|split(',')|sort|join(' ') }}",
            "2026-01-31T00:00:00Z 2026-01-31T00:00:00.4Z 2026-01-31T00:00:00.5+02:00",
        ),
        ("{{ ['2026-01-31T00:00:00.5Z', '2026-01-31T00:00:00Z']|sort|first|default('') }} {{ 'a.Z' < 'aZ' }}", "2026-01-31T00:00:00Z true"),
        ("{{ ''|default('x', true) }} {{ 'a' in 'cat' }} {{ not object.tags }}", "x true false"),
        ("{{ object.title or 'none' }} {{ object.name and 'yes' }}", "none yes"),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.text(template), expected, "{template}");
    }
}

#[test]
fn the_last_day_there_is_can_be_formatted() {
    let fixture = Fixture::new().with(&json!({"bought": "9999-12-31"}));
    let format = |format: &str| fixture.text(&format!("{{{{ object.bought|date('{format}')|default('') }}}}"));
    assert_eq!(format("%d.%m.%Y %H:%M:%S %a %j %Z %z"), "31.12.9999 00:00:00 Fri 365 UTC +0000");
    assert_eq!(format("%s"), "253402207200");
    assert_eq!(Fixture::new().with(&json!({"bought": "9999-12-30"})).text("{{ object.bought|default('')|string }}"), "9999-12-30");
}

#[test]
fn loops_and_branches_run() {
    let fixture = Fixture::new();
    let cases = [
        ("{% for t in object.tags %}{{ loop.index }}{{ t }}{{ '' if loop.last else ',' }}{% endfor %}", "1red,2green"),
        ("{% for p in parts if p.price is none %}{{ p.name|default('') }}{{ loop.length }}{% endfor %}", "p21"),
        ("{% for p in parts if p.id == 'x' %}a{% else %}none{% endfor %}", "none"),
        ("{% for p in object.title|default('')|split %}a{% else %}empty{% endfor %}", "empty"),
        ("{% for a in [1, 2] %}{% for b in [3, 4] %}{{ a * b }};{% endfor %}{{ loop.index0 }} {% endfor %}", "3;4;0 6;8;1 "),
        ("{% if object.size > 5 %}a{% elif object.size > 2 %}b{% else %}c{% endif %}", "b"),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.text(template), expected, "{template}");
    }
}

#[test]
fn what_was_warned_of_fails_with_the_value_seen() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.text("{{ object.title }}"), "failed: the value is null, which cannot be printed");
    fixture.previous = false;
    fixture.operation = Operation::Create;
    assert_eq!(fixture.text("{{ previous.id }}"), "failed: the value is undefined, which cannot be printed");
    assert_eq!(fixture.text("{{ changed('name') }}"), "true");
}

#[test]
fn limits_hold() {
    let fixture = Fixture::new().with(&json!({"name": "x".repeat(2000)}));
    let grow = "|replace('x', 'xxxxxxxxxx')".repeat(8);
    assert_eq!(fixture.text(&format!("{{{{ object.name{grow} }}}}")), "failed: the text would be longer than 1048576 bytes");
    let items = vec!["1"; 60].join(",");
    let nest = format!("{{% for a in [{items}] %}}");
    let nested = format!("{}x{}", nest.repeat(3), "{% endfor %}".repeat(3));
    assert_eq!(fixture.text(&nested), format!("failed: the loops take more than {} turns", limits::LOOP_TURNS));
}
