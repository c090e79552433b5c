//! A whole test file: what all its scenarios share, and each of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::answer::Answer;
use super::expected::{ExpectedDeliveries, time};
use super::node::Node;
use super::step::{Step, given};
use super::table::{Field, Table};
use super::yaml::read;
use crate::check::{Rules, Valid};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, one_of, suggestion};
use crate::engine::Save;
use crate::ids::{DEFAULT_TENANT, FileId, Tenant};
use crate::text::{SourceFile, Span, Spanned};

/// When a scenario begins that does not say: 2026-01-01T00:00:00Z, in seconds since 1970.
const BEGINNING: i64 = 1_767_225_600;

/// The scenarios of a file.
#[derive(Debug)]
pub struct TestFile {
    /// In the order of the file.
    pub scenarios: Vec<Scenario>,
}

/// One scenario.
#[derive(Debug)]
pub struct Scenario {
    /// Its name, unique in the file.
    pub name: Spanned<String>,
    /// Whose objects.
    pub tenant: Tenant,
    /// The time at its first step.
    pub start: Timestamp,
    /// Values of `secret.*`; one that is not here is `test-NAME`.
    pub secrets: Arc<BTreeMap<String, String>>,
    /// Objects that are there before the first step, without a webhook having looked at them.
    pub given: Vec<Arc<Save>>,
    /// The answers of an endpoint by its name, one for each attempt; the last is given again and again.
    pub answers: BTreeMap<String, Arc<[Answer]>>,
    /// What happens.
    pub steps: Vec<Step>,
    /// All deliveries that the scenario must make, as they stand at its end.
    pub deliveries: Option<ExpectedDeliveries>,
    /// Whether all that happens is compared with what was recorded: the place of `snapshot: true`.
    pub snapshot: Option<Span>,
}

/// What names in a test refer to.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub rules: &'a Valid<Rules>,
}

impl Context<'_> {
    pub(super) fn check_event(self, name: &Spanned<String>, out: &mut Diagnostics) {
        if self.rules.program.webhook_named(&name.value).is_none() {
            unknown(name, "webhook", self.rules.program.webhooks.iter().map(|webhook| &*webhook.name), out);
        }
    }

    pub(super) fn check_endpoint(self, name: &Spanned<String>, out: &mut Diagnostics) {
        let names = || self.rules.endpoints.iter().map(|endpoint| &*endpoint.name.value);
        if !names().any(|known| known == name.value) {
            unknown(name, "endpoint", names(), out);
        }
    }
}

fn unknown<'a>(name: &Spanned<String>, what: &str, names: impl Iterator<Item = &'a str> + Clone, out: &mut Diagnostics) {
    let found = Diagnostic::new(Code::UnknownTestName, name.span, format!("there is no {what} `{}`", name.value));
    out.push(match suggestion(&name.value, names.clone()) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found.help(format!("there is {}", one_of(names).replace(" or ", " and "))),
    });
}

/// What scenarios inherit from their file.
struct Shared {
    tenant: Tenant,
    start: Timestamp,
    secrets: Arc<BTreeMap<String, String>>,
    given: Vec<Arc<Save>>,
    answers: BTreeMap<String, Arc<[Answer]>>,
}

/// Reads a test file against the rules that it tests. What cannot be read is reported and left out: run nothing of a file with errors.
#[must_use]
pub fn read_tests(file: FileId, source: &SourceFile, rules: &Valid<Rules>, out: &mut Diagnostics) -> TestFile {
    let scenarios = read(file, source, out).and_then(|root| of_root(&root, Context { rules }, out)).unwrap_or_default();
    TestFile { scenarios }
}

