//! Where everything of a picture stands: models in a first column, each beside its webhooks in a second, endpoints in a third near the
//! webhooks that they receive. Relations run in lanes left of the models, so that no two of them lie on each other. Pixels.

use super::words::{columns, cut};
use super::{Graph, ModelNode, WebhookNode};

/// A column of text: it is set in a monospaced font, so that widths are known.
pub(super) const CHARACTER: usize = 8;
/// From one line of text to the next.
pub(super) const LINE: usize = 18;
/// Between a box and its text.
pub(super) const PADDING: usize = 10;
/// Around the picture, and between models.
pub(super) const GAP: usize = 24;
/// Above the columns, for their headings.
const HEADING: usize = 44;
/// Between the webhooks of a model.
const NEAR: usize = 10;
/// Between the columns, where the arrows are.
const AISLE: usize = 90;
/// From the boxes to the first lane, and from lane to lane.
const LANE: usize = 10;
/// More relations than this beside each other share the last lane.
const LANES: usize = 40;
/// Columns of a line of text; what is longer is cut.
const LONGEST: usize = 52;

/// A box with lines of text, the first one its title.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) lines: Vec<String>,
}

impl Frame {
    /// The middle of a line.
    pub(super) fn middle(&self, line: usize) -> usize {
        self.y + PADDING + line * LINE + LINE / 2
    }

    /// Its right edge.
    pub(super) fn right(&self) -> usize {
        self.x + self.width
    }

    fn of(lines: &[String]) -> Self {
        let lines: Vec<String> = lines.iter().map(|line| cut(line, LONGEST)).collect();
        Self { x: 0, y: 0, width: 0, height: lines.len() * LINE + 2 * PADDING, lines }
    }
}

/// A relation: from a line of a model to the title of another, along a lane.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) model: usize,
    pub(super) line: usize,
    pub(super) target: usize,
    pub(super) lane: usize,
}

/// Where everything stands.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) models: Vec<Frame>,
    /// The webhooks of each model.
    pub(super) webhooks: Vec<Vec<Frame>>,
    pub(super) endpoints: Vec<Frame>,
    pub(super) relations: Vec<Relation>,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Lays out a graph.
pub(super) fn lay_out(graph: &Graph<'_>) -> Layout {
    let mut models: Vec<Frame> = graph.models.iter().map(|model| Frame::of(&model_lines(model))).collect();
    let mut webhooks: Vec<Vec<Frame>> =
        graph.models.iter().map(|model| model.webhooks.iter().map(|webhook| Frame::of(&webhook_lines(webhook))).collect()).collect();
    let mut bottom = GAP + HEADING;
    for (model, own) in models.iter_mut().zip(&mut webhooks) {
        model.y = bottom;
        let mut y = bottom;
        for webhook in own {
            webhook.y = y;
            y += webhook.height + NEAR;
        }
        bottom = y.saturating_sub(NEAR).max(model.y + model.height) + GAP;
    }
    let relations = relations(graph, &models);
    let lanes = relations.iter().map(|relation| relation.lane + 1).max().unwrap_or(0);
    let mut endpoints = endpoints(graph, &webhooks);
    let mut x = GAP + (lanes + 1) * LANE;
    x = column(models.iter_mut(), x) + AISLE;
    x = column(webhooks.iter_mut().flatten(), x) + AISLE;
    let width = column(endpoints.iter_mut(), x) + GAP;
    let height = endpoints.iter().map(|endpoint| endpoint.y + endpoint.height + GAP).fold(bottom, usize::max);
    Layout { models, webhooks, endpoints, relations, width, height }
}

/// The x of a lane, beside boxes that begin at `left`.
pub(super) fn lane_x(left: usize, lane: usize) -> usize {
    left - (lane + 1) * LANE
}

fn model_lines(model: &ModelNode<'_>) -> Vec<String> {
    let mut lines = vec![model.name.to_owned()];
    if model.label != model.name && !model.label.is_empty() {
        lines.push(model.label.to_owned());
    }
    lines.extend(model.belongs_to.iter().map(|relation| {
        if relation.name == relation.model {
            format!("→ {}", relation.model)
        } else {
            format!("{} → {}", relation.name, relation.model)
        }
    }));
    lines
}

fn webhook_lines(webhook: &WebhookNode<'_>) -> Vec<String> {
    let mut lines = vec![format!("{} ({})", webhook.name, webhook.kind)];
    if webhook.on != ["create", "update"] {
        lines.push(format!("on {}", webhook.on.join(", ")));
    }
    lines.extend(webhook.conditions.iter().cloned());
    lines.extend(webhook.embeds.iter().map(|embed| format!("with {}", embed.name)));
    lines
}

/// Puts boxes into a column as wide as the longest line, and says where it ends.
fn column<'f>(frames: impl Iterator<Item = &'f mut Frame>, x: usize) -> usize {
    let frames: Vec<&mut Frame> = frames.collect();
    let longest = frames.iter().flat_map(|frame| &frame.lines).map(|line| columns(line)).max().unwrap_or(0);
    let width = longest.max(12) * CHARACTER + 2 * PADDING;
    for frame in frames {
        (frame.x, frame.width) = (x, width);
    }
    x + width
}

