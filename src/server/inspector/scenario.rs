//! The saves that led to a delivery → a scenario test that expects what came of them: the object's own saves, and those of the objects that
//! it is related to, run once more by the program in force.

use std::collections::BTreeSet;

use super::history::History;
use crate::check::{Rules, Valid};
use crate::delivery::Policy;
use crate::diagnostics::Diagnostics;
use crate::engine::{Change, Save};
use crate::generation::Generation;
use crate::ids::ModelId;
use crate::program::{Kind, Through};
use crate::scenario::{Scenario, Setting, Target, read_recording, run, write_scenario};
use crate::server::Problem;
use crate::server::api::saves::read_item;
use crate::store::DeliveryRow;
use crate::text::{SourceMap, Span, Spanned};

/// How far relations are followed: as far as a payload can embed.
const DEEPEST: usize = 5;

/// An object.
type About = (ModelId, Box<str>);

/// The text of the test file.
pub(super) fn of_delivery(generation: &Generation, history: &History, delivery: &DeliveryRow) -> Result<String, Problem> {
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
    let text = played(generation, &items, &format!("{} of {}/{}", delivery.event, delivery.model, delivery.object))?;
    Ok(format!("# What led to {}.\n{text}", delivery.id))
}

/// Runs the items, and writes down what comes of them.
fn played(generation: &Generation, items: &[&str], name: &str) -> Result<String, Problem> {
    let rules = &generation.rules;
    let mut sources = SourceMap::default();
    let file = sources.add("recorded", items.join("\n").into_bytes());
    let mut mistakes = Diagnostics::default();
    let recorded = read_recording(file, sources.file(file), rules, &mut mistakes);
    if let Some(mistake) = mistakes.iter().next() {
        return Err(Problem::not_found("not-kept", format!("the saves do not fit the data model any more: {}", mistake.message)));
    }
    let (steps, items): (Vec<_>, Vec<_>) = recorded.into_iter().map(|recorded| (recorded.step, recorded.json)).unzip();
    let scenario = Scenario::of_steps(Spanned::new(name.to_owned(), Span::new(file, 0, 0)), steps);
    let happened = run(&setting(generation, rules), &scenario, None);
    Ok(write_scenario(rules, name, items.iter().map(String::as_str), &happened))
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
        Change::Upload(..) | Change::Delete => Vec::new(),
    }
}
