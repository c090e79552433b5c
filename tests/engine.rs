//! The engine, save by save: every case folder holds a schema, the saves, and what comes of each; and laws that hold for any sequence
//! of saves. `UPDATE_EXPECT=1` rewrites what is expected.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

#[path = "engine/contract.rs"]
mod contract;
#[path = "engine/laws.rs"]
mod laws;
#[path = "engine/shared.rs"]
mod shared;
#[path = "engine/world.rs"]
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use webhookc::compile::{Input, compile};
use webhookc::engine::{Read, read_trace, trace_entry, write_trace};
use webhookc::ids::WebhookId;
use world::World;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/engine")
}

fn schema(case: &str) -> String {
    fs::read_to_string(cases().join(case).join("schema.xml")).unwrap()
}

/// The steps of a case, each `[verb, object, body]`, with what came of it.
fn run(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let mut world = World::new(&read("schema.xml"));
    let steps: Vec<(String, String, Value)> = serde_json::from_str(&read("steps.json")).unwrap();
    let told = steps.iter().map(|(verb, object, body)| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        json!({ "step": format!("{verb} {object} {body}").trim_end(), "told": world.told(verb, object, &body) })
    });
    serde_json::to_string_pretty(&told.collect::<Vec<_>>()).unwrap() + "\n"
}

#[test]
fn every_case_comes_out_as_expected() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut folders: Vec<PathBuf> = fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 10, "the cases are gone: {folders:?}");
    let mut wrong = Vec::new();
    for folder in folders {
        let (found, file) = (run(&folder), folder.join("expected.json"));
        if update {
            fs::write(&file, &found).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != found {
            wrong.push(format!("{}\n{found}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "not as expected; if it is right, run with UPDATE_EXPECT=1:\n{}", wrong.join("\n"));
}

#[test]
fn only_what_is_needed_is_asked_and_together() {
    let mut world = World::new(&schema("reads"));
    let object = |world: &World, model: &str, id: &str| Read::Object(world.model(model), id.into());
    let asset = object(&world, "asset", "a1");
    world.save("PUT", "asset/a1", "{}").unwrap();
    assert_eq!(world.asked, [vec![asset.clone()]]);
    let body = r#"{"user_id":"u1","room_id":"r1","asset_photo":{"id":"p","state":"uploaded"}}"#;
    world.save("PATCH", "asset/a1", body).unwrap();
    let ready = Read::Ready(WebhookId(0), "a1".into());
    let related = vec![ready, object(&world, "user", "u1"), object(&world, "room", "r1")];
    let count = |webhook, model: &str, id: &str| {
        let (object, model, id) = ("a1".into(), world.model(model), id.into());
        Read::WaitCount { webhook: WebhookId(webhook), object, model, id }
    };
    let counts = vec![count(1, "user", "u1"), count(2, "room", "r1")];
    let own_waits = Read::WaitsOf(world.model("asset"), "a1".into());
    let related = [vec![own_waits], related].concat();
    assert_eq!(world.asked, [vec![asset], related, counts], "what is to wait asks how much may");
    world.save("PUT", "user/u9", "{}").unwrap();
    assert_eq!(world.asked, [vec![object(&world, "user", "u9"), Read::Waiting(world.model("user"), "u9".into())]]);
}

#[test]
fn the_payload_is_the_seeds_example_byte_for_byte_in_its_order() {
    let mut world = World::new(&schema("resource-of-the-seed"));
    let body = r#"{"name":"Sample Resource","photo":{"id":"5b53","state":"uploaded","original":"https://run.example.com/o.png"}}"#;
    let outcome = world.save("PUT", "resource/343d", body).unwrap();
    let expected = concat!(
        r#"{"account_id":"default","app":"webhookc","event":"external_webhook_name","object":{"id":"343d","name":"Sample Resource","#,
        r#""photo":{"fullscreen":null,"original":"https://run.example.com/o.png","state":"uploaded","thumbnail":null},"#,
        r#""photo_id":"5b53","type":"resource","updated_at":"2016-06-03T15:32:51Z"},"#,
        r#""operation":"create","sequence":6291989525132476422,"server":"http://localhost:7357"}"#,
    );
    assert_eq!(String::from_utf8_lossy(&outcome.firings[0].payload), expected);
}

#[test]
fn a_webhook_without_subscriber_does_not_fire_and_is_not_used_up() {
    let text = schema("asset-of-the-seed");
    let mut world = World::new(&text);
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", text.into_bytes()));
    let subscribed = std::mem::replace(&mut world.rules, compile(input).rules.unwrap());
    let body = r#"{"asset_photo":{"id":"p","state":"uploaded"},"user_id":"u"}"#;
    let told = |world: &mut World| world.told("PUT", "asset/a1", body)["decisions"].clone();
    assert_eq!(told(&mut world), json!(["asset/a1 asset_ready ✘ no endpoint subscribes"]));
    world.rules = subscribed;
    assert_eq!(told(&mut world), json!(["asset/a1 asset_ready ✔"]));
}

#[test]
fn a_trace_is_read_back_as_it_was_written() {
    let mut world = World::new(&schema("reads"));
    let outcome = world.save("PUT", "asset/a1", r#"{"user_id":"u1"}"#).unwrap();
    let of_save = (world.model("asset"), "a1");
    let decisions = outcome.decided.decisions(&world.rules);
    let json = write_trace(&world.rules.program, of_save, &decisions);
    let entries = read_trace(&json, "asset", "a1").unwrap();
    let written: Vec<_> = decisions.iter().map(|decision| trace_entry(&world.rules.program, decision)).collect();
    assert_eq!(entries, written);
    assert!(!json.contains("a1"), "the object of the save itself is not repeated: {json}");
    let of_another = write_trace(&world.rules.program, (of_save.0, "a2"), &decisions);
    assert_eq!(read_trace(&of_another, "asset", "a2").unwrap(), written);
    let lines: Vec<String> = entries.iter().map(|entry| format!("{}: {entry}", entry.webhook)).collect();
    let expected = [
        "asset_ready: asset_photo is null, needs uploaded",
        "with_user: waits for user `u1`",
        "in_building: room.building is null, needs a value",
        "plain: ",
    ];
    assert_eq!(lines, expected);
}
