//! What scenario tests cost: reading a file, running it and judging it, a thousand scenarios at a time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that is wrong should stop"
)]

#[path = "support/schema.rs"]
mod schema;

use std::fmt::Write as _;

use divan::Bencher;
use divan::counter::ItemsCount;
use schema::rules;
use webhookc::check::{Rules, Valid};
use webhookc::delivery::Policy;
use webhookc::diagnostics::Diagnostics;
use webhookc::scenario::{Setting, Target, TestFile, judge, read_tests, run};
use webhookc::text::SourceMap;

fn main() {
    divan::main();
}

const SCENARIOS: usize = 1_000;

const SCHEMA: &str = r#"<data-model>
<model name="customer" label="Customer"><field name="name" label="Name" type="text:name"/><display>{name}</display></model>
<model name="order" label="Order">
<field name="number" label="Number" type="integer"/><field name="total" label="Total" type="number"/>
<field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="paid">Paid</option></field>
<belongs-to model="customer"/><display>{number}</display>
<webhook type="update" name="order_paid" order="object"><field name="status" equals="paid" changed="true"/><field name="customer"/>
<request url="https://warehouse.example/orders/{{ object.number }}"><header name="X-Customer">{{ customer.name }}</header>
<body>{"order": "{{ object.number }}", "total": "{{ object.total }}", "customer": "{{ customer }}"}</body></request></webhook>
</model></data-model>"#;

/// As many scenarios as asked for: three saves, a receiver that fails once, time, and every part of the request expected.
fn generated(scenarios: usize) -> String {
    let mut text = String::from("given:\n  - {model: customer, id: c1, fields: {name: Ada}}\nscenarios:\n");
    for number in 0..scenarios {
        write!(
            text,
            "  - name: order {number} is paid
    answers: {{order_paid: [503, 200]}}
    steps:
      - save: {{model: order, id: o{number}, fields: {{number: {number}, status: open, total: {number}.5, customer_id: c1}}}}
        expect: {{webhooks: {{order_paid: 'status is \"open\", needs \"paid\"'}}, deliveries: []}}
      - patch: {{model: order, id: o{number}, fields: {{status: paid}}}}
        expect: {{webhooks: {{order_paid: fired}}}}
      - patch: {{model: order, id: o{number}, fields: {{total: 1}}}}
        expect: {{webhooks: {{order_paid: status is unchanged, needs a change}}}}
      - advance: 10 s
    deliveries:
      - event: order_paid
        endpoint: order_paid
        url: https://warehouse.example/orders/{number}
        headers: {{x-customer: Ada}}
        body: {{order: {number}, total: {number}.5, customer: {{id: c1, type: customer, name: Ada, updated_at: $datetime}}}}
        state: delivered
        signature: valid
        attempts: [{{after: 0 s, answer: 503}}, {{after: 5 s, answer: 200}}]
      - {{event: order_paid, endpoint: all, state: delivered}}
"
        )
        .unwrap();
    }
    text.replace("status is unchanged, needs a change", "'status is unchanged, needs a change'")
}

fn read(text: &str, rules: &Valid<Rules>) -> TestFile {
    let mut sources = SourceMap::default();
    let file = sources.add("generated.test.yaml", text.as_bytes().to_vec());
    let mut out = Diagnostics::default();
    let tests = read_tests(file, sources.file(file), rules, &mut out);
    assert!(out.is_empty(), "{out:?}");
    tests
}

fn setting(rules: &Valid<Rules>) -> Setting<'_> {
    let targets = (0..rules.endpoints.len()).map(|index| Target::new(index, Policy::default(), None, None));
    Setting { rules, targets: targets.collect() }
}

fn all_pass(setting: &Setting<'_>, tests: &TestFile) {
    for scenario in &tests.scenarios {
        let happened = run(setting, scenario, None);
        let failures = judge(setting, scenario, &happened, None);
        assert!(failures.is_empty(), "{failures:?}");
    }
}

#[divan::bench]
fn reading(bencher: Bencher<'_, '_>) {
    let rules = rules(SCHEMA);
    let text = generated(SCENARIOS);
    bencher.counter(ItemsCount::new(SCENARIOS)).bench_local(|| read(&text, &rules));
}

#[divan::bench]
fn running_and_judging(bencher: Bencher<'_, '_>) {
    let rules = rules(SCHEMA);
    let tests = read(&generated(SCENARIOS), &rules);
    let setting = setting(&rules);
    bencher.counter(ItemsCount::new(SCENARIOS)).bench_local(|| all_pass(&setting, &tests));
}

#[divan::bench]
fn from_text_to_outcome(bencher: Bencher<'_, '_>) {
    let rules = rules(SCHEMA);
    let text = generated(SCENARIOS);
    let setting = setting(&rules);
    bencher.counter(ItemsCount::new(SCENARIOS)).bench_local(|| all_pass(&setting, &read(&text, &rules)));
}
