//! The saves that led to a delivery → a scenario test that expects what came of them: the object's own saves, and those of the objects that
//! it is related to, run once more by the program in force. Where the delivery was tried more than once, its receiver answers as it did,
//! and the clock goes on until the last of these attempts.

use std::collections::BTreeSet;
use std::time::Duration;

use super::answers::answers;
use super::history::History;
use crate::check::{Rules, Valid};
use crate::delivery::{AttemptOutcome, Policy};
use crate::diagnostics::Diagnostics;
use crate::engine::{Change, Save};
use crate::generation::Generation;
use crate::ids::ModelId;
use crate::program::{Kind, Through};
use crate::scenario::{Action, Answer, Happened, Scenario, Setting, Step, Target, read_recording, run, write_scenario};
use crate::server::Problem;
use crate::server::api::saves::read_item;
use crate::store::{AttemptRow, DeliveryRow};
use crate::text::{SourceMap, Span, Spanned};

/// How far relations are followed: as far as a payload can embed.
const DEEPEST: usize = 5;

/// Longer than any delivery is tried.
const LONGEST_WAIT: Duration = Duration::from_hours(24 * 365);

/// A delivery, and what came of it.
#[derive(Clone, Copy)]
pub(super) struct Taken<'a> {
    pub(super) delivery: &'a DeliveryRow,
    pub(super) attempts: &'a [AttemptRow],
}

/// An object.
type About = (ModelId, Box<str>);

/// The text of the test file.
pub(super) fn of_delivery(generation: &Generation, history: &History, taken: Taken<'_>) -> Result<String, Problem> {
    let delivery = taken.delivery;
    let rules = &generation.rules;
    let saves: Vec<(Save, &str)> = history
        .recordings()
        .iter()
        .filter_map(|recording| Some((read_item(generation, recording.item.as_bytes(), 0).ok()?, &*recording.item)))
        .collect();
    let Some(model) = rules.program.model_named(&delivery.model) else {
        return Err(Problem::not_found("unknown-model", format!("the data model has no `{}` any more", delivery.model)));
    };
    let about = related(rules, &saves, (model, delivery.object.clone()));
    let items: Vec<&str> = saves.iter().filter(|(save, _)| about.contains(&(save.model, save.id.clone()))).map(|(_, item)| *item).collect();
    if items.is_empty() {
        let detail = format!("the saves that led to `{}` are not kept", delivery.id);
        return Err(Problem::not_found("not-kept", detail).help("`webhookc dev` keeps the last 10,000 saves"));
    }
    let text = played(generation, &items, taken)?;
    Ok(format!("# What led to {}.\n{text}", delivery.id))
}

/// Runs the items, and writes down what comes of them.
fn played(generation: &Generation, items: &[&str], taken: Taken<'_>) -> Result<String, Problem> {
    let DeliveryRow { event, model, object, .. } = taken.delivery;
    let rules = &generation.rules;
    let mut sources = SourceMap::default();
    let file = sources.add("recorded", items.join("\n").into_bytes());
    let mut mistakes = Diagnostics::default();
    let recorded = read_recording(file, sources.file(file), rules, &mut mistakes);
    if let Some(mistake) = mistakes.iter().next() {
        return Err(Problem::not_found("not-kept", format!("the saves do not fit the data model any more: {}", mistake.message)));
    }
    let (steps, items): (Vec<_>, Vec<_>) = recorded.into_iter().map(|recorded| (recorded.step, recorded.json)).unzip();
    let mut scenario = Scenario::of_steps(Spanned::new(format!("{event} of {model}/{object}"), Span::new(file, 0, 0)), steps);
    let setting = setting(generation, rules);
    let mut happened = run(&setting, &scenario, None);
    if let Some(answers) = answers(taken.attempts)
        && answered_so(&setting, &mut scenario, &happened, (taken.delivery, &answers)).is_some()
    {
        happened = run(&setting, &scenario, None);
    }
    Ok(write_scenario(rules, &scenario, items.iter().map(String::as_str), &happened))
}

