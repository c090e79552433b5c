//! What the checker says, by the text that it underlines; and what it is silent about.

use super::fixture::Fixture;
use crate::program::Operations;

fn check_all(fixture: &Fixture, cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(fixture.check(template).join("; "), *expected, "{template}");
    }
}

#[test]
fn names_are_resolved() {
    check_all(
        &Fixture::new(),
        &[
            ("{{ object.name }}{{ asset.name }}{{ room.id }}{{ object.room.id }}", ""),
            ("{{ object.id }}{{ object.type }}{{ object.updated_at }}{{ object.room_id }}{{ object.photo_id }}", ""),
            ("{{ operation }}{{ event }}{{ sequence }}{{ app }}{{ account_id }}{{ server }}{{ timestamp }}", ""),
            ("{{ vars.base_url }}", ""),
            ("{{ object.nmae }}", "WH0402 nmae"),
            ("{{ objct.name }}", "WH0402 objct"),
            ("{{ name }}", "WH0402 name"),
            ("{{ object.name.x }}", "WH0402 x"),
            ("{{ object.photo.width }}", "WH0402 width"),
            ("{{ object.place.lat }}", "WH0402 lat"),
            ("{{ object.size_id }}", "WH0402 size_id"),
            ("{{ owner.name }}", "WH0405 owner"),
            ("{{ object.owner.name }}", "WH0405 owner"),
            ("{{ room.building.building.name }}", "WH0405 building"),
            ("{{ previous.room.name }}", "WH0405 room"),
            ("{{ object['name'] }}", ""),
            ("{{ vars.bas_url }}", "WH0508 vars.bas_url"),
            ("{{ secret.token }}", "WH0507 secret.token"),
            ("{{ object.name|uper }}", "WH0403 uper"),
            ("{{ object.name|string|defined }}", "WH0403 defined"),
            ("{{ object.name is definde }}", "WH0404 definde"),
            ("{{ now() }}", "WH0404 now"),
            ("{{ object.name.upper() }}", "WH0404 upper"),
            ("{{ changed('nmae') }}", "WH0402 'nmae'"),
            ("{{ changed('room_id') and changed('photo_id') and changed('room') }}", ""),
            ("{{ changed() }}", "WH0406 changed()"),
            ("{{ loop.index }}", "WH0402 loop"),
            ("{% for t in object.tags %}{{ loop.index }}{{ loop.last }}{{ t }}{% endfor %}{{ t }}", "WH0402 t"),
        ],
    );
}

#[test]
fn a_value_that_may_be_missing_is_a_warning_and_one_that_is_an_error() {
    check_all(
        &Fixture::new(),
        &[
            ("{{ object.name }} {{ object.size }}", ""),
            ("{{ object.title }}", "warning WH0407 object.title"),
            ("{{ object.title|upper }}", "warning WH0407 object.title|upper"),
            ("{{ object.title ~ 'x' }}", "warning WH0407 object.title ~ 'x'"),
            ("{{ object.count + 1 }}", "warning WH0407 object.count + 1"),
            ("{{ object.size / object.size }}", "warning WH0407 object.size / object.size"),
            ("{{ object.size / 2 }}", ""),
            ("{{ object.photo.id }} {{ object.photo.state }}", ""),
            ("{{ object.photo.original }}", "warning WH0407 object.photo.original"),
            ("{{ room.name }}", "warning WH0407 room.name"),
            ("{{ room.building.id }}", "warning WH0407 room.building.id"),
            ("{{ previous.name }}", "warning WH0407 previous.name"),
            ("{{ object.tags[0] }}", "warning WH0407 object.tags[0]"),
            ("{{ 'a' if object.active }}", "warning WH0407 'a' if object.active"),
            ("{{ none }}", "WH0408 none"),
            ("{{ none|upper }}", "WH0408 none|upper"),
            ("{{ object.title|default('-') }}", ""),
            ("{{ object.title|default(object.note) }}", "warning WH0407 object.title|default(object.note)"),
            ("{{ object.title or object.name }}", ""),
            ("{{ object.place.altitude }}", "warning WH0407 object.place.altitude"),
        ],
    );
}

