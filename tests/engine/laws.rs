//! Laws that hold for any sequence of saves.

use std::collections::BTreeMap;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use webhookc::engine::{Outcome, Verb, parse_save, write_trace};
use webhookc::program::WebhookType;

use crate::schema;
use crate::world::World;

fn world() -> World {
    World::new(&schema("laws"))
}

/// Values of `asset` fields, most of them right.
fn fields() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        any::<Option<i64>>().prop_map(|size| format!(r#""size":{}"#, size.map_or("null".to_owned(), |size| size.to_string()))),
        any::<f64>().prop_filter("JSON has no infinity", |weight| weight.is_finite()).prop_map(|weight| format!(r#""weight":{weight:?}"#)),
        "[a-z\u{20ac} ]{0,8}".prop_map(|name| format!(r#""name":"{name}""#)),
        prop_oneof![Just("\"open\""), Just("\"done\""), Just("null"), Just("\"shut\"")].prop_map(|key| format!(r#""status":{key}"#)),
        prop_oneof![Just("\"u1\""), Just("\"u2\""), Just("null")].prop_map(|id| format!(r#""user_id":{id}"#)),
        prop_oneof![Just("\"r1\""), Just("null")].prop_map(|id| format!(r#""room_id":{id}"#)),
        prop_oneof![Just("\"p1\""), Just(r#"{"id":"p1","state":"uploaded"}"#), Just("null")]
            .prop_map(|it| format!(r#""asset_photo":{it}"#)),
        (-95.0..95.0_f64, any::<bool>())
            .prop_map(|(latitude, far)| format!(r#""place":{{"latitude":{latitude},"longitude":{}}}"#, if far { 179.5 } else { 0.0 })),
        (0..30_i64).prop_map(|hour| format!(r#""seen_at":"2026-01-31T{hour:02}:30:00+02:00""#)),
    ];
    proptest::collection::vec(field, 0..5).prop_map(|fields| format!("{{{}}}", fields.join(",")))
}

fn saves() -> impl Strategy<Value = (&'static str, &'static str, String)> {
    let asset = prop_oneof![Just("asset/a1"), Just("asset/a2")];
    let related = prop_oneof![
        Just(("user/u1", "{}")),
        Just(("user/u2", r#"{"name":"Ann"}"#)),
        Just(("room/r1", r#"{"building_id":"b1"}"#)),
        Just(("building/b1", "{}")),
    ];
    prop_oneof![
        4 => (prop_oneof![Just("PUT"), Just("PATCH")], asset.clone(), fields()),
        1 => (Just("PUT"), prop_oneof![Just("asset/a1/asset_photo"), Just("asset/a2/asset_photo")], Just("{}".to_owned())),
        2 => (prop_oneof![3 => Just("PUT"), 1 => Just("DELETE")], related).prop_map(|(verb, (object, body))| (verb, object, body.to_owned())),
        1 => (Just("DELETE"), asset, Just(String::new())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_sequence_of_saves_fires_ready_once_and_keeps_waits_only_for_what_is_missing(
        saves in proptest::collection::vec(saves(), 1..40)
    ) {
        let mut world = world();
        let mut ready: BTreeMap<_, usize> = BTreeMap::new();
        for (verb, object, body) in &saves {
            // The in-memory store asserts that no mark is made twice, that the stored form is whole and that questions end.
            let Ok(outcome) = world.save(verb, object, body) else { continue };
            for firing in &outcome.firings {
                let body: serde_json::Value = serde_json::from_slice(&firing.payload).expect("a payload is JSON");
                assert_eq!(body["object"]["id"], *firing.object);
                if world.rules.program.webhook(firing.webhook).kind == WebhookType::Ready {
                    *ready.entry((firing.webhook, firing.object.clone())).or_default() += 1;
                }
            }
            for (wait, model, id) in world.waits.values() {
                assert!(world.object(*model, id).is_none(), "{wait:?} waits for {id}, which exists");
                assert!(world.object(world.model("asset"), &wait.object).is_some(), "{wait:?} is of an object that is gone");
            }
        }
        assert!(ready.values().all(|&fired| fired == 1), "{ready:?}");
    }

    #[test]
    fn evaluation_is_deterministic_and_a_patch_of_nothing_changes_nothing(saves in proptest::collection::vec(saves(), 1..10)) {
        let mut world = world();
        for (verb, object, body) in &saves {
            let _stored = world.save(verb, object, body);
        }
        let Some(before) = world.object(world.model("asset"), "a1") else { return Ok(()) };
        let save = parse_save(&world.rules, "asset", "a1", Verb::Patch, b"{}").unwrap();
        let one = world.evaluate(&save).unwrap();
        let two = world.evaluate(&save).unwrap();
        let trace = |outcome: &Outcome| write_trace(&world.rules.program, (save.model, &save.id), &outcome.decided.decisions(&world.rules));
        assert_eq!(trace(&one), trace(&two));
        assert!(one.firings.iter().zip(&two.firings).all(|(one, two)| one.payload == two.payload));
        assert_eq!(one.object.as_ref().unwrap().values, before.values);
    }

    #[test]
    fn what_is_read_back_from_an_object_saves_as_the_same_object(body in fields()) {
        let mut world = world();
        if world.save("PUT", "asset/a1", &body).is_ok() {
            let first = world.object(world.model("asset"), "a1").unwrap();
            let stored = first.to_stored(&world.rules.program);
            world.save("PUT", "asset/a1", &stored).unwrap();
            assert_eq!(world.object(world.model("asset"), "a1").unwrap(), first);
        }
    }

    #[test]
    fn no_body_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), id in ".{0,20}", at in 0..200_usize) {
        let rules = world().rules;
        for verb in [Verb::Put, Verb::Patch, Verb::Upload("asset_photo"), Verb::Upload("name"), Verb::Delete] {
            if let Err(mistakes) = parse_save(&rules, "asset", &id, verb, &bytes) {
                assert!(!mistakes.is_empty());
            }
        }
        let whole = br#"{"name":"x","place":{"latitude":1,"longitude":2},"tags":["a"],"asset_photo":{"id":"p"},"user_id":"u"}"#;
        let read = parse_save(&rules, "asset", "a", Verb::Put, &whole[..at.min(whole.len())]);
        assert_eq!(read.is_err(), at < whole.len(), "{read:?}");
    }
}
