//! Mistakes against XML.

use webhookc::diagnostics::Code;

use super::Mistake;
use super::document::{Change, Document, misspelt};

pub const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "the closing quote is missing",
        codes: &[Code::UnquotedValue],
        places: |document| {
            let quote = |at: usize| at..at + 1;
            document.all_attributes().map(|found| Change::new(quote(found.value_at.end), "", found.whole.clone())).collect()
        },
    },
    Mistake {
        name: "the opening quote is missing",
        codes: &[Code::UnquotedValue],
        places: |document| {
            let quote = |at: usize| at - 1..at;
            document.all_attributes().map(|found| Change::new(quote(found.value_at.start), "", found.whole.clone())).collect()
        },
    },
    Mistake {
        name: "both quotes are missing",
        codes: &[Code::UnquotedValue],
        places: |document| {
            let value = |found: &super::document::Attr| found.value_at.start - 1..found.value_at.end + 1;
            let plain = document.all_attributes().filter(|found| !found.value.contains(['>', '=', '"', '\'']));
            plain.map(|found| Change::new(value(found), found.value.clone(), found.whole.clone())).collect()
        },
    },
    Mistake {
        name: "the equals sign is missing",
        codes: &[Code::AttributeWithoutValue],
        places: |document| {
            document
                .all_attributes()
                .map(|found| Change::new(found.name_at.end..found.value_at.start - 1, "", found.whole.clone()))
                .collect()
        },
    },
    Mistake {
        name: "the value is missing",
        codes: &[Code::AttributeWithoutValue],
        places: |document| {
            document
                .all_attributes()
                .map(|found| Change::new(found.name_at.end + 1..found.value_at.end + 1, "", found.whole.clone()))
                .collect()
        },
    },
    Mistake {
        name: "the space before an attribute is missing",
        codes: &[Code::UnquotedValue],
        places: |document| {
            document
                .nodes
                .iter()
                .flat_map(|node| node.attributes.windows(2))
                .map(|pair| Change::new(pair[0].whole.end..pair[1].whole.start, "", pair[0].whole.start..pair[1].whole.end))
                .collect()
        },
    },
    Mistake {
        name: "the `>` of an opening tag is missing",
        codes: &[Code::UnclosedTag],
        places: |document| {
            let open = document.nodes.iter().filter(|node| node.close.is_some() && !reads_on(document, node));
            open.map(|node| Change::new(node.tag.end - 1..node.tag.end, "", node.tag.clone())).collect()
        },
    },
    Mistake {
        name: "the `>` of an empty tag is missing",
        codes: &[Code::UnclosedTag],
        places: |document| {
            let empty = document.nodes.iter().filter(|node| node.close.is_none());
            empty.map(|node| Change::new(node.tag.end - 1..node.tag.end, "", node.tag.clone())).collect()
        },
    },
    Mistake {
        name: "the `/>` of an empty tag is missing",
        codes: &[Code::UnclosedTag],
        places: |document| {
            let empty = document.nodes.iter().filter(|node| node.close.is_none());
            empty.map(|node| Change::new(node.tag.end - 2..node.tag.end, "", node.tag.clone())).collect()
        },
    },
    Mistake {
        name: "the `/` of an empty tag is missing",
        codes: &[Code::UnclosedTag],
        places: |document| {
            let empty = document.nodes.iter().filter(|node| node.close.is_none());
            empty.map(|node| Change::new(node.tag.end - 2..node.tag.end - 1, "", node.tag.clone())).collect()
        },
    },
    Mistake {
        name: "the `>` of a closing tag is missing",
        codes: &[Code::UnclosedTag],
        places: |document| {
            let closed = document.nodes.iter().filter_map(|node| node.close.clone());
            closed.map(|close| Change::new(close.end - 1..close.end, "", close)).collect()
        },
    },
    Mistake {
        name: "the `/` of a closing tag is missing",
        codes: &[Code::UnclosedTag],
        places: |document| {
            let closed = document.nodes.iter().filter_map(|node| Some((node, node.close.clone()?)));
            closed.map(|(node, close)| Change::new(close.start + 1..close.start + 2, "", node.span.clone())).collect()
        },
    },
    Mistake {
        name: "the closing tag is missing",
        codes: &[Code::UnclosedTag],
        places: |document| {
            let closed = document.nodes.iter().filter_map(|node| Some((node, node.close.clone()?)));
            closed.map(|(node, close)| Change::new(close, "", node.tag.clone())).collect()
        },
    },
    Mistake {
        name: "the closing tag is there twice",
        codes: &[Code::UnexpectedCloseTag],
        places: |document| {
            let closed = document.nodes.iter().filter_map(|node| node.close.clone());
            closed.map(|close| Change::here(close.end..close.end, document.slice(&close))).collect()
        },
    },
    Mistake {
        name: "a closing tag behind an empty tag",
        codes: &[Code::UnexpectedCloseTag],
        places: |document| {
            let empty = document.nodes.iter().filter(|node| node.close.is_none() && node.parent.is_some());
            empty.map(|node| Change::here(node.span.end..node.span.end, format!("</{}>", node.name))).collect()
        },
    },
    Mistake {
        name: "the closing tag is misspelt",
        codes: &[Code::UnexpectedCloseTag],
        places: |document| {
            let closed = document.nodes.iter().filter_map(|node| Some((node, node.close.clone()?)));
            closed.map(|(node, close)| Change::here(close, format!("</{}>", misspelt(&node.name)))).collect()
        },
    },
    Mistake {
        name: "the opening tag is misspelt",
        codes: &[Code::UnexpectedCloseTag],
        places: |document| {
            let closed = document.nodes.iter().filter(|node| node.close.is_some() && node.parent.is_some());
            closed.map(|node| Change::new(node.name_at.clone(), misspelt(&node.name), node.span.clone())).collect()
        },
    },
    Mistake {
        name: "two closing tags are swapped",
        codes: &[Code::UnclosedTag, Code::UnexpectedCloseTag],
        places: |document| {
            let closed = document.nodes.iter().filter_map(|node| Some((node, node.close.clone()?)));
            let pairs = closed.filter_map(|(inner, close)| {
                let outer = &document.nodes[inner.parent?];
                let outer_close = outer.close.clone()?;
                let between = document.slice(&(close.end..outer_close.start));
                let last = between.trim().is_empty() && outer.parent.is_some() && outer.name != inner.name;
                last.then(|| (outer, close.start..outer_close.end, format!("</{}>{between}</{}>", outer.name, inner.name)))
            });
            pairs.map(|(outer, at, with)| Change::new(at, with, outer.span.clone())).collect()
        },
    },
    Mistake {
        name: "an attribute is there twice",
        codes: &[Code::DuplicateAttribute],
        places: |document| {
            let again = |found: &super::document::Attr| format!(" {}", document.slice(&found.whole));
            document.all_attributes().map(|found| Change::here(found.whole.end..found.whole.end, again(found))).collect()
        },
    },
    Mistake { name: "an unknown entity", codes: &[Code::BadEntityName], places: |document| in_labels(document, "&nbsp;") },
    Mistake { name: "a lone ampersand", codes: &[Code::BadEntityName], places: |document| in_labels(document, "& ") },
    Mistake { name: "an entity without a semicolon", codes: &[Code::BadEntityName], places: |document| in_labels(document, "&amp") },
    Mistake {
        name: "a reference to no character",
        codes: &[Code::BadCharacterReference],
        places: |document| in_labels(document, "&#xD800;"),
    },
    Mistake { name: "a control character", codes: &[Code::ControlCharacter], places: |document| in_labels(document, "\u{1}") },
    Mistake { name: "a `<` in a value", codes: &[Code::LtInAttribute], places: |document| in_labels(document, "<") },
    Mistake { name: "a lone `<`", codes: &[Code::UnclosedTag], places: |document| between_children(document, "< ") },
    Mistake {
        name: "a lone ampersand between elements",
        codes: &[Code::BadEntityName],
        places: |document| between_children(document, "&"),
    },
    Mistake {
        name: "a comment with two hyphens",
        codes: &[Code::MalformedComment],
        places: |document| between_children(document, "<!-- a -- b -->"),
    },
    Mistake {
        name: "a comment with one hyphen",
        codes: &[Code::MalformedComment],
        places: |document| between_children(document, "<!- a -->"),
    },
    Mistake {
        name: "a comment that is not closed",
        codes: &[Code::MalformedComment],
        places: |document| between_children(document, "<!-- a\n"),
    },
    Mistake { name: "text before the root", codes: &[Code::TextOutsideRoot], places: |document| beside_root(document, "oops ", "") },
    Mistake { name: "text behind the root", codes: &[Code::TextOutsideRoot], places: |document| beside_root(document, "", "oops") },
    Mistake { name: "a second root", codes: &[Code::SecondRoot], places: |document| beside_root(document, "", "<data-model/>") },
    Mistake {
        name: "a document type",
        codes: &[Code::DoctypeForbidden],
        places: |document| beside_root(document, "<!DOCTYPE data-model>", ""),
    },
];

/// Whether the name of an element would go on without the `>` behind it.
fn reads_on(document: &Document, node: &super::document::Node) -> bool {
    node.name_at.end + 1 == node.tag.end && document.text[node.tag.end..].starts_with(char::is_alphanumeric)
}

fn in_labels(document: &Document, text: &str) -> Vec<Change> {
    document
        .all_attributes()
        .filter(|found| found.name == "label")
        .map(|found| Change::new(found.value_at.start..found.value_at.start, text, found.whole.clone()))
        .collect()
}

/// Behind each element that is the child of another.
fn between_children(document: &Document, text: &str) -> Vec<Change> {
    let children = document.nodes.iter().filter(|node| node.parent.is_some_and(|parent| document.nodes[parent].text.is_none()));
    children.map(|node| Change::here(node.span.end..node.span.end, text)).collect()
}

fn beside_root(document: &Document, before: &str, behind: &str) -> Vec<Change> {
    let root = document.nodes.first();
    root.map(|root| {
        let at = if before.is_empty() { root.span.end } else { root.span.start };
        Change::here(at..at, if before.is_empty() { behind } else { before })
    })
    .into_iter()
    .collect()
}
