//! What of the rules the scenarios tried: each webhook fired and suppressed, each condition seen true and false, each branch of a template
//! gone both ways. Every such point has a place in the sources and two sides, counted. Absent: lines of code, of which there are none.

mod html;
mod lcov;
mod text;

use std::collections::BTreeMap;

use crate::check::Rules;
use crate::engine::{Decision, Verdict};
use crate::graph::conditions;
use crate::ids::WebhookId;
use crate::scenario::asked::asked;
use crate::scenario::run::{Happened, StepResult};
use crate::template::{Branch, BranchKind, Watch};
use crate::text::{SourceMap, Span};

/// What was tried, while scenarios run.
#[derive(Debug)]
pub struct Coverage {
    /// By webhook.
    webhooks: Vec<Seen>,
    /// Ways of templates.
    watch: Watch,
}

/// What was decided about a webhook, how often.
#[derive(Debug, Default)]
struct Seen {
    fired: u64,
    suppressed: u64,
    /// By condition: true, false.
    conditions: Vec<(u64, u64)>,
    /// `when`: true, false.
    when: (u64, u64),
}

/// A place in the sources that can go two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Where it is written.
    pub span: Span,
    /// What it is: ``condition `user is set` of `asset_ready` ``.
    pub what: String,
    /// The two sides and how often each was seen.
    pub sides: [(&'static str, u64); 2],
}

impl Point {
    /// Sides that were never seen.
    pub fn missed(&self) -> impl Iterator<Item = &'static str> {
        self.sides.iter().filter(|(_, count)| *count == 0).map(|(side, _)| *side)
    }
}

/// How coverage is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// What was never tried, a line each, and the share.
    Text,
    /// The tracefile format of lcov, in which a point is a branch of its line.
    Lcov,
    /// One page with the sources, self-contained.
    Html,
}

/// The coverage of one project: its files and its points, in the order of the sources.
#[derive(Debug)]
pub struct Covered<'a> {
    /// The files.
    pub sources: &'a SourceMap,
    /// The points.
    pub points: Vec<Point>,
}

impl Coverage {
    /// Nothing of these rules tried yet.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        let webhooks = rules.program.webhooks.iter();
        let webhooks = webhooks.map(|webhook| Seen { conditions: vec![(0, 0); webhook.conditions.len()], ..Seen::default() });
        Self { webhooks: webhooks.collect(), watch: Watch::default() }
    }

    /// Who must be told of branches.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Takes in what was decided in a scenario.
    pub fn add(&mut self, rules: &Rules, happened: &Happened) {
        for step in &happened.steps {
            if let StepResult::Saved { decisions, .. } = &step.result {
                for decision in decisions {
                    self.decided(rules, decision);
                }
            }
        }
    }

    fn decided(&mut self, rules: &Rules, decision: &Decision) {
        let Some(seen) = self.webhooks.get_mut(decision.webhook.index()) else { return };
        let fired = decision.verdict == Verdict::Fired;
        seen.fired += u64::from(fired);
        seen.suppressed += u64::from(!fired);
        let asked = asked(rules.program.webhook(decision.webhook), &decision.verdict);
        let sides = seen.conditions.iter_mut().zip(asked.conditions).chain([(&mut seen.when, asked.when)]);
        for ((held, unmet), answer) in sides {
            *held += u64::from(answer == Some(true));
            *unmet += u64::from(answer == Some(false));
        }
    }

    /// Every point of the rules, in the order of the sources.
    #[must_use]
    pub fn points(&self, rules: &Rules) -> Vec<Point> {
        let mut points = Vec::new();
        let mut branches: BTreeMap<Span, BranchKind> = BTreeMap::new();
        for (index, (webhook, seen)) in (0_u32..).zip(rules.program.webhooks.iter().zip(&self.webhooks)) {
            let name = &webhook.name;
            let what = format!("webhook `{name}`");
            points.push(Point { span: webhook.span, what, sides: [("fired", seen.fired), ("suppressed", seen.suppressed)] });
            let words = conditions(webhook);
            for ((condition, words), (held, unmet)) in webhook.conditions.iter().zip(words).zip(&seen.conditions) {
                let what = format!("condition `{words}` of `{name}`");
                points.push(Point { span: condition.span, what, sides: [("true", *held), ("false", *unmet)] });
            }
            if let Some(when) = &webhook.when {
                let sides = [("true", seen.when.0), ("false", seen.when.1)];
                points.push(Point { span: when.whole(), what: format!("`when` of `{name}`"), sides });
            }
            branches.extend(branches_of(rules, WebhookId(index)).into_iter().map(|branch| (branch.span, branch.kind)));
        }
        // A template that several webhooks use is one.
        points.extend(branches.into_iter().map(|(span, kind)| self.branch(span, kind)));
        points.sort_by(|a, b| (a.span, &a.what).cmp(&(b.span, &b.what)));
        points
    }

    fn branch(&self, span: Span, kind: BranchKind) -> Point {
        let (what, yes, no) = match kind {
            BranchKind::Condition => ("branch of a template", "true", "false"),
            BranchKind::Loop => ("loop of a template", "with items", "without items"),
            BranchKind::Filter => ("filter of a loop", "true", "false"),
        };
        Point { span, what: what.to_owned(), sides: [(yes, self.watch.count(span, true)), (no, self.watch.count(span, false))] }
    }
}

fn branches_of(rules: &Rules, webhook: WebhookId) -> Vec<Branch> {
    let when = rules.predicates.get(webhook.index()).and_then(Option::as_ref);
    let mut found = when.map(crate::template::Predicate::branches).unwrap_or_default();
    let subscriptions = rules.subscriptions.get(webhook.index()).map(Vec::as_slice).unwrap_or_default();
    found.extend(subscriptions.iter().flat_map(|subscription| subscription.request.branches()));
    found
}

/// The coverage of projects, ready to print or to be written to a file.
#[must_use]
pub fn write_coverage(projects: &[Covered<'_>], format: Format) -> String {
    match format {
        Format::Text => text::render(projects),
        Format::Lcov => lcov::render(projects),
        Format::Html => html::render(projects),
    }
}

/// Sides seen, and all sides.
fn share<'p>(points: impl Iterator<Item = &'p Point>) -> (usize, usize) {
    points.fold((0, 0), |(seen, all), point| (seen + 2 - point.missed().count(), all + 2))
}

/// `14 of 18 (77.7 %)`, cut and not rounded, so that 100 % means all.
fn share_words((seen, all): (usize, usize)) -> String {
    let permille = (seen * 1_000).checked_div(all).unwrap_or(1_000);
    format!("{seen} of {all} ({}.{} %)", permille / 10, permille % 10)
}
