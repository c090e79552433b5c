//! Webhooks are decided together; here each is decided by itself, by an oracle that knows nothing of the rule graph, and both must agree
//! for any schema and any saves. And what is stored of the decisions says the same as the decisions.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::{select, subsequence};
use serde_json::Value;
use webhookc::engine::{Decision, Verdict, expand, read_trace, trace_entry};
use webhookc::program::{Condition, Literal, Operation, Record, Subject, Test, Webhook};

use crate::support::compile_text;
use crate::world::World;

/// What a webhook may ask: at most one of each line.
const ASKS: [&[&str]; 9] = [
    &[r#"name="name""#, r#"name="name" equals="x""#, r#"name="name" required="false" changed="true""#, r#"name="name" one-of="x, y, z""#],
    &[r#"name="size" equals="1""#, r#"name="size" equals="2""#, r#"name="size" required="false" one-of="1, 2""#, r#"name="size""#],
    &[r#"name="weight" equals="2.5""#, r#"name="weight" one-of="3, 2.5""#, r#"name="weight" required="false" equals="0""#],
    &[r#"name="on_loan" equals="true""#, r#"name="on_loan" required="false" equals="false""#, r#"name="on_loan" changed="true""#],
    &[r#"name="status" equals="open""#, r#"name="status" one-of="open, done" changed="true""#, r#"name="status" equals="done""#],
    &[r#"name="tags""#, r#"name="tags" changed="true""#, r#"name="tags" required="false" changed="true""#],
    &[r#"name="photo" state="uploaded""#, r#"name="photo" state="present""#, r#"name="photo" required="false" changed="true""#],
    &[r#"name="user" embed="false""#, r#"name="user""#, r#"name="user" embed="false" equals="u1""#, r#"name="user" changed="true""#],
    &[r#"name="owner" embed="false" one-of="u1, u2""#, r#"name="owner" required="false""#, r#"name="parts""#],
];

fn webhook() -> impl Strategy<Value = String> {
    let asks = subsequence((0..ASKS.len()).collect::<Vec<_>>(), 0..=4)
        .prop_flat_map(|lines| {
            lines.into_iter().map(|line| select(ASKS[line]).prop_map(|ask| format!("<field {ask}/>"))).collect::<Vec<_>>()
        })
        .prop_shuffle();
    let on = select(&["", r#" on="create""#, r#" on="update""#, r#" on="create update delete""#, r#" on="delete""#][..]);
    let when = prop_oneof![4 => Just(""), 1 => Just(r#" when="object.size == 1""#), 1 => Just(r#" when="object.name is defined""#)];
    (select(&["ready", "update"][..]), on, when, asks)
        .prop_map(|(kind, on, when, asks)| format!(r#"<webhook type="{kind}" name="hook_NUMBER"{on}{when}>{}</webhook>"#, asks.concat()))
}

fn schema() -> impl Strategy<Value = String> {
    proptest::collection::vec(webhook(), 1..14).prop_map(|webhooks| {
        let numbered = webhooks.iter().enumerate().map(|(number, webhook)| webhook.replace("NUMBER", &number.to_string()));
        format!(
            r#"<data-model>
            <model name="user" label="User"><field name="name" label="Name" type="text"/><display>{{name}}</display></model>
            <model name="part" label="Part"><field name="name" label="Name" type="text"/><belongs-to model="asset"/><display>{{name}}</display></model>
            <model name="asset" label="Asset">
            <field name="name" label="Name" type="text"/><field name="size" label="Size" type="integer"/>
            <field name="weight" label="Weight" type="number"/><field name="on_loan" label="On loan" type="boolean"/>
            <field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="done">Done</option></field>
            <field name="tags" label="Tags" type="multiple-choice"><option key="a">A</option><option key="b">B</option></field>
            <field name="photo" label="Photo" type="photo"/>
            <belongs-to model="user"/><belongs-to model="user" name="owner"/><has-many model="part" name="parts"/>
            <display>{{name}}</display>{}</model></data-model>"#,
            numbered.collect::<String>()
        )
    })
}

fn body() -> impl Strategy<Value = String> {
    let fields = [
        vec![r#""name":"x""#, r#""name":"y""#, r#""name":"""#, r#""name":null"#],
        vec![r#""size":1"#, r#""size":2"#, r#""size":3"#, r#""size":null"#],
        vec![r#""weight":2.5"#, r#""weight":3"#, r#""weight":-0.0"#, r#""weight":7"#],
        vec![r#""on_loan":true"#, r#""on_loan":false"#, r#""on_loan":null"#],
        vec![r#""status":"open""#, r#""status":"done""#],
        vec![r#""tags":["a"]"#, r#""tags":["a","b"]"#, r#""tags":[]"#],
        vec![r#""photo":"p1""#, r#""photo":{"id":"p1","state":"uploaded"}"#, r#""photo":null"#],
        vec![r#""user_id":"u1""#, r#""user_id":"u2""#, r#""user_id":null"#],
        vec![r#""owner_id":"u1""#, r#""owner_id":"u3""#],
    ];
    let fields = fields.into_iter().map(|values| proptest::option::weighted(0.6, select(values))).collect::<Vec<_>>();
    fields.prop_map(|fields| format!("{{{}}}", fields.into_iter().flatten().collect::<Vec<_>>().join(",")))
}

fn saves() -> impl Strategy<Value = Vec<(&'static str, &'static str, String)>> {
    let asset = (select(&["PUT", "PATCH", "PATCH"][..]), Just("asset/a1"), body());
    let other = (select(&["PUT", "DELETE"][..]), select(&["user/u1", "user/u2"][..]), Just("{}".to_owned()));
    let delete = (Just("DELETE"), Just("asset/a1"), Just("{}".to_owned()));
    proptest::collection::vec(prop_oneof![6 => asset, 1 => other, 1 => delete], 1..12)
}

/// What the operation and the object itself say of a webhook.
enum Alone {
    Nothing,
    Operation,
    /// The condition, and the value seen.
    Unmet(usize, String),
}

fn alone(webhook: &Webhook, object: &Record, previous: Option<&Record>, operation: Operation) -> Alone {
    if !webhook.operations.contains(operation) {
        return Alone::Operation;
    }
    let no = webhook.conditions.iter().enumerate().find_map(|(index, condition)| {
        let (property, test) = looked_at(webhook, condition)?;
        let value = object.value(property);
        if *test == Test::Changed {
            let same = previous.is_some_and(|previous| previous.value(property) == value);
            return same.then(|| Alone::Unmet(index, "unchanged".to_owned()));
        }
        (!holds(test, value)).then(|| Alone::Unmet(index, in_words(value)))
    });
    no.unwrap_or(Alone::Nothing)
}

fn looked_at<'w>(webhook: &Webhook, condition: &'w Condition) -> Option<(webhookc::ids::PropertyId, &'w Test)> {
    match &condition.subject {
        Subject::Property(property) => Some((*property, &condition.test)),
        Subject::Embed(path) => match webhook.embeds[path[0]].through {
            webhookc::program::Through::BelongsTo(property) if condition.test == Test::Changed => Some((property, &Test::Changed)),
            webhookc::program::Through::BelongsTo(property) => Some((property, &Test::Set)),
            webhookc::program::Through::HasMany(_) => None,
        },
    }
}

fn holds(test: &Test, value: &Value) -> bool {
    let is = |literal: &Literal, value: &Value| match literal {
        Literal::Text(words) => value == &**words,
        Literal::Integer(integer) => value.as_i64() == Some(*integer),
        Literal::Number(number) => value.as_f64() == Some(*number),
        Literal::Boolean(flag) => value == flag,
    };
    // A multiple choice equals its only key.
    let value = value.as_array().filter(|items| items.len() == 1).map_or(value, |items| &items[0]);
    let equals = |literal: &Literal| is(literal, value);
    match test {
        Test::Set => !(value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty)),
        Test::Uploaded => value["state"] == "uploaded",
        Test::Equals(literal) => equals(literal),
        Test::OneOf(literals) => literals.iter().any(equals),
        Test::Changed => unreachable!("it is not about the value"),
    }
}

fn in_words(value: &Value) -> String {
    let said = match value {
        Value::Object(attachment) if attachment["state"] == "uploaded" => "uploaded",
        Value::Object(_) => "present",
        Value::Array(items) if items.is_empty() => "an empty list",
        Value::Array(_) => "a list",
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return value.to_string(),
    };
    said.to_owned()
}

/// The decision must be the one that the webhook gets by itself.
fn agrees(webhook: &Webhook, decision: &Decision, alone: Alone, operation: Operation) {
    match (alone, &decision.verdict) {
        (Alone::Operation, Verdict::OtherOperation(seen)) => assert_eq!(*seen, operation),
        (Alone::Unmet(at, value), Verdict::Unmet { condition, name, seen, required }) => {
            assert_eq!((condition, seen), (&Some(at), &value), "{webhook:?}");
            assert_eq!((name, required), (&webhook.conditions[at].name, &webhook.conditions[at].test.required()));
        }
        (Alone::Nothing, Verdict::Unmet { condition: Some(at), .. }) => {
            assert!(matches!(webhook.conditions[*at].subject, Subject::Embed(_)), "{decision:?}");
        }
        (Alone::Nothing, Verdict::OtherOperation(_)) | (Alone::Operation | Alone::Unmet(..), _) => panic!("{decision:?} of {webhook:?}"),
        (Alone::Nothing, _) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn webhooks_are_decided_together_as_each_would_be_by_itself(schema in schema(), saves in saves(), subscribed in any::<bool>()) {
        let Some(rules) = (if subscribed { compile_text(&schema) } else { crate::support::compile_without_targets(&schema) }).rules else {
            // Some conditions contradict each other.
            return Ok(());
        };
        let mut world = World::of(rules);
        let asset = world.model("asset");
        for (verb, object, body) in &saves {
            let before = world.object(asset, "a1");
            let Ok(outcome) = world.save(verb, object, body) else { continue };
            let decisions = outcome.decided.decisions(&world.rules);
            let program = &world.rules.program;
            if object.starts_with("asset") {
                let now = outcome.object.clone().or(before.clone()).unwrap();
                let own: Vec<_> = program.model(asset).webhooks.iter().map(|&id| (id, program.webhook(id))).collect();
                assert_eq!(decisions.iter().map(|decision| decision.webhook).collect::<Vec<_>>(), own.iter().map(|(id, _)| *id).collect::<Vec<_>>());
                for ((_, webhook), decision) in own.iter().zip(&decisions) {
                    agrees(webhook, decision, alone(webhook, &now, before.as_deref(), outcome.operation), outcome.operation);
                }
            }

            let trace = outcome.decided.trace(&world.rules, outcome.operation);
            let table = serde_json::from_str(&serde_json::to_string(&trace.table).unwrap()).unwrap();
            let long = expand(&table, &trace.text, outcome.operation.as_str()).unwrap();
            let (model, id) = object.split_once('/').unwrap();
            let told: Vec<_> = decisions.iter().map(|decision| trace_entry(program, decision)).collect();
            assert_eq!(read_trace(&long, model, id).unwrap(), told, "{}", trace.text);
            assert_eq!(trace.entries(model, id), told);
        }
    }
}