fn of_root(root: &Node, context: Context<'_>, out: &mut Diagnostics) -> Option<Vec<Scenario>> {
    let mut table = Table::of(root, "a test file", out)?;
    let shared = Shared {
        tenant: table.take("tenant").and_then(|field| tenant(field, out)).unwrap_or_else(|| Tenant::new(DEFAULT_TENANT)),
        start: table.take("start").and_then(|field| time(field, out)).unwrap_or_else(beginning),
        secrets: Arc::new(table.take("secrets").map(|field| secrets(field, context, out)).unwrap_or_default()),
        given: table.take("given").map(|field| objects(field, context, out)).unwrap_or_default(),
        answers: table.take("answers").map(|field| answers(field, context, out)).unwrap_or_default(),
    };
    let list = table.require("scenarios", out);
    table.finish(out);
    let list = list?;
    let mut scenarios: Vec<Scenario> = Vec::new();
    for node in list.list(out) {
        let Some(scenario) = Scenario::of(node, &shared, context, out) else { continue };
        if let Some(twin) = scenarios.iter().find(|known| known.name.value == scenario.name.value) {
            let message = format!("the name `{}` stands twice in this file, expected each once", scenario.name.value);
            out.push(Diagnostic::new(Code::BadTestValue, scenario.name.span, message).related(twin.name.span, "first here"));
        }
        scenarios.push(scenario);
    }
    Some(scenarios)
}

impl Scenario {
    /// A scenario of steps alone, with nothing given and every receiver answering.
    #[must_use]
    pub fn of_steps(name: Spanned<String>, steps: Vec<Step>) -> Self {
        Self {
            name,
            tenant: Tenant::new(DEFAULT_TENANT),
            start: beginning(),
            secrets: Arc::default(),
            given: Vec::new(),
            answers: BTreeMap::new(),
            steps,
            deliveries: None,
            snapshot: None,
        }
    }

    fn of(node: &Node, shared: &Shared, context: Context<'_>, out: &mut Diagnostics) -> Option<Self> {
        let mut table = Table::of(node, "a scenario", out)?;
        let name = table.require("name", out).and_then(|field| field.text(out));
        let start = table.take("start").and_then(|field| time(field, out)).unwrap_or(shared.start);
        let mut given = shared.given.clone();
        given.extend(table.take("given").map(|field| objects(field, context, out)).unwrap_or_default());
        let mut answered = shared.answers.clone();
        answered.extend(table.take("answers").map(|field| answers(field, context, out)).unwrap_or_default());
        let steps = table.require("steps", out);
        let steps = steps.map(|field| field.list(out).iter().filter_map(|node| Step::of(node, context, out)).collect());
        let deliveries = table.take("deliveries").and_then(|field| ExpectedDeliveries::of(field, context, out));
        let snapshot = table.take("snapshot").and_then(|field| snapshot(field, out));
        table.finish(out);
        Some(Self {
            name: name?,
            tenant: shared.tenant.clone(),
            start,
            secrets: Arc::clone(&shared.secrets),
            given,
            answers: answered,
            steps: steps?,
            deliveries,
            snapshot,
        })
    }
}

fn beginning() -> Timestamp {
    Timestamp::from_second(BEGINNING).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn tenant(field: Field<'_>, out: &mut Diagnostics) -> Option<Tenant> {
    field.text(out).map(|text| Tenant::new(text.value))
}

fn snapshot(field: Field<'_>, out: &mut Diagnostics) -> Option<Span> {
    match field.node.to_json() {
        serde_json::Value::Bool(wanted) => wanted.then_some(field.key_span),
        serde_json::Value::Null
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => {
            field.mismatch("`true` or `false`", out);
            None
        }
    }
}

fn secrets(field: Field<'_>, context: Context<'_>, out: &mut Diagnostics) -> BTreeMap<String, String> {
    let known = &context.rules.settings.secrets;
    let mut secrets = BTreeMap::new();
    for entry in field.entries(out) {
        if !known.contains(&entry.key.value) {
            unknown(&entry.key, "secret", known.iter().map(String::as_str), out);
        }
        if let Some(value) = Field::of(entry).text(out) {
            secrets.insert(entry.key.value.clone(), value.value);
        }
    }
    secrets
}

fn objects(field: Field<'_>, context: Context<'_>, out: &mut Diagnostics) -> Vec<Arc<Save>> {
    field.list(out).iter().filter_map(|node| given(node, context, out).map(Arc::new)).collect()
}

fn answers(field: Field<'_>, context: Context<'_>, out: &mut Diagnostics) -> BTreeMap<String, Arc<[Answer]>> {
    let mut answers = BTreeMap::new();
    for entry in field.entries(out) {
        context.check_endpoint(&entry.key, out);
        let nodes = Field::of(entry).list(out);
        let read: Vec<Answer> = nodes.iter().filter_map(|node| Answer::of(node, out)).collect();
        if !read.is_empty() {
            answers.insert(entry.key.value.clone(), read.into());
        }
    }
    answers
}
