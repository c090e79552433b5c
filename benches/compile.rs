//! What it costs to compile a data model, from text to checked rules.

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

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use schema::compiled;

fn main() {
    divan::main();
}

const NOUNS: [&str; 10] = ["asset", "branch", "contract", "invoice", "meter", "permit", "room", "sensor", "ticket", "vehicle"];

const FIELDS: &str = r#"    <field name="name" label="Name" type="text"/>
    <field name="code" label="Code" type="text"/>
    <field name="contact" label="Contact" type="text:email"/>
    <field name="quantity" label="Quantity" type="integer"/>
    <field name="weight" label="Weight (kg)" type="number"/>
    <field name="started_on" label="Started on" type="date"/>
    <field name="changed_at" label="Changed at" type="datetime"/>
    <field name="archived" label="Archived" type="boolean"/>
    <field name="status" label="Status" type="single-choice-integer">
      <option key="0">New</option>
      <option key="1">In progress</option>
      <option key="2">Done</option>
    </field>
    <field name="picture" label="Picture" type="photo" auto-download="true"/>
"#;

fn model_name(number: usize) -> String {
    format!("{}_{number:05}", NOUNS[number % NOUNS.len()])
}

/// Models of ten fields, two belongs-to to models far away in the text, a display across one of them, and a webhook that embeds it.
fn models(count: usize) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<data-model>\n");
    for number in 0..count {
        let name = model_name(number);
        let (owner, origin) = (model_name((number * 7 + 1) % count), model_name((number * 13 + 2) % count));
        let kind = if number % 2 == 0 { "update" } else { "ready" };
        let written = write!(
            text,
            r#"  <model name="{name}" label="Model {number}">
{FIELDS}
    <belongs-to model="{owner}" name="owner"/>
    <belongs-to model="{origin}" name="origin"/>

    <display>{{code}} {{name}} ({{owner.name}})</display>

    <webhook type="{kind}" name="{kind}_{name}">
      <field name="owner" embed="true"/>
      <field name="picture" required="false" state="uploaded"/>
    </webhook>
  </model>

"#
        );
        assert!(written.is_ok());
    }
    text.push_str("</data-model>\n");
    text
}

#[divan::bench(args = [50, 500, 5_000])]
fn a_data_model(bencher: Bencher<'_, '_>, count: usize) {
    let text = models(count);
    let first = compiled(&text);
    assert!(!first.diagnostics.has_errors() && first.models == count && first.webhooks == count, "{:?}", first.diagnostics);
    bencher.counter(BytesCount::new(text.len())).bench_local(|| compiled(black_box(&text)));
}
