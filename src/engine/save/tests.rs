//! Bodies, and what is said about each mistake in them.

use serde_json::json;

use super::{Change, MAX_BODY_BYTES, Refused, Verb, parse_save};
use crate::check::{Rules, Valid};
use crate::compile::{Input, compile};

const SCHEMA: &str = r#"<data-model>
  <model name="room" label="Room">
    <field name="name" label="Name" type="text"/>
    <has-many model="asset" name="assets"/>
    <display>{name}</display>
  </model>
  <model name="user" label="User"><field name="name" label="Name" type="text"/><display>{name}</display></model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text:name"/>
    <field name="asset_photo" label="Photo" type="photo"/>
    <field name="status" label="Status" type="single-choice">
      <option key="open">Open</option><option key="done">Finished</option>
    </field>
    <field name="size" label="Size" type="integer"/>
    <field name="weight" label="Weight" type="number"/>
    <field name="active" label="Active" type="boolean"/>
    <field name="bought" label="Bought" type="date"/>
    <field name="seen_at" label="Seen" type="datetime"/>
    <field name="place" label="Place" type="location"/>
    <field name="route" label="Route" type="track"/>
    <field name="tags" label="Tags" type="multiple-choice"><option key="a">A</option><option key="b">B</option></field>
    <field name="level" label="Level" type="single-choice-integer"><option>Low</option><option>High</option></field>
    <belongs-to model="user"/>
    <belongs-to model="room"/>
    <display>{name}</display>
  </model>
</data-model>"#;

fn rules() -> Valid<Rules> {
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", SCHEMA.as_bytes().to_vec()));
    compile(input).rules.expect("the schema compiles")
}

/// Each mistake as `kind pointer message | help`.
fn mistakes(verb: Verb<'_>, body: &str) -> Vec<String> {
    mistakes_of("asset", "a1", verb, body)
}

fn mistakes_of(model: &str, id: &str, verb: Verb<'_>, body: &str) -> Vec<String> {
    let read = parse_save(&rules(), model, id, verb, body.as_bytes());
    let text = |Refused { kind, pointer, message, help }: Refused| {
        let help = help.map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{kind} {pointer} {message}{help}")
    };
    read.err().unwrap_or_default().into_iter().map(text).collect()
}

/// The one mistake of a PUT with this body.
fn mistake(body: &str) -> String {
    let [only] = <[String; 1]>::try_from(mistakes(Verb::Put, body)).unwrap();
    only
}

#[test]
fn values_become_canonical() {
    let body = r#"{
        "name": "", "asset_photo": "p1", "status": "done", "size": 3.0, "weight": 2.50, "active": false, "bought": "2026-01-31",
        "seen_at": "2026-01-31T09:30:00.250+02:00", "place": {"latitude": -90, "longitude": 180.0, "altitude": null},
        "route": [{"longitude": 1, "latitude": 2.5, "horizontal_accuracy": 0}], "tags": ["b", "a"], "level": 1,
        "user_id": "u1", "room_id": null, "id": "a1", "type": "asset", "updated_at": 7
    }"#;
    let save = parse_save(&rules(), "asset", "a1", Verb::Put, body.as_bytes()).unwrap();
    let Change::Put(values) = save.change else { panic!("{save:?}") };
    let expected = json!([
        "", {"id": "p1", "state": "pending"}, "done", 3, 2.5, false, "2026-01-31",
        "2026-01-31T07:30:00.25Z", {"latitude": -90, "longitude": 180},
        [{"latitude": 2.5, "longitude": 1, "horizontal_accuracy": 0}], ["b", "a"], 1, "u1", null
    ]);
    assert_eq!(json!(values), expected);
}

