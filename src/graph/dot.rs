//! The graph in the language of Graphviz.

use std::fmt::Write as _;

use super::Graph;

/// The graph as DOT: a cluster for each model, solid edges for relations and deliveries, dashed ones for embeds.
#[must_use]
pub fn dot(graph: &Graph<'_>) -> String {
    let mut text = String::from("digraph rules {\n    rankdir=LR;\n    compound=true;\n    node [shape=box, fontname=\"sans-serif\"];\n");
    for (index, model) in graph.models.iter().enumerate() {
        let _infallible = writeln!(text, "    subgraph cluster_{index} {{\n        label={};", quoted(model.label));
        let _infallible = writeln!(text, "        m{index} [label={}, style=bold];", quoted(model.name));
        for (number, webhook) in model.webhooks.iter().enumerate() {
            let label = format!("{} ({})\n{}", webhook.name, webhook.kind, webhook.conditions.join("\n"));
            let _infallible = writeln!(text, "        m{index}w{number} [label={}, style=rounded];", quoted(label.trim_end()));
        }
        text.push_str("    }\n");
    }
    for (index, endpoint) in graph.endpoints.iter().enumerate() {
        let label = format!("{}\n{}", endpoint.name, endpoint.url);
        let _infallible = writeln!(text, "    e{index} [label={}, shape=cds];", quoted(&label));
    }
    for (index, model) in graph.models.iter().enumerate() {
        for relation in &model.belongs_to {
            let _infallible = writeln!(text, "    m{index} -> m{} [label={}];", relation.target, quoted(&relation.name));
        }
        for (number, webhook) in model.webhooks.iter().enumerate() {
            for embed in &webhook.embeds {
                let label = quoted(&embed.name);
                let _infallible = writeln!(text, "    m{index}w{number} -> m{} [label={label}, style=dashed];", embed.target);
            }
            for target in &webhook.targets {
                let _infallible = writeln!(text, "    m{index}w{number} -> e{target};");
            }
        }
    }
    text + "}\n"
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            _ if character.is_control() => out.push(' '),
            _ => out.push(character),
        }
    }
    out + "\""
}
