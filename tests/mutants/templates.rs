//! Mistakes in templates: addresses, headers, bodies, and template files.

use webhookc::diagnostics::Code;

use super::Mistake;
use super::document::{Change, Document, misspelt};

pub const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "a variable is misspelt",
        codes: &[Code::UnknownVariable],
        places: |document| in_expressions(document, |root, _| format!("q{root}")),
    },
    Mistake {
        name: "an attribute of a variable is misspelt",
        codes: &[Code::UnknownVariable, Code::UndeclaredVariable],
        places: |document| in_expressions(document, |root, path| format!("{root}.{}", misspelt(path))),
    },
    Mistake {
        name: "an unknown filter",
        codes: &[Code::UnknownFilter],
        places: |document| in_expressions(document, |root, path| format!("{root}.{path} | uper")),
    },
    Mistake {
        name: "an unknown function",
        codes: &[Code::UnknownFunctionOrTest],
        places: |document| in_expressions(document, |root, path| format!("lenght({root}.{path})")),
    },
    Mistake {
        name: "an unknown test",
        codes: &[Code::UnknownFunctionOrTest],
        places: |document| in_expressions(document, |root, path| format!("{root}.{path} is definde")),
    },
    Mistake {
        name: "an operator without its right side",
        codes: &[Code::TemplateSyntax],
        places: |document| in_expressions(document, |root, path| format!("{root}.{path} ~")),
    },
    Mistake {
        name: "an expression is empty",
        codes: &[Code::TemplateSyntax],
        places: |document| in_expressions(document, |_, _| String::new()),
    },
    Mistake {
        name: "an expression is closed with one brace",
        codes: &[Code::TemplateSyntax],
        places: |document| {
            let found = expressions(document);
            found
                .into_iter()
                .map(|(at, near)| Change::new(at.end + 1..at.end + 2, "", near))
                .filter(|change| document.text[change.at.clone()] == *"}")
                .collect()
        },
    },
    Mistake {
        name: "a block is not closed",
        codes: &[Code::TemplateSyntax],
        places: |document| document.places("{% endif %}").map(|at| Change::new(at.clone(), "", document_of(document, at))).collect(),
    },
    Mistake {
        name: "a block is misspelt",
        codes: &[Code::TemplateSyntax],
        places: |document| document.places("{% if ").map(|at| Change::new(at.clone(), "{% fi ", document_of(document, at))).collect(),
    },
    Mistake { name: "a JSON body without a colon", codes: &[Code::InvalidJsonBody], places: |document| in_bodies(document, "\":", "\"") },
    Mistake {
        name: "a JSON body without a comma",
        codes: &[Code::InvalidJsonBody],
        places: |document| in_bodies(document, "\", \"", "\" \""),
    },
    Mistake {
        name: "a JSON body with a comma at its end",
        codes: &[Code::InvalidJsonBody],
        places: |document| in_bodies(document, "\"}", "\",}"),
    },
    Mistake {
        name: "a JSON body without its last brace",
        codes: &[Code::InvalidJsonBody],
        places: |document| in_bodies(document, "\"}", "\""),
    },
    Mistake {
        name: "a JSON body with a name without quotes",
        codes: &[Code::InvalidJsonBody],
        places: |document| in_bodies(document, "\"name\":", "name:"),
    },
    Mistake {
        name: "a JSON body with a quote too many",
        codes: &[Code::InvalidJsonBody],
        places: |document| in_bodies(document, "\"}", "\"\"}"),
    },
    Mistake {
        name: "a secret in a body",
        codes: &[Code::SecretInBody],
        places: |document| in_bodies(document, "object.name", "secret.token"),
    },
    Mistake {
        name: "the host comes from the data",
        codes: &[Code::UrlHostFromData],
        places: |document| addresses(document).map(|at| Change::here(at, "https://{{ object.id }}/")).collect(),
    },
    Mistake {
        name: "an address without a scheme",
        codes: &[Code::InvalidUrl],
        places: |document| addresses(document).map(|at| Change::new(at.clone(), "example.com/", document_of(document, at))).collect(),
    },
    Mistake {
        name: "an address of another protocol",
        codes: &[Code::InvalidUrl],
        places: |document| addresses(document).map(|at| Change::new(at.clone(), "ftp://example.com/", document_of(document, at))).collect(),
    },
    Mistake {
        name: "an address without encryption",
        codes: &[Code::InsecureTarget],
        places: |document| {
            addresses(document).map(|at| Change::new(at.clone(), "http://example.com/", document_of(document, at))).collect()
        },
    },
    Mistake {
        name: "a template file is misspelt",
        codes: &[Code::TemplateNotFound],
        places: |document| {
            document.attributes(&["body"], "template").map(|found| Change::here(found.value_at.clone(), misspelt(&found.value))).collect()
        },
    },
    Mistake {
        name: "a header that is reserved",
        codes: &[Code::ReservedHeader],
        places: |document| {
            document.attributes(&["header"], "name").map(|found| Change::here(found.value_at.clone(), "Content-Length")).collect()
        },
    },
    Mistake {
        name: "a header name with a space",
        codes: &[Code::InvalidValue],
        places: |document| document.attributes(&["header"], "name").map(|found| Change::here(found.value_at.clone(), "X Asset")).collect(),
    },
    Mistake {
        name: "a line break in a header",
        codes: &[Code::HeaderInjection],
        places: |document| {
            let texts = document.named(&["header"]).filter_map(|node| node.text.clone());
            texts.map(|text| Change::new(text.end..text.end, "\nX-Other: 1", text)).collect()
        },
    },
];