#[test]
fn integers_are_exact_to_both_ends() {
    for size in [i64::MIN, i64::MAX, 9_007_199_254_740_993] {
        let save = parse_save(&rules(), "asset", "a", Verb::Patch, format!(r#"{{"size":{size}}}"#).as_bytes()).unwrap();
        assert!(matches!(save.change, Change::Patch(changes) if changes[0].1 == size));
    }
    let range = "expected an integer between -9223372036854775808 and 9223372036854775807";
    assert_eq!(mistake(r#"{"size":9223372036854775808}"#), format!("out-of-range /size `size` is 9223372036854775808, {range}"));
    assert_eq!(mistake(r#"{"size":1e300}"#), format!("out-of-range /size `size` is 1e+300, {range}"));
    let digits = "expected an integer in digits alone, which are exact";
    assert_eq!(mistake(r#"{"size":9007199254740993.0}"#), format!("wrong-type /size `size` is 9007199254740992.0, {digits}"));
    assert_eq!(mistake(r#"{"size":1.5}"#), "wrong-type /size `size` is 1.5, expected an integer, without a fraction");
}

#[test]
fn every_mistake_of_a_body_is_reported_at_its_place() {
    let body = r#"{"nmae":"x","name":1,"size":"large","weight":"1","active":"yes","bought":"2026-02-30","seen_at":"2026-01-31T09:30:00",
        "place":{"latitude":91,"longitude":0,"altitud":1},"route":[{"latitude":1,"longitude":2},{"latitude":1}],"tags":["a","c","a"],
        "level":"High","status":"Finished","asset_photo":{"id":"p","state":"done","original":"photo.jpg"},"user":"u1","room_id":7,
        "id":"a2","type":"room"}"#;
    let expected = [
        "unknown-field /nmae `nmae` is not a field of `asset` | did you mean `name`?",
        "wrong-type /name `name` is 1, expected a string",
        "wrong-type /size `size` is \"large\", expected an integer",
        "wrong-type /weight `weight` is \"1\", expected a number",
        "wrong-type /active `active` is \"yes\", expected `true` or `false`",
        "invalid-value /bought `bought` is \"2026-02-30\", expected a date such as `2026-01-31`",
        "invalid-value /seen_at `seen_at` is \"2026-01-31T09:30:00\", expected a date and time with offset such as `2026-01-31T09:30:00Z`",
        "unknown-key /place/altitud `place.altitud` is not known, expected `latitude`, `longitude`, `altitude`, `horizontal_accuracy` or \
         `vertical_accuracy` in a location | did you mean `altitude`?",
        "out-of-range /place/latitude `place.latitude` is 91, expected a number from -90 to 90",
        "missing-key /route/1 `route[1]` has no `longitude`, expected a location: an object with `latitude` and `longitude`",
        "unknown-option /tags/1 `tags[1]` is \"c\", expected `a` or `b`",
        "unknown-option /level `level` is \"High\", expected `0` or `1` | did you mean `1`?",
        "unknown-option /status `status` is \"Finished\", expected `open` or `done` | did you mean `done`?",
        "invalid-value /asset_photo/original `asset_photo.original` is \"photo.jpg\", expected an absolute URL",
        "invalid-value /asset_photo/state `asset_photo.state` is \"done\", expected `pending` or `uploaded`",
        "unknown-field /user `user` is not a field of `asset` | a relation is given by its id, as `user_id`",
        "wrong-type /room_id `room_id` is 7, expected the id of a `room` or null",
        "id-mismatch /id `id` is \"a2\", expected `a1` as in the request",
        "type-mismatch /type `type` is \"room\", expected `asset` as in the request",
    ];
    assert_eq!(mistakes(Verb::Put, body), expected);
}

#[test]
fn a_key_that_stands_twice_is_refused_at_any_depth() {
    assert_eq!(mistake(r#"{"name":"x","name":"x"}"#), "duplicate-key /name `name` stands more than once, expected one value");
    assert_eq!(
        mistake(r#"{"asset_photo":{"id":"p","id":"q"}}"#),
        "duplicate-key /asset_photo/id `asset_photo.id` stands more than once, expected one value"
    );
    assert_eq!(mistake(r#"{"tags":["a","a"]}"#), "duplicate-option /tags/1 `tags[1]` is \"a\" again, expected each key once");
}

#[test]
fn what_is_not_an_object_is_named() {
    assert_eq!(mistake(""), "invalid-json  the body is empty, expected a JSON object");
    assert_eq!(mistake("[]"), "wrong-type  the body is a list, expected a JSON object");
    assert_eq!(mistake("nope"), "invalid-json  the body is `nope`, expected a JSON object");
    assert_eq!(mistake(r#"{"name":}"#), "invalid-json  the body is not JSON: expected value at line 1 column 9");
    assert_eq!(mistake(r#"{"name":"x"} {}"#), "invalid-json  the body is not JSON: trailing characters at line 1 column 14");
    let deep = format!(r#"{{"name":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(mistake(&deep), "invalid-json  the body is not JSON: recursion limit exceeded at line 1 column 135");
}

#[test]
fn names_and_ids_are_checked() {
    let unknown = mistakes_of("aset", "a", Verb::Put, "{}");
    assert_eq!(unknown, ["unknown-model  `aset` is not a model of the data model | did you mean `asset`?"]);
    let id = |id: &str| mistakes_of("asset", id, Verb::Delete, "").concat();
    assert_eq!(id(""), "invalid-id  the object's id is empty, expected 1 to 255 characters");
    assert_eq!(id("a/b"), "invalid-id  the object's id `a/b` contains `/`, expected an id without it");
    assert_eq!(id("a\nb"), "invalid-id  the object's id `a\\nb` contains a control character, expected an id without one");
    assert!(id(&"x".repeat(256)).ends_with("has 256 characters, expected at most 255"));
    assert_eq!(id(&"ü".repeat(255)), "");
    let has_many = mistakes_of("room", "r", Verb::Put, r#"{"assets":[]}"#);
    let help = "`assets` is a has-many; save the `asset` objects that point here";
    assert_eq!(has_many, [format!("unknown-field /assets `assets` is not a field of `room` | {help}")]);
    assert_eq!(mistake(r#"{"user_id":""}"#), "invalid-id /user_id `user_id` is empty, expected 1 to 255 characters");
}

#[test]
fn an_upload_names_an_attachment() {
    assert_eq!(mistakes(Verb::Upload("asset_photo"), r#"{"original":"https://x/o"}"#), [""; 0]);
    assert_eq!(
        mistakes(Verb::Upload("asset_foto"), "{}"),
        ["unknown-field  `asset_foto` is not an attachment of `asset`, expected `asset_photo` | did you mean `asset_photo`?"]
    );
    assert_eq!(
        mistakes(Verb::Upload("asset_photo"), r#"{"state":"gone"}"#),
        ["invalid-value /state `state` is \"gone\", expected `pending` or `uploaded`"]
    );
    assert_eq!(
        mistakes_of("user", "u", Verb::Upload("photo"), ""),
        ["unknown-field  `photo` is not an attachment of `user`, which has none"]
    );
}

#[test]
fn large_and_hostile_bodies_are_bounded() {
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(MAX_BODY_BYTES));
    assert_eq!(mistake(&large), format!("too-large  the body has {} bytes, expected at most 1048576", large.len()));
    let many: Vec<String> = (0..50_000).map(|n| format!(r#""k{n}":1"#)).collect();
    assert_eq!(mistakes(Verb::Put, &format!("{{{}}}", many.join(","))).len(), 100);
    let list = format!(r#"{{"tags":[{}"c"]}}"#, r#""c","#.repeat(100_000));
    assert_eq!(mistakes(Verb::Put, &list).len(), 100);
}