/// Short relations come first and run next to the boxes; each takes the first lane that is free all along it.
fn relations(graph: &Graph<'_>, models: &[Frame]) -> Vec<Relation> {
    let mut found = Vec::new();
    for (model, (node, frame)) in graph.models.iter().zip(models).enumerate() {
        let first = frame.lines.len() - node.belongs_to.len();
        for (number, relation) in node.belongs_to.iter().enumerate() {
            let line = first + number;
            let (from, to) = (frame.middle(line), models.get(relation.target).map_or(0, |target| target.middle(0)));
            found.push((from.min(to), from.max(to), Relation { model, line, target: relation.target, lane: 0 }));
        }
    }
    found.sort_by_key(|(from, to, _)| to - from);
    let mut taken: Vec<Vec<(usize, usize)>> = Vec::new();
    for (from, to, relation) in &mut found {
        let is_free = |spans: &Vec<(usize, usize)>| spans.iter().all(|(other_from, other_to)| *to < *other_from || *other_to < *from);
        let lane = taken.iter().position(is_free).unwrap_or(taken.len()).min(LANES - 1);
        relation.lane = lane;
        match taken.get_mut(lane) {
            Some(spans) => spans.push((*from, *to)),
            None => taken.push(vec![(*from, *to)]),
        }
    }
    found.into_iter().map(|(_, _, relation)| relation).collect()
}

/// Each endpoint as near as possible to the middle of the webhooks that it receives.
fn endpoints(graph: &Graph<'_>, webhooks: &[Vec<Frame>]) -> Vec<Frame> {
    let mut frames: Vec<Frame> =
        graph.endpoints.iter().map(|endpoint| Frame::of(&[endpoint.name.to_owned(), endpoint.url.to_string()])).collect();
    let mut sources: Vec<(usize, usize)> = vec![(0, 0); frames.len()];
    for (webhook, frame) in graph.models.iter().zip(webhooks).flat_map(|(model, frames)| model.webhooks.iter().zip(frames)) {
        for target in &webhook.targets {
            if let Some((sum, count)) = sources.get_mut(*target) {
                (*sum, *count) = (*sum + frame.middle(0), *count + 1);
            }
        }
    }
    let wanted = |index: usize| sources.get(index).map_or(0, |(sum, count)| sum.checked_div(*count).unwrap_or(0));
    let mut order: Vec<usize> = (0..frames.len()).collect();
    order.sort_by_key(|index| wanted(*index));
    let mut bottom = GAP + HEADING;
    for index in order {
        if let Some(frame) = frames.get_mut(index) {
            frame.y = wanted(index).saturating_sub(PADDING + LINE / 2).max(bottom);
            bottom = frame.y + frame.height + NEAR;
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{EndpointNode, RelationEdge};

    fn webhook(name: &'static str, targets: Vec<usize>, embeds: usize) -> WebhookNode<'static> {
        let embeds = (0..embeds).map(|target| RelationEdge { name: format!("to_{target}"), target, model: "m" }).collect();
        let conditions = vec!["日本語 ".repeat(30), "a is set".to_owned()];
        WebhookNode { name, kind: "update", on: vec!["delete"], conditions, embeds, targets, endpoints: Vec::new(), others: 0 }
    }

    fn apart(one: &Frame, other: &Frame) -> bool {
        let beside = one.right() < other.x || other.right() < one.x;
        beside || one.y + one.height < other.y || other.y + other.height < one.y
    }

    #[test]
    fn nothing_lies_on_anything_else() {
        let relation =
            |model: usize, step: usize| RelationEdge { name: format!("r{step}"), target: (model * 7 + step * 5) % 30, model: "m" };
        let models = (0..30).map(|model| ModelNode {
            name: "model",
            label: "Ein Modell 😀",
            belongs_to: (0..model % 4).map(|step| relation(model, step)).collect(),
            webhooks: (0..model % 3).map(|number| webhook("saved", vec![model % 4, number], number * 2)).collect(),
        });
        let endpoints = (0..5).map(|_| EndpointNode { name: "e", url: "https://e.example/".into() }).collect();
        let layout = lay_out(&Graph { format_version: "1.0", models: models.collect(), endpoints });
        let frames: Vec<&Frame> = layout.models.iter().chain(layout.webhooks.iter().flatten()).chain(&layout.endpoints).collect();
        for (index, frame) in frames.iter().enumerate() {
            assert!(frame.right() < layout.width && frame.y + frame.height < layout.height, "{frame:?} leaves the picture");
            assert!(frame.lines.iter().all(|line| columns(line) * CHARACTER + 2 * PADDING <= frame.width), "{frame:?} is too narrow");
            assert!(frames.iter().skip(index + 1).all(|other| apart(frame, other)), "{frame:?} lies on another");
        }
        let span = |relation: &Relation| {
            let (from, to) = (layout.models[relation.model].middle(relation.line), layout.models[relation.target].middle(0));
            (from.min(to), from.max(to))
        };
        for (index, one) in layout.relations.iter().enumerate() {
            for other in layout.relations.iter().skip(index + 1).filter(|other| other.lane == one.lane) {
                let ((from, to), (other_from, other_to)) = (span(one), span(other));
                assert!(to < other_from || other_to < from, "{one:?} lies on {other:?}");
            }
            assert!(lane_x(layout.models[0].x, one.lane) >= GAP);
        }
    }
}
