//! The graph as a picture: models with their webhooks in a column, what they belong to in arcs on the left, embeds in dashed arcs on
//! the right, endpoints in a column of their own. Colours follow the reader's preference; there is no script and nothing is fetched.

use std::fmt::Write as _;

use super::words::{cut, xml};
use super::{Graph, ModelNode};

/// Pixels; text is set in a monospaced font, so that widths are known.
const CHARACTER: usize = 8;
const LINE: usize = 18;
const PADDING: usize = 12;
const GAP: usize = 28;
/// Between the columns, where the arrows are.
const AISLE: usize = 150;
/// The first arc's distance from the boxes, and how much further each next one goes, up to a number of lanes.
const ARC: usize = 26;
const LANE: usize = 14;
const LANES: usize = 8;
/// Characters of a line.
const LONGEST: usize = 48;

const STYLE: &str = "<style>\n\
    text { font: 13px ui-monospace, monospace; fill: #1f2328 } .quiet { fill: #59636e } .strong { font-weight: bold }\n\
    .ground { fill: #ffffff } .model { fill: #f6f8fa; stroke: #818b98 } .webhook { fill: #ddf4ff; stroke: #0969da } .endpoint { fill: #dafbe1; stroke: #1a7f37 }\n\
    path { fill: none; stroke-width: 1.5 } .relation { stroke: #818b98 } .embed { stroke: #8250df; stroke-dasharray: 5 4 } .delivery { stroke: #1a7f37 }\n\
    marker path { stroke: none } #relation path { fill: #818b98 } #embed path { fill: #8250df } #delivery path { fill: #1a7f37 }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .ground { fill: #0d1117 }\n\
    .model { fill: #151b23; stroke: #656c76 } .webhook { fill: #121d2f; stroke: #4493f8 } .endpoint { fill: #12261e; stroke: #3fb950 }\n\
    .embed { stroke: #ab7df8 } .delivery { stroke: #3fb950 } #embed path { fill: #ab7df8 } #delivery path { fill: #3fb950 }\n\
    }\n</style>\n";

/// Where the boxes are.
struct Layout {
    /// Left edge and width of the models.
    models: (usize, usize),
    /// Top and height of each model.
    tops: Vec<(usize, usize)>,
    /// Left edge and width of the endpoints.
    endpoints: (usize, usize),
    height: usize,
}

/// The graph as SVG.
#[must_use]
pub fn svg(graph: &Graph<'_>) -> String {
    let layout = lay_out(graph);
    let (width, height) = (layout.endpoints.0 + layout.endpoints.1 + GAP, layout.height);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>Models, webhooks and endpoints</title>\n{STYLE}<defs>\n"
    );
    for kind in ["relation", "embed", "delivery"] {
        let _infallible = writeln!(
            text,
            "<marker id=\"{kind}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker>"
        );
    }
    let _infallible = writeln!(text, "</defs>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>");
    let mut lane = 0;
    for (model, &place) in graph.models.iter().zip(&layout.tops) {
        relations(&mut text, model, place.0, &layout, &mut lane);
        draw_model(&mut text, model, place, &layout);
    }
    for (index, endpoint) in graph.endpoints.iter().enumerate() {
        let (left, width) = layout.endpoints;
        let top = endpoint_top(index);
        rectangle(&mut text, "endpoint", left, top, width, endpoint_height());
        line(&mut text, "strong", left + PADDING, top + PADDING + LINE - 5, endpoint.name);
        line(&mut text, "quiet", left + PADDING, top + PADDING + 2 * LINE - 5, endpoint.url);
    }
    text + "</svg>\n"
}

fn lay_out(graph: &Graph<'_>) -> Layout {
    let columns = |lines: &mut dyn Iterator<Item = usize>| lines.max().unwrap_or(0).clamp(12, LONGEST) * CHARACTER;
    let count = |text: &str| text.chars().count();
    let widest = columns(&mut graph.models.iter().flat_map(|model| {
        let webhooks = model.webhooks.iter().flat_map(move |webhook| {
            let title = count(webhook.name) + count(webhook.kind) + 3;
            [title].into_iter().chain(webhook.conditions.iter().map(move |condition| count(condition)))
        });
        [count(model.name) + count(model.label) + 3].into_iter().chain(webhooks)
    }));
    let left = ARC + LANES * LANE + 4 * GAP;
    let models = (left, widest + 4 * PADDING);
    let mut tops = Vec::with_capacity(graph.models.len());
    let mut top = GAP;
    for model in &graph.models {
        let height = 2 * PADDING + LINE + model.webhooks.iter().map(|webhook| webhook_height(webhook.conditions.len())).sum::<usize>();
        tops.push((top, height));
        top += height + GAP;
    }
    let addresses = columns(&mut graph.endpoints.iter().flat_map(|endpoint| [count(endpoint.name), count(endpoint.url)]));
    let endpoints = (models.0 + models.1 + AISLE, if graph.endpoints.is_empty() { 0 } else { addresses + 2 * PADDING });
    Layout { models, tops, endpoints, height: top.max(endpoint_top(graph.endpoints.len())) }
}

