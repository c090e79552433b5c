//! Evaluation, save by save: what is decided, what is asked, what is sent.

use serde_json::Value;

use super::fixture::{ASSET, ROOM, USER, World, asset_done, asset_ready, in_building, room_assets, webhook, with_user};
use super::{Read, read_trace, write_trace};
use crate::ids::WebhookId;
use crate::program::{Operations, WebhookType};

/// Saves one after the other; each with the lines that must come of it.
fn told(world: &mut World, steps: &[(&str, &str, &str, &str)]) {
    for (number, (verb, object, body, expected)) in steps.iter().enumerate() {
        assert_eq!(world.told(verb, object, body), *expected, "step {number}: {verb} {object} {body}");
    }
}

fn payload(world: &mut World, verb: &str, object: &str, body: &str) -> String {
    let outcome = world.save(verb, object, body).unwrap();
    String::from_utf8(outcome.firings[0].payload.to_vec()).unwrap()
}

#[test]
fn the_asset_of_the_seed_is_ready_once() {
    let mut world = World::new(vec![asset_ready()]);
    told(
        &mut world,
        &[
            ("PUT", "asset/a1", "{}", "asset/a1 asset_ready ✘ asset_photo is null, needs uploaded"),
            ("PATCH", "asset/a1", r#"{"asset_photo":"p1"}"#, "asset/a1 asset_ready ✘ asset_photo is present, needs uploaded"),
            ("PUT", "asset/a1/asset_photo", "", "asset/a1 asset_ready ✘ user is null, needs a value"),
            ("PATCH", "asset/a1", r#"{"user_id":"u1"}"#, "asset/a1 asset_ready ✔"),
            ("PATCH", "asset/a1", "{}", "asset/a1 asset_ready ✘ has fired for this object before"),
            ("DELETE", "asset/a1", "", "asset/a1 asset_ready ✘ operation is delete, needs create or update"),
            (
                "PUT",
                "asset/a1",
                r#"{"asset_photo":{"id":"p1","state":"uploaded"},"user_id":"u1"}"#,
                "asset/a1 asset_ready ✘ has fired for this object before",
            ),
        ],
    );
}

#[test]
fn a_webhook_without_subscriber_does_not_fire_and_is_not_used_up() {
    let mut world = World::new(vec![webhook("asset_ready", WebhookType::Ready)]);
    let subscriptions = std::mem::take(&mut world.rules.subscriptions);
    assert_eq!(world.told("PUT", "asset/a1", "{}"), "asset/a1 asset_ready ✘ no endpoint subscribes");
    world.rules.subscriptions = subscriptions;
    assert_eq!(world.told("PATCH", "asset/a1", "{}"), "asset/a1 asset_ready ✔");
}

#[test]
fn values_and_changes_are_conditions() {
    let mut world = World::new(vec![asset_done()]);
    told(
        &mut world,
        &[
            ("PUT", "asset/a1", r#"{"status":"open"}"#, r#"asset/a1 asset_done ✘ status is "open", needs "done""#),
            ("PATCH", "asset/a1", r#"{"status":"done"}"#, "asset/a1 asset_done ✔"),
            ("PATCH", "asset/a1", r#"{"name":"x"}"#, "asset/a1 asset_done ✘ status is unchanged, needs changed"),
            ("PUT", "asset/a2", r#"{"status":"done"}"#, "asset/a2 asset_done ✔"),
        ],
    );
}

#[test]
fn an_update_webhook_fires_on_every_save_also_one_that_changes_nothing() {
    let mut world = World::new(vec![webhook("asset_update", WebhookType::Update)]);
    told(
        &mut world,
        &[
            ("PUT", "asset/a1", r#"{"name":"x"}"#, "asset/a1 asset_update ✔"),
            ("PUT", "asset/a1", r#"{"name":"x"}"#, "asset/a1 asset_update ✔"),
            ("PATCH", "asset/a1", "{}", "asset/a1 asset_update ✔"),
        ],
    );
}

#[test]
fn a_delete_tells_the_last_state() {
    let operations = Operations { create: false, update: false, delete: true };
    let mut world = World::new(vec![super::fixture::webhook("gone", WebhookType::Update)]);
    world.rules.program.webhooks[0].operations = operations;
    assert_eq!(world.told("PUT", "asset/a1", r#"{"name":"x"}"#), "asset/a1 gone ✘ operation is create, needs delete");
    let body: Value = serde_json::from_str(&payload(&mut world, "DELETE", "asset/a1", "")).unwrap();
    assert_eq!((&body["operation"], &body["object"]["name"]), (&Value::from("delete"), &Value::from("x")));
    assert!(world.told("DELETE", "asset/a1", "").starts_with("no-such-object  there is no `asset` with the id `a1`"));
}

#[test]
fn a_webhook_waits_for_the_object_it_embeds() {
    for kind in [WebhookType::Ready, WebhookType::Update] {
        let mut world = World::new(vec![with_user(kind)]);
        told(
            &mut world,
            &[
                ("PUT", "asset/a1", "{}", "asset/a1 with_user ✘ user is null, needs a value"),
                ("PATCH", "asset/a1", r#"{"user_id":"u1"}"#, "asset/a1 with_user ✘ waits for user `u1`"),
                ("PATCH", "asset/a1", r#"{"name":"later"}"#, "asset/a1 with_user ✘ waits for user `u1`"),
                ("PUT", "user/u2", "{}", ""),
            ],
        );
        let body: Value = serde_json::from_str(&payload(&mut world, "PUT", "user/u1", r#"{"name":"Ann"}"#)).unwrap();
        assert_eq!(body["operation"], "update");
        assert_eq!(body["object"]["name"], "later");
        assert_eq!(body["object"]["user"]["name"], "Ann");
        assert!(world.waits.is_empty(), "{:?}", world.waits);
        assert_eq!(world.told("PUT", "user/u1", "{}"), "");
    }
}

#[test]
fn a_wait_ends_when_its_conditions_fail_or_its_object_goes() {
    let mut world = World::new(vec![with_user(WebhookType::Update)]);
    let waiting = "asset/a1 with_user ✘ waits for user `u1`";
    told(&mut world, &[("PUT", "asset/a1", r#"{"user_id":"u1"}"#, waiting)]);
    told(&mut world, &[("PUT", "asset/a1", "{}", "asset/a1 with_user ✘ user is null, needs a value")]);
    assert!(world.waits.is_empty());
    told(&mut world, &[("PUT", "asset/a1", r#"{"user_id":"u1"}"#, waiting)]);
    world.save("DELETE", "asset/a1", "").unwrap();
    assert!(world.waits.is_empty());
    told(&mut world, &[("PUT", "user/u1", "{}", "")]);
}

#[test]
fn a_change_that_waits_is_not_lost_to_a_save_that_changes_something_else() {
    let mut webhook = with_user(WebhookType::Update);
    webhook.conditions.extend(asset_done().conditions);
    let mut world = World::new(vec![webhook]);
    told(
        &mut world,
        &[
            ("PUT", "asset/a1", r#"{"user_id":"u1","status":"done"}"#, "asset/a1 with_user ✘ waits for user `u1`"),
            ("PATCH", "asset/a1", r#"{"name":"x"}"#, "asset/a1 with_user ✘ status is unchanged, needs changed"),
            ("PUT", "user/u1", "{}", "asset/a1 with_user ✔"),
        ],
    );
}

#[test]
fn a_wait_goes_along_the_path_one_object_after_the_other() {
    let mut world = World::new(vec![in_building()]);
    told(
        &mut world,
        &[
            ("PUT", "asset/a1", "{}", "asset/a1 in_building ✘ room.building is null, needs a value"),
            ("PUT", "asset/a1", r#"{"room_id":"r1"}"#, "asset/a1 in_building ✘ waits for room `r1`"),
            ("PUT", "room/r1", r#"{"building_id":"b1"}"#, "asset/a1 in_building ✘ waits for building `b1`"),
            ("PUT", "building/b1", r#"{"name":"HQ"}"#, "asset/a1 in_building ✔"),
            ("PUT", "room/r2", "{}", ""),
            ("PUT", "asset/a1", r#"{"room_id":"r2"}"#, "asset/a1 in_building ✘ room.building is null, needs a value"),
        ],
    );
}

#[test]
fn a_has_many_embeds_a_limited_list_ordered_by_id() {
    let mut world = World::new(vec![room_assets()]);
    for id in ["c", "a", "b"] {
        world.save("PUT", &format!("asset/{id}"), r#"{"room_id":"r1"}"#).unwrap();
    }
    let body: Value = serde_json::from_str(&payload(&mut world, "PUT", "room/r1", "{}")).unwrap();
    let ids: Vec<_> = body["object"]["assets"].as_array().unwrap().iter().map(|asset| asset["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn only_what_is_needed_is_asked_and_together() {
    let object = |model, id: &str| Read::Object(model, id.into());
    let mut world = World::new(vec![asset_ready(), with_user(WebhookType::Update), in_building(), asset_done()]);
    world.save("PUT", "asset/a1", "{}").unwrap();
    assert_eq!(world.asked, [vec![object(ASSET, "a1")]]);
    world.save("PATCH", "asset/a1", r#"{"user_id":"u1","room_id":"r1","asset_photo":{"id":"p","state":"uploaded"}}"#).unwrap();
    let ready = Read::Ready(WebhookId(0), "a1".into());
    assert_eq!(world.asked, [vec![object(ASSET, "a1")], vec![ready, object(USER, "u1"), object(ROOM, "r1")]]);
    world.save("PUT", "user/u9", "{}").unwrap();
    assert_eq!(world.asked, [vec![object(USER, "u9"), Read::Waiting(USER, "u9".into())]]);
}

#[test]
fn the_payload_has_the_keys_and_the_shape_of_the_seed() {
    let mut world = World::new(vec![webhook("external_webhook_name", WebhookType::Update)]);
    let body = r#"{"name":"Sample Resource","asset_photo":{"id":"5b53","state":"uploaded","original":"https://run.example.com/o.png"},
        "place":{"latitude":1.5,"longitude":-2},"user_id":"u1","weight":2.50,"size":9007199254740993}"#;
    let expected = concat!(
        r#"{"account_id":"default","app":"webhookc","event":"external_webhook_name","object":{"active":null,"#,
        r#""asset_photo":{"fullscreen":null,"original":"https://run.example.com/o.png","state":"uploaded","thumbnail":null},"#,
        r#""asset_photo_id":"5b53","bought":null,"id":"a1","level":null,"name":"Sample Resource","#,
        r#""place":{"altitude":null,"horizontal_accuracy":null,"latitude":1.5,"longitude":-2,"vertical_accuracy":null},"#,
        r#""room_id":null,"route":null,"seen_at":null,"size":9007199254740993,"status":null,"tags":null,"type":"asset","#,
        r#""updated_at":"2016-06-03T15:32:51Z","user_id":"u1","weight":2.5},"#,
        r#""operation":"create","sequence":6291989525132476422,"server":"http://localhost:7357"}"#,
    );
    assert_eq!(payload(&mut world, "PUT", "asset/a1", body), expected);
}

#[test]
fn an_attachment_listed_without_embed_is_its_id_alone() {
    let mut world = World::new(vec![webhook("w", WebhookType::Update)]);
    world.rules.program.webhooks[0].attachments_by_id.push(super::fixture::PHOTO);
    let body: Value = serde_json::from_str(&payload(&mut world, "PUT", "asset/a1", r#"{"asset_photo":"p"}"#)).unwrap();
    assert_eq!(body["object"]["asset_photo_id"], "p");
    assert_eq!(body["object"].get("asset_photo"), None);
}

#[test]
fn an_upload_is_merged_and_stays() {
    let mut world = World::new(vec![asset_ready()]);
    let refused = "no-such-attachment  `asset_photo` of `a1` is null, expected an attachment that can be uploaded | \
        save `asset_photo` with the attachment's id first";
    world.save("PUT", "asset/a1", "{}").unwrap();
    assert_eq!(world.told("PUT", "asset/a1/asset_photo", "{}"), refused);
    world.save("PATCH", "asset/a1", r#"{"asset_photo":"p1"}"#).unwrap();
    let late = "other-attachment  `asset_photo` is now the attachment `p1`, expected `p0` | ";
    assert_eq!(world.told("PUT", "asset/a1/asset_photo", r#"{"id":"p0"}"#), late.trim_end());
    world.save("PUT", "asset/a1/asset_photo", r#"{"original":"https://x/o"}"#).unwrap();
    world.save("PUT", "asset/a1", r#"{"asset_photo":"p1","name":"again"}"#).unwrap();
    let photo = world.object(ASSET, "a1").unwrap().value(super::fixture::PHOTO).to_string();
    assert_eq!(photo, r#"{"id":"p1","original":"https://x/o","state":"uploaded"}"#);
    world.save("PUT", "asset/a1", r#"{"asset_photo":"p2"}"#).unwrap();
    assert_eq!(world.object(ASSET, "a1").unwrap().value(super::fixture::PHOTO).to_string(), r#"{"id":"p2","state":"pending"}"#);
}

#[test]
fn a_trace_is_read_back_as_it_was_written() {
    let mut world = World::new(vec![asset_ready(), with_user(WebhookType::Update), webhook("w", WebhookType::Update)]);
    let outcome = world.save("PUT", "asset/a1", r#"{"user_id":"u1"}"#).unwrap();
    let json = write_trace(&world.rules.program, &outcome.decisions);
    let expected = concat!(
        r#"[{"webhook":"asset_ready","model":"asset","object":"a1","verdict":"unmet","name":"asset_photo","seen":"null","required":"uploaded","condition":0},"#,
        r#"{"webhook":"with_user","model":"asset","object":"a1","verdict":"waiting","name":"user","seen":"u1"},"#,
        r#"{"webhook":"w","model":"asset","object":"a1","verdict":"fired"}]"#,
    );
    assert_eq!(json, expected);
    let lines: Vec<String> = read_trace(&json).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["asset_photo is null, needs uploaded", "waits for user `u1`", ""]);
}