#[test]
fn branches_know_what_their_condition_says() {
    check_all(
        &Fixture::new(),
        &[
            ("{% if object.title %}{{ object.title }}{% endif %}", ""),
            ("{% if object.title %}{% else %}{{ object.title }}{% endif %}", "warning WH0407 object.title"),
            ("{% if object.title is none %}{{ object.title }}{% else %}{{ object.title }}{% endif %}", "WH0408 object.title"),
            ("{% if object.title != none %}{{ object.title }}{% endif %}", ""),
            ("{% if not object.title == none %}{{ object.title }}{% endif %}", ""),
            ("{% if object.title is not none and object.count %}{{ object.title ~ object.count }}{% endif %}", ""),
            ("{% if object.title or object.count %}{{ object.title }}{% endif %}", "warning WH0407 object.title"),
            ("{% if not object.title or not object.count %}{% else %}{{ object.title ~ object.count }}{% endif %}", ""),
            ("{% if object.title == 'a' or object.title == 'b' %}{{ object.title }}{% endif %}", ""),
            ("{% if object.title %}a{% elif object.count %}{{ object.count }}{% endif %}", ""),
            ("{% if object.count > 3 %}{{ object.count }}{% endif %}", ""),
            ("{% if object.title in ['a'] %}{{ object.title }}{% endif %}", "warning WH0407 object.title"),
            ("{{ object.title if object.title else '-' }}", ""),
            ("{{ object.title and object.title|upper or '' }}", ""),
            ("{% if previous is defined %}{{ previous.id }}{% endif %}", ""),
            ("{% if previous.title %}{{ previous.title }}{{ previous.id }}{% endif %}", ""),
            ("{% if operation == 'update' %}{{ previous.id }}{% endif %}", ""),
            ("{% if operation != 'create' %}{{ previous.id }}{% endif %}", ""),
            ("{% if operation == 'create' %}{{ previous.id }}{% endif %}", "WH0408 previous.id"),
            ("{% if room.building %}{{ room.building.id }}{% endif %}", ""),
            ("{% if room.building.name %}{{ room.building.id }}{% endif %}", ""),
            ("{% for part in parts %}{{ part.id }}{{ part.price }}{% endfor %}", "warning WH0407 part.price"),
            ("{% for part in parts if part.price %}{{ part.price }}{% endfor %}", ""),
            ("{% for part in parts if part.price %}x{% else %}{{ object.title }}{% endfor %}", "warning WH0407 object.title"),
            ("{% if object.title is string %}{{ object.title }}{% endif %}", ""),
            ("{% if object.place.altitude is defined %}{{ object.place.altitude }}{% endif %}", ""),
            ("{% if object.place.altitude is undefined %}{{ object.place.altitude }}{% endif %}", "WH0408 object.place.altitude"),
            ("{% if object.photo.thumbnail is undefined %}{{ object.photo.thumbnail }}{% endif %}", "WH0408 object.photo.thumbnail"),
        ],
    );
}

#[test]
fn previous_depends_on_the_operations_of_the_webhook() {
    let mut fixture = Fixture::new();
    let on = |create, update, delete| Operations { create, update, delete };
    fixture.webhook().operations = on(true, false, false);
    check_all(
        &fixture,
        &[
            ("{{ previous.name }}", "WH0408 previous.name"),
            ("{{ previous.name|default('-') }}", ""),
            ("{% if previous is defined %}{{ previous.name }}{% endif %}", ""),
        ],
    );
    fixture.webhook().operations = on(false, true, false);
    check_all(&fixture, &[("{{ previous.id }}", ""), ("{{ previous.name }}", "warning WH0407 previous.name")]);
}