/// Of a webhook with the space above it.
fn webhook_height(conditions: usize) -> usize {
    (conditions + 1) * LINE + 2 * PADDING
}

fn endpoint_height() -> usize {
    2 * LINE + 2 * PADDING
}

fn endpoint_top(index: usize) -> usize {
    GAP + index * (endpoint_height() + GAP)
}

fn draw_model(text: &mut String, model: &ModelNode<'_>, (top, height): (usize, usize), layout: &Layout) {
    let (left, width) = layout.models;
    rectangle(text, "model", left, top, width, height);
    line(text, "strong", left + PADDING, top + PADDING + LINE - 5, model.name);
    let taken = model.name.chars().count().min(LONGEST) + 2;
    let free = (width / CHARACTER).saturating_sub(taken + 2 * PADDING / CHARACTER);
    line(text, "quiet", left + PADDING + taken * CHARACTER, top + PADDING + LINE - 5, &cut(model.label, free));
    let mut at = top + PADDING + LINE + PADDING / 2;
    for (number, webhook) in model.webhooks.iter().enumerate() {
        let height = webhook_height(webhook.conditions.len()) - PADDING;
        let (inner, right) = (left + PADDING, left + width - PADDING);
        rectangle(text, "webhook", inner, at, width - 2 * PADDING, height);
        line(text, "strong", inner + PADDING, at + PADDING / 2 + LINE - 5, &format!("{} ({})", webhook.name, webhook.kind));
        for (row, condition) in webhook.conditions.iter().enumerate() {
            line(text, "quiet", inner + PADDING, at + PADDING / 2 + (row + 2) * LINE - 5, condition);
        }
        let middle = at + height / 2;
        for embed in &webhook.embeds {
            let target = layout.tops.get(embed.target).map_or(0, |(top, _)| top + PADDING + LINE / 2);
            let reach = left + width + ARC + LANE * ((number + 1) % LANES);
            arrow(text, "embed", &format!("M{right} {middle}C{reach} {middle} {reach} {target} {} {target}", left + width));
        }
        for &target in &webhook.targets {
            let end = endpoint_top(target) + endpoint_height() / 2;
            let (half, to) = (right + AISLE / 2, layout.endpoints.0);
            arrow(text, "delivery", &format!("M{right} {middle}C{half} {middle} {half} {end} {to} {end}"));
        }
        at += height + PADDING;
    }
}

/// The arcs from a model to those it belongs to, each in the next lane, with the relation's name beside it.
fn relations(text: &mut String, model: &ModelNode<'_>, top: usize, layout: &Layout, lane: &mut usize) {
    let left = layout.models.0;
    for (number, relation) in model.belongs_to.iter().enumerate() {
        let from = top + PADDING + LINE + number * 4;
        let to = layout.tops.get(relation.target).map_or(0, |(top, _)| top + PADDING + LINE / 2);
        let reach = left - ARC - *lane % LANES * LANE - ARC;
        *lane += 1;
        arrow(text, "relation", &format!("M{left} {from}C{reach} {from} {reach} {to} {left} {to}"));
        // A quarter of the reach is lost to the curve.
        let name = cut(&relation.name, 14);
        let _infallible = writeln!(
            text,
            "<text class=\"quiet\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{}</text>",
            left - (left - reach) * 3 / 4 - 4,
            from.midpoint(to) + 4,
            xml(&name)
        );
    }
}

fn rectangle(text: &mut String, class: &str, x: usize, y: usize, width: usize, height: usize) {
    let _infallible = writeln!(text, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>");
}

fn line(text: &mut String, class: &str, x: usize, y: usize, content: &str) {
    let _infallible = writeln!(text, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", xml(&cut(content, LONGEST)));
}

fn arrow(text: &mut String, class: &str, path: &str) {
    let _infallible = writeln!(text, "<path class=\"{class}\" marker-end=\"url(#{class})\" d=\"{path}\"/>");
}