/// Has the receiver answer the delivery so, and everything else with 200; `happened` is what came of the saves alone. `None`: the program
/// in force does not make this delivery.
fn answered_so(
    setting: &Setting<'_>,
    scenario: &mut Scenario,
    happened: &Happened,
    (delivery, answers): (&DeliveryRow, &[Answer]),
) -> Option<()> {
    let rules = setting.rules;
    let endpoint = rules.endpoints.iter().position(|endpoint| endpoint.id == delivery.endpoint)?;
    let webhook = rules.program.webhook_named(&delivery.event)?;
    let sent = || happened.deliveries.iter().enumerate().filter(|(_, made)| made.endpoint == endpoint && !made.attempts.is_empty());
    let (own, made) = sent().filter(|(_, made)| made.webhook == webhook && *made.object == *delivery.object).last()?;
    // Deliveries to it before this one are sent before, and those of the same save between its first attempt and the second.
    let others = |count: usize| std::iter::repeat_n(Answer::ok(), count);
    let (before, behind) = (sent().filter(|(index, _)| *index < own).count(), sent().filter(|(index, _)| *index > own).count());
    let (first, rest) = answers.split_first()?;
    let script = others(before).chain([first.clone()]).chain(others(behind)).chain(rest.iter().cloned());
    scenario.answers.insert(rules.endpoints.get(endpoint)?.name.value.to_string(), script.collect());
    scenario.steps.push(Step { action: Action::Advance(LONGEST_WAIT), span: scenario.name.span, expect: None });
    let tried = run(setting, scenario, None);
    let attempts = &tried.deliveries.get(own)?.attempts;
    let last = attempts.get(answers.len() - 1).or(attempts.last())?;
    let mut wait = Duration::try_from(last.at.duration_since(made.made_at)).ok()?;
    if last.outcome == AttemptOutcome::TimedOut {
        wait += setting.targets.get(endpoint)?.policy.timeout;
    }
    if let Some(step) = scenario.steps.last_mut() {
        step.action = Action::Advance(wait);
    }
    Some(())
}

fn setting<'r>(generation: &Generation, rules: &'r Valid<Rules>) -> Setting<'r> {
    let policy = |id| generation.targets.get(id).map_or_else(Policy::default, |target| Policy::clone(&target.policy));
    let targets = rules.endpoints.iter().enumerate().map(|(index, endpoint)| Target::new(index, policy(&endpoint.id), None, None));
    Setting { rules, targets: targets.collect() }
}

/// The object, and those that it and what belongs to it point to; where has-many relations are embedded, also those that point to it.
fn related(rules: &Rules, saves: &[(Save, &str)], first: About) -> BTreeSet<About> {
    let mut embeds_many = false;
    for webhook in &rules.program.webhooks {
        webhook.each_embed(&mut |embed| embeds_many |= matches!(embed.through, Through::HasMany(_)));
    }
    let mut about = BTreeSet::from([first]);
    for _ in 0..DEEPEST {
        let before = about.len();
        for (save, _) in saves {
            let own = (save.model, save.id.clone());
            let points_to = points_to(rules, save);
            if about.contains(&own) {
                about.extend(points_to);
            } else if embeds_many && points_to.iter().any(|other| about.contains(other)) {
                about.insert(own);
            }
        }
        if about.len() == before {
            break;
        }
    }
    about
}

/// The objects that a save sets a belongs-to to.
fn points_to(rules: &Rules, save: &Save) -> Vec<About> {
    let model = rules.program.model(save.model);
    let target = |kind: &Kind, value: &serde_json::Value| match kind {
        Kind::BelongsTo(relation) => Some((relation.model, value.as_str()?.into())),
        Kind::Field(_) => None,
    };
    match &save.change {
        Change::Put(values) => model.properties.iter().zip(values).filter_map(|(property, value)| target(&property.kind, value)).collect(),
        Change::Patch(values) => values.iter().filter_map(|(property, value)| target(&model.property(*property).kind, value)).collect(),
        Change::Row(row) => row.values.iter().filter_map(|(property, value)| target(&model.property(*property).kind, value)).collect(),
        Change::Upload(..) | Change::Delete | Change::RowGone(_) => Vec::new(),
    }
}