#[test]
fn operations_on_the_wrong_type_are_errors() {
    check_all(
        &Fixture::new(),
        &[
            ("{{ object.tags }}", "WH0406 object.tags"),
            ("{{ object }}", "WH0406 object"),
            ("{{ object.place }}", "WH0406 object.place"),
            ("{{ room }}", "WH0406 room"),
            ("{{ [1] if object.active else 'x' }}", "WH0406 [1] if object.active else 'x'"),
            ("{{ object.tags|upper }}", "WH0406 object.tags"),
            ("{{ object.name|round }}", "WH0406 object.name"),
            ("{{ object.name + 'x' }}", "WH0406 object.name; WH0406 'x'"),
            ("{{ 1 / 0 }}", "WH0406 0"),
            ("{{ object.size == 'x' }}", "WH0406 'x'"),
            ("{{ object.size == 1.5 }}", ""),
            ("{{ object.status == 'opne' }}", "WH0406 'opne'"),
            ("{{ 'open' != object.status }}", ""),
            ("{{ 'opne' in object.tags }}", "WH0406 'opne'"),
            ("{{ object.level == 2 }}", "WH0406 2"),
            ("{{ operation == 'created' }}", "WH0406 'created'"),
            ("{{ object.active > 1 }}", "WH0406 object.active"),
            ("{{ object.name > 1 }}", "WH0406 1"),
            ("{{ object.bought < '2026-01-01' }}{{ object.seen > '2026-01' }}{{ '' < object.seen }}", ""),
            ("{{ object.seen > '2026-01-31T00:00:00Z' }}{{ object.seen > '2026-01-31T00:00:00.5Z' }}{{ object.seen > '2026-01-31' }}", ""),
            ("{{ object.seen > '2026-01-31T02:00:00+02:00' }}", "WH0406 '2026-01-31T02:00:00+02:00'"),
            ("{{ '2026-01-31T02:00Z' <= object.seen }}", "WH0406 '2026-01-31T02:00Z'"),
            ("{{ object.bought < '2026-1-31' }}", "WH0406 '2026-1-31'"),
            ("{{ object.bought >= '31.01.2026' }}", "WH0406 '31.01.2026'"),
            ("{{ object.bought == '2026-01-31' }}{{ '2026-01-31T00:00:00Z' != object.seen }}", ""),
            ("{{ object.bought == '2026-1-31' }}", "WH0406 '2026-1-31'"),
            ("{{ '31.01.2026' != object.bought }}", "WH0406 '31.01.2026'"),
            ("{{ object.seen == '2026-01-31T02:00:00+02:00' }}", "WH0406 '2026-01-31T02:00:00+02:00'"),
            ("{{ object.seen == '2026-01-31' }}", "WH0406 '2026-01-31'"),
            ("{{ object.bought|default('') == '' }}", ""),
            ("{% for x in object.name %}{% endfor %}", "WH0406 object.name"),
            ("{{ object.name|replace('a') }}", "WH0406 replace"),
            ("{{ object.name|upper('a') }}", "WH0406 'a'"),
            ("{{ object.name|replace(1, 'b') }}", "WH0406 1"),
            ("{{ parts|join }}", "WH0406 parts"),
            ("{{ parts|map(attribute='name')|join(', ') }}", ""),
            ("{{ parts|map(attribute='nme')|join(', ') }}", "WH0402 'nme'"),
            ("{{ parts|map(attribute='price_id')|join(', ') }}", "WH0402 'price_id'"),
            ("{{ object.seen|date('%Y') }}", ""),
            ("{{ object.bought|default(object.seen)|date('%Y') }}", ""),
            ("{{ object.bought|default('x')|date('%Y') }}", "WH0406 object.bought|default('x')"),
            ("{{ object.seen|date('%!') }}", "WH0406 '%!'"),
            ("{{ object.name|date('%Y') }}", "WH0406 object.name"),
            ("{{ -object.name }}", "WH0406 object.name"),
            ("{{ vars }}", "WH0406 vars"),
        ],
    );
}

#[test]
fn help_says_what_to_do() {
    let fixture = Fixture::new();
    let cases = [
        ("{{ object.nmae }}", "model `asset` has no field `nmae` · did you mean `name`?"),
        (
            "{{ owner.name }}",
            "relation `owner` of model `asset` is not embedded by the webhook · add `<field name=\"owner\"/>` to the webhook `asset_ready`; without it only the id is there, `owner_id`",
        ),
        (
            "{{ object.title }}",
            "`object.title` may be null here, which cannot be printed · give a default: `{{ object.title|default('') }}`, or add `<field name=\"title\"/>` to the webhook",
        ),
        ("{{ object.status == 'opne' }}", "`opne` is not a key of the choice it is compared with · did you mean `open`?"),
        ("{{ object.name|uper }}", "unknown filter `uper` · did you mean `upper`?"),
        ("{{ name }}", "unknown variable `name` · fields are read through `object`: `object.name`"),
        (
            "{{ object.seen == '2026-01-31T02:00:00+02:00' }}",
            "`2026-01-31T02:00:00+02:00` is never equal to what it is compared with, expected a time in UTC such as `2026-01-31T09:30:00Z` · did you mean `2026-01-31T00:00:00Z`?",
        ),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.messages(template).join("; "), expected, "{template}");
    }
}

#[test]
fn a_when_is_true_or_false() {
    let fixture = Fixture::new();
    let cases = [
        ("object.size > 2", "true"),
        ("object.active and object.status == 'open'", "true"),
        ("object.count > 2", "false"),
        ("changed('size')", "true"),
        ("changed('name')", "false"),
        ("object.name", "WH0406 object.name"),
        ("object.size + 1", "WH0406 object.size + 1"),
        ("{{ object.active }}", "WH0401 {{ object.active }}"),
        ("object.", "WH0401 ."),
        ("secret.token == 'x'", "WH0507 secret.token"),
        ("", "WH0401 "),
    ];
    for (template, expected) in cases {
        assert_eq!(fixture.when(template), expected, "{template}");
    }
}
