//! The graph as a picture: models, then their webhooks, then the endpoints, from left to right. Belongs-to relations run left of the
//! models, embeds go back from a webhook to a model, dashed. Colours follow the reader's preference; there is no script and nothing is
//! fetched.

use std::fmt::Write as _;

use super::Graph;
use super::layout::{CHARACTER, Frame, GAP, LINE, Layout, PADDING, lane_x, lay_out};
use super::words::xml;

const STYLE: &str = "<style>\n\
    text { font: 13px ui-monospace, monospace; fill: #1f2328; white-space: pre } .quiet { fill: #59636e } .strong { font-weight: bold }\n\
    .ground { fill: #ffffff } .model { fill: #f6f8fa; stroke: #818b98 } .webhook { fill: #ddf4ff; stroke: #0969da } .endpoint { fill: #dafbe1; stroke: #1a7f37 }\n\
    path { fill: none; stroke-width: 1.5; stroke-linejoin: round } .relation { stroke: #818b98 } .embed { stroke: #8250df; stroke-dasharray: 5 4 } .delivery { stroke: #1a7f37 } .own { stroke: #0969da }\n\
    marker path { stroke: none } #relation path { fill: #818b98 } #embed path { fill: #8250df } #delivery path { fill: #1a7f37 } #own path { fill: #0969da }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .ground { fill: #0d1117 }\n\
    .model { fill: #151b23; stroke: #656c76 } .webhook { fill: #121d2f; stroke: #4493f8 } .endpoint { fill: #12261e; stroke: #3fb950 }\n\
    .own { stroke: #4493f8 } .embed { stroke: #ab7df8 } .delivery { stroke: #3fb950 } #embed path { fill: #ab7df8 } #delivery path { fill: #3fb950 } #own path { fill: #4493f8 }\n\
    }\n</style>\n";

/// The graph as SVG.
#[must_use]
pub fn svg(graph: &Graph<'_>) -> String {
    picture(graph, STYLE, None)
}

/// The graph as SVG within a page that brings its own style; each webhook is a link to where `link` says, if it does.
#[must_use]
pub fn svg_for_page(graph: &Graph<'_>, link: Option<&dyn Fn(&str) -> String>) -> String {
    picture(graph, "", link)
}

fn picture(graph: &Graph<'_>, style: &str, link: Option<&dyn Fn(&str) -> String>) -> String {
    let layout = lay_out(graph);
    let Layout { width, height, .. } = layout;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"{}\">\n\
         <title>Models, webhooks and endpoints</title>\n{style}<defs>\n",
        // A picture has no links for who hears it.
        if link.is_some() { "group" } else { "img" }
    );
    for kind in ["relation", "own", "embed", "delivery"] {
        let _infallible = writeln!(
            text,
            "<marker id=\"{kind}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker>"
        );
    }
    let _infallible = writeln!(text, "</defs>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>");
    headings(&mut text, &layout);
    // Arrows first: where one has to pass a box, the box and its text are on top.
    arrows(&mut text, graph, &layout);
    layout.models.iter().for_each(|model| draw(&mut text, "model", model));
    for (webhook, frame) in graph.models.iter().flat_map(|model| &model.webhooks).zip(layout.webhooks.iter().flatten()) {
        if let Some(link) = link {
            let _infallible = writeln!(text, "<a href=\"{}\">", xml(&link(webhook.name)));
        }
        draw(&mut text, "webhook", frame);
        text.push_str(if link.is_some() { "</a>\n" } else { "" });
    }
    layout.endpoints.iter().for_each(|endpoint| draw(&mut text, "endpoint", endpoint));
    text + "</svg>\n"
}

fn headings(text: &mut String, layout: &Layout) {
    let columns =
        [("Models", layout.models.first()), ("Webhooks", layout.webhooks.iter().flatten().next()), ("Endpoints", layout.endpoints.first())];
    for (heading, first) in columns {
        if let Some(frame) = first {
            line(text, "quiet", frame.x, GAP + LINE, heading);
        }
    }
}

fn arrows(text: &mut String, graph: &Graph<'_>, layout: &Layout) {
    for relation in &layout.relations {
        if let (Some(from), Some(to)) = (layout.models.get(relation.model), layout.models.get(relation.target)) {
            let (left, lane) = (from.x, lane_x(from.x, relation.lane));
            arrow(text, "relation", &format!("M{left} {}H{lane}V{}H{left}", from.middle(relation.line), to.middle(0)));
        }
    }
    for ((node, model), frames) in graph.models.iter().zip(&layout.models).zip(&layout.webhooks) {
        for (webhook, frame) in node.webhooks.iter().zip(frames) {
            curve(text, "own", (model.right(), model.middle(0)), (frame.x, frame.middle(0)));
            // Below the model's own arrows, which leave at the middle.
            let first = frame.lines.len() - webhook.embeds.len();
            for (number, embed) in webhook.embeds.iter().enumerate() {
                if let Some(target) = layout.models.get(embed.target) {
                    curve(text, "embed", (frame.x, frame.middle(first + number)), (target.right(), target.middle(0) + LINE / 3));
                }
            }
            for target in webhook.targets.iter().filter_map(|target| layout.endpoints.get(*target)) {
                curve(text, "delivery", (frame.right(), frame.middle(0)), (target.x, target.middle(0)));
            }
        }
    }
}

fn curve(text: &mut String, class: &str, (x, y): (usize, usize), (to_x, to_y): (usize, usize)) {
    let half = x.midpoint(to_x);
    arrow(text, class, &format!("M{x} {y}C{half} {y} {half} {to_y} {to_x} {to_y}"));
}

fn arrow(text: &mut String, class: &str, path: &str) {
    let _infallible = writeln!(text, "<path class=\"{class}\" marker-end=\"url(#{class})\" d=\"{path}\"/>");
}

fn draw(text: &mut String, class: &str, frame: &Frame) {
    let Frame { x, y, width, height, lines } = frame;
    let _infallible = writeln!(text, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>");
    for (number, content) in lines.iter().enumerate() {
        let class = if number == 0 { "strong" } else { "quiet" };
        line(text, class, x + PADDING, frame.middle(number) + CHARACTER / 2, content);
    }
}

fn line(text: &mut String, class: &str, x: usize, y: usize, content: &str) {
    let _infallible = writeln!(text, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", xml(content));
}
