//! The graph as a Mermaid flowchart, which many forges and editors draw inside Markdown.

use std::fmt::Write as _;

use super::Graph;
use super::words::cut;

/// Characters of one line of a label.
const LONGEST: usize = 60;

/// The graph as Mermaid: a subgraph for each model, solid arrows for relations and deliveries, dotted ones for embeds.
#[must_use]
pub fn mermaid(graph: &Graph<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    for (index, model) in graph.models.iter().enumerate() {
        let _infallible = writeln!(text, "    subgraph s{index}[{}]", label(&[model.label]));
        let _infallible = writeln!(text, "        m{index}[{}]", label(&[model.name]));
        for (number, webhook) in model.webhooks.iter().enumerate() {
            let name = format!("{} ({})", webhook.name, webhook.kind);
            let lines: Vec<&str> = [name.as_str()].into_iter().chain(webhook.conditions.iter().map(String::as_str)).collect();
            let _infallible = writeln!(text, "        m{index}w{number}({})", label(&lines));
        }
        text.push_str("    end\n");
    }
    for (index, endpoint) in graph.endpoints.iter().enumerate() {
        let _infallible = writeln!(text, "    e{index}[[{}]]", label(&[endpoint.name, &endpoint.url]));
    }
    for (index, model) in graph.models.iter().enumerate() {
        for relation in &model.belongs_to {
            let _infallible = writeln!(text, "    m{index} -->|{}| m{}", label(&[&relation.name]), relation.target);
        }
        for (number, webhook) in model.webhooks.iter().enumerate() {
            for embed in &webhook.embeds {
                let _infallible = writeln!(text, "    m{index}w{number} -.->|{}| m{}", label(&[&embed.name]), embed.target);
            }
            for target in &webhook.targets {
                let _infallible = writeln!(text, "    m{index}w{number} --> e{target}");
            }
        }
    }
    text
}

/// A quoted label. Every character that could mean something to Mermaid, or to the HTML it makes, is written by its number.
pub(crate) fn label(lines: &[&str]) -> String {
    let mut out = String::from("\"");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push_str("<br/>");
        }
        for character in cut(line, LONGEST).chars() {
            if character.is_alphanumeric() || matches!(character, ' ' | '_' | '.' | ',' | '-' | '(' | ')' | '/' | ':' | '…') {
                out.push(character);
            } else if character.is_control() {
                out.push(' ');
            } else {
                let _infallible = write!(out, "#{};", u32::from(character));
            }
        }
    }
    out + "\""
}
