//! What a key costs a call: the same call that needs no store, through the whole router, without a key while the gate is open, and with one.
//! The difference is the check.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot begin has to fail"
)]

#[path = "../tests/support/described.rs"]
mod support;
#[path = "../tests/keys/world.rs"]
#[allow(dead_code, reason = "the benchmark uses a part of this")]
mod world;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use tower::ServiceExt as _;
use webhookc::server::KeychainOptions;
use world::{World, of};

fn main() {
    divan::main();
}

fn call(bencher: divan::Bencher<'_, '_>, options: KeychainOptions, with_key: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (world, key) = runtime.block_on(async {
        let world = World::new(options).await;
        let (key, _) = world.make(None, "/-/keys", &json!({"permissions": "*"})).await;
        (world, key)
    });
    let bearer = format!("Bearer {key}");
    bencher.bench_local(|| {
        let request = Request::builder().uri(of("acme", "/webhooks/nothing")).header("host", "localhost");
        let request = if with_key { request.header("authorization", &bearer) } else { request };
        let answer = runtime.block_on(world.router.clone().oneshot(request.body(Body::empty()).unwrap())).unwrap();
        assert_eq!(answer.status(), 404);
    });
}

#[divan::bench]
fn without_a_key(bencher: divan::Bencher<'_, '_>) {
    call(bencher, KeychainOptions { open: true, rate_limit: None }, false);
}

#[divan::bench]
fn with_a_key(bencher: divan::Bencher<'_, '_>) {
    call(bencher, KeychainOptions::default(), true);
}

#[divan::bench]
fn with_a_key_and_a_rate_limit(bencher: divan::Bencher<'_, '_>) {
    call(bencher, KeychainOptions { open: false, rate_limit: "1000000/s".parse().ok() }, true);
}