/// The beginnings of the addresses of requests.
fn addresses(document: &Document) -> impl Iterator<Item = std::ops::Range<usize>> {
    let urls = document.attributes(&["request"], "url").filter(|found| found.value.starts_with("https://example.com/"));
    urls.map(|found| found.value_at.start..found.value_at.start + "https://example.com/".len())
}

/// What stands in an expression that prints a path, and the whole text of the template.
fn expressions(document: &Document) -> Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let opened = document.places("{{ ");
    let inside = opened.map(|at| document.until(at.end, &['|', '}']));
    let trimmed = inside.map(|at| at.start..at.start + document.slice(&at).trim_end().len());
    trimmed
        .filter(|at| document.slice(at).split_once('.').is_some_and(|(_, path)| is_word(path)))
        .map(|at| (at.clone(), document_of(document, at)))
        .collect()
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Writes another expression in place of `root.path`.
fn in_expressions(document: &Document, wrong: fn(&str, &str) -> String) -> Vec<Change> {
    let found = expressions(document).into_iter();
    found
        .map(|(at, near)| {
            let (root, path) = document.slice(&at).split_once('.').unwrap();
            Change::new(at.clone(), wrong(root, path), near)
        })
        .collect()
}

/// Replaces what stands in JSON bodies.
fn in_bodies(document: &Document, right: &str, wrong: &str) -> Vec<Change> {
    let bodies = document
        .named(&["body"])
        .filter(|node| node.attributes.is_empty() && !document.slice(&node.span).contains("$if"))
        .filter_map(|node| node.text.clone());
    bodies
        .filter_map(|text| {
            let at = text.start + document.slice(&text).rfind(right)?;
            Some(Change::new(at..at + right.len(), wrong, text))
        })
        .collect()
}

/// The attribute value, the text or the template file in which a place lies.
fn document_of(document: &Document, at: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let around = |found: &std::ops::Range<usize>| found.start <= at.start && at.end <= found.end;
    let values = document.all_attributes().map(|found| found.value_at.clone());
    let texts = document.nodes.iter().filter_map(|node| node.text.clone());
    values.chain(texts).filter(around).min_by_key(ExactSizeIterator::len).unwrap_or(0..document.text.len())
}
