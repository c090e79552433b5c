//! Mistakes against the schema language: misspelt words and names, things left out, there twice, or in the wrong place.

use webhookc::diagnostics::Code;

use super::Mistake;
use super::document::{Change, misspelt};
use super::places::{
    defines, first_word, in_displays, in_model, is_boolean, is_required, listed, misspell, moved, on_plain, twice, unused_names,
};

pub const MISTAKES: &[Mistake] = &[
    // Words.
    Mistake {
        name: "an element is misspelt",
        codes: &[Code::UnknownElement],
        places: |document| {
            let inner = document.nodes.iter().filter(|node| node.parent.is_some() && node.close.is_none());
            inner.map(|node| Change::here(node.name_at.clone(), misspelt(&node.name))).collect()
        },
    },
    Mistake {
        name: "an element with content is misspelt in both tags",
        codes: &[Code::UnknownElement],
        places: |document| {
            let inner = document.nodes.iter().filter(|node| node.parent.is_some());
            inner
                .filter_map(|node| {
                    let close = node.close.clone()?;
                    let wrong = misspelt(&node.name);
                    let inside = document.slice(&(node.name_at.end..close.start));
                    Some(Change::new(node.name_at.start..close.end, format!("{wrong}{inside}</{wrong}>"), node.tag.clone()))
                })
                .collect()
        },
    },
    Mistake {
        name: "the root is misspelt",
        codes: &[Code::WrongRoot],
        places: |document| {
            let root = document.nodes.first();
            root.and_then(|node| {
                let close = node.close.clone()?;
                let inside = document.slice(&(node.name_at.end..close.start));
                Some(Change::new(node.name_at.start..close.end, format!("data-modle{inside}</data-modle>"), node.tag.clone()))
            })
            .into_iter()
            .collect()
        },
    },
    Mistake {
        name: "an attribute is misspelt",
        codes: &[Code::UnknownAttribute],
        places: |document| {
            let inner = document.all_attributes().filter(|found| document.node(found).parent.is_some());
            inner.map(|found| Change::here(found.name_at.clone(), misspelt(&found.name))).collect()
        },
    },
    Mistake {
        name: "an attribute too many",
        codes: &[Code::UnknownAttribute],
        places: |document| {
            let inner = document.nodes.iter().filter(|node| node.parent.is_some());
            inner.map(|node| Change::here(node.name_at.end..node.name_at.end, " colour=\"red\"")).collect()
        },
    },
    Mistake {
        name: "a type is misspelt",
        codes: &[Code::UnknownType],
        places: |document| misspell(document.attributes(&["field"], "type").filter(|found| !found.value.contains(':'))),
    },
    Mistake {
        name: "a text format is misspelt",
        codes: &[Code::UnknownTextFormat],
        places: |document| {
            let formats = document.attributes(&["field"], "type").filter_map(|found| Some((found, found.value.split_once(':')?)));
            formats.map(|(found, (kind, format))| Change::here(found.value_at.clone(), format!("{kind}:{}", misspelt(format)))).collect()
        },
    },
    Mistake {
        name: "a medium is misspelt",
        codes: &[Code::InvalidValue],
        places: |document| misspell(document.attributes(&["field"], "media")),
    },
    Mistake {
        name: "the type of a webhook is misspelt",
        codes: &[Code::WebhookType],
        places: |document| misspell(document.attributes(&["webhook"], "type")),
    },
    Mistake {
        name: "a receiver is misspelt",
        codes: &[Code::UnknownReceiver],
        places: |document| misspell(document.attributes(&["webhook"], "receiver")),
    },
    Mistake {
        name: "an operation is misspelt",
        codes: &[Code::InvalidValue],
        places: |document| first_word(document.attributes(&["webhook"], "on")),
    },
    Mistake {
        name: "the order of deliveries is misspelt",
        codes: &[Code::InvalidValue],
        places: |document| misspell(document.attributes(&["webhook"], "order")),
    },
    Mistake {
        name: "a boolean is misspelt",
        codes: &[Code::BadBoolean],
        places: |document| {
            misspell(["required", "embed", "changed", "auto-download"].into_iter().flat_map(|name| document.attributes(&["field"], name)))
        },
    },
    Mistake {
        name: "a state is misspelt",
        codes: &[Code::BadState],
        places: |document| misspell(document.attributes(&["field"], "state")),
    },
    Mistake {
        name: "a database is misspelt",
        codes: &[Code::BadDatabase],
        places: |document| first_word(document.attributes(&["index"], "database")),
    },
    Mistake {
        name: "a classification is misspelt",
        codes: &[Code::InvalidValue],
        places: |document| misspell(document.attributes(&["model"], "classification")),
    },
    Mistake {
        name: "a limit is no number",
        codes: &[Code::InvalidValue],
        places: |document| document.attributes(&["field"], "limit").map(|found| Change::here(found.value_at.clone(), "many")).collect(),
    },
    // Names.
    Mistake {
        name: "the model of a relation is misspelt",
        codes: &[Code::UnknownReference],
        places: |document| misspell(document.attributes(&["belongs-to", "has-many"], "model")),
    },
    Mistake {
        name: "the inverse of a relation is misspelt",
        codes: &[Code::MissingInverse],
        places: |document| misspell(document.attributes(&["has-many"], "inverse-of")),
    },
    Mistake { name: "a field of a webhook is misspelt", codes: &[Code::UnknownReference], places: |document| misspell(listed(document)) },
    Mistake {
        name: "a field of an index is misspelt",
        codes: &[Code::UnknownReference],
        places: |document| first_word(document.attributes(&["index"], "on")),
    },
    Mistake {
        name: "a field of a notification is misspelt",
        codes: &[Code::UnknownReference, Code::BadBadgeField],
        places: |document| {
            let names = ["received-field", "recipient-field", "badge-count-field"];
            misspell(names.into_iter().flat_map(|name| document.attributes(&["notify-user"], name)))
        },
    },
    Mistake {
        name: "a name with a space",
        codes: &[Code::InvalidName],
        places: |document| {
            document
                .attributes(&["model", "field"], "name")
                .filter(|found| defines(document, found))
                .map(|found| Change::here(found.value_at.clone(), format!("{} x", found.value)))
                .collect()
        },
    },
    Mistake {
        name: "a name that is reserved",
        codes: &[Code::ReservedName],
        places: |document| unused_names(document).map(|found| Change::here(found.value_at.clone(), "account_id")).collect(),
    },
    Mistake {
        name: "a value that is no option of the field",
        codes: &[Code::InvalidValue],
        places: |document| {
            let compared = ["equals", "one-of"].into_iter().flat_map(|name| document.attributes(&["field"], name));
            let choices = compared
                .filter(|found| found.value.starts_with(|first: char| first.is_ascii_alphabetic()) && !found.value.starts_with("u1"));
            choices.map(|found| Change::here(found.value_at.clone(), format!("q{}", found.value))).collect()
        },
    },
    // Left out.
    Mistake {
        name: "a required attribute is missing",
        codes: &[Code::MissingAttribute],
        places: |document| {
            let required = document.all_attributes().filter(|found| is_required(&document.node(found).name, found, document));
            required.map(|found| Change::new(found.whole.start - 1..found.whole.end, "", document.node(found).tag.clone())).collect()
        },
    },
    Mistake {
        name: "an attribute is blank",
        codes: &[Code::BlankAttribute],
        places: |document| {
            let inner = document.all_attributes().filter(|found| document.node(found).parent.is_some());
            inner.map(|found| Change::new(found.value_at.clone(), " ", found.whole.clone())).collect()
        },
    },
    Mistake {
        name: "the display is missing",
        codes: &[Code::MissingDisplay],
        places: |document| {
            document
                .named(&["display"])
                .map(|node| Change::new(node.span.clone(), "", document.nodes[node.parent.unwrap()].span.clone()))
                .collect()
        },
    },
    Mistake {
        name: "the text of a display is missing",
        codes: &[Code::MissingDisplay],
        places: |document| {
            document.named(&["display"]).filter_map(|node| Some(Change::new(node.text.clone()?, "", node.tag.clone()))).collect()
        },
    },
    Mistake {
        name: "the options are missing",
        codes: &[Code::NoOptions],
        places: |document| {
            let choices =
                document.named(&["field"]).filter(|node| node.attribute("type").is_some_and(|kind| kind.value.contains("choice")));
            let unused = choices.filter(|node| !document.text.contains(&format!("name=\"{}\" equals", node.attributes[0].value)));
            unused.filter_map(|node| Some(Change::new(node.tag.end..node.close.clone()?.start, "", node.span.clone()))).collect()
        },
    },
    Mistake {
        name: "the medium of an attachment is missing",
        codes: &[Code::MissingMedia],
        places: |document| {
            let media = document.attributes(&["field"], "media");
            media.map(|found| Change::new(found.whole.clone(), "", document.node(found).tag.clone())).collect()
        },
    },
    Mistake {
        name: "the action of a receiver is missing",
        codes: &[Code::MissingAction],
        places: |document| {
            let actions = document.attributes(&["webhook"], "action");
            actions.map(|found| Change::new(found.whole.clone(), "", document.node(found).tag.clone())).collect()
        },
    },
    Mistake {
        name: "the receiver of an action is missing",
        codes: &[Code::ActionWithoutReceiver],
        places: |document| {
            let receivers = document.attributes(&["webhook"], "receiver");
            receivers.map(|found| Change::new(found.whole.clone(), "", document.node(found).tag.clone())).collect()
        },
    },
    Mistake {
        name: "the key of a text option is missing",
        codes: &[Code::MissingOptionKey],
        places: |document| {
            let keys = document.attributes(&["option"], "key").filter(|found| found.value == "queued" || found.value == "restart");
            keys.map(|found| Change::new(found.whole.start - 1..found.whole.end, "", document.node(found).tag.clone())).collect()
        },
    },
    // There twice.
    Mistake {
        name: "a field is there twice",
        codes: &[Code::DuplicateDefinition],
        places: |document| twice(document, document.named(&["field"]).filter(|node| in_model(document, node))),
    },
    Mistake {
        name: "a relation is there twice",
        codes: &[Code::DuplicateDefinition],
        places: |document| twice(document, document.named(&["belongs-to", "has-many"])),
    },
    Mistake {
        name: "a model is there twice",
        codes: &[Code::DuplicateDefinition],
        places: |document| twice(document, document.named(&["model"])),
    },
    Mistake {
        name: "a display is there twice",
        codes: &[Code::DuplicateDisplay],
        places: |document| twice(document, document.named(&["display"])),
    },
    Mistake {
        name: "a webhook is there twice",
        codes: &[Code::DuplicateEventName],
        places: |document| twice(document, document.named(&["webhook"])),
    },
    Mistake {
        name: "an option is there twice",
        codes: &[Code::DuplicateDefinition],
        places: |document| {
            twice(document, document.named(&["option"]).filter(|node| node.attribute("key").is_some() && !is_boolean(document, node)))
        },
    },
    Mistake {
        name: "a request is there twice",
        codes: &[Code::DuplicateDefinition],
        places: |document| twice(document, document.named(&["request"])),
    },
    Mistake {
        name: "a body is there twice",
        codes: &[Code::DuplicateDefinition],
        places: |document| twice(document, document.named(&["body"])),
    },
    Mistake {
        name: "a field of an index is there twice",
        codes: &[Code::DuplicateIndexKey],
        places: |document| {
            document
                .attributes(&["index"], "on")
                .map(|found| Change::here(found.value_at.end..found.value_at.end, format!(",{}", found.value.split(',').next().unwrap())))
                .collect()
        },
    },
    // In the wrong place.
    Mistake { name: "a field stands behind everything else", codes: &[Code::ElementOrder], places: |document| moved(document, "field") },
    Mistake {
        name: "a relation stands behind everything else",
        codes: &[Code::ElementOrder],
        places: |document| moved(document, "belongs-to"),
    },
    Mistake {
        name: "text between elements",
        codes: &[Code::UnexpectedText],
        places: |document| {
            let inner = document.named(&["field", "belongs-to", "has-many", "webhook", "model"]);
            inner.map(|node| Change::here(node.span.end..node.span.end, "oops")).collect()
        },
    },
    Mistake {
        name: "an element in one that holds none",
        codes: &[Code::UnknownElement],
        places: |document| {
            let inner = document.named(&["display", "header", "body", "option"]).filter_map(|node| node.close.clone());
            inner.map(|close| Change::here(close.start..close.start, "<field name=\"x\" label=\"X\" type=\"text\"/>")).collect()
        },
    },
    Mistake {
        name: "a model in a model",
        codes: &[Code::UnknownElement],
        places: |document| {
            let inner = document.named(&["display"]);
            inner
                .map(|node| {
                    Change::here(node.span.end..node.span.end, "<model name=\"inner\" label=\"Inner\"><display>x</display></model>")
                })
                .collect()
        },
    },
    Mistake {
        name: "a state on a plain field",
        codes: &[Code::StateOnPlainField],
        places: |document| on_plain(document, " state=\"present\""),
    },
    Mistake {
        name: "an embed on a plain field",
        codes: &[Code::EmbedOnPlainField],
        places: |document| on_plain(document, " embed=\"true\""),
    },
    // Formats.
    Mistake {
        name: "a brace of a display is not closed",
        codes: &[Code::StrayBrace],
        places: |document| in_displays(document, "{name", "{name}"),
    },
    Mistake {
        name: "a brace of a display is not opened",
        codes: &[Code::StrayBrace],
        places: |document| in_displays(document, "name}", "{name}"),
    },
    Mistake {
        name: "a field of a display is misspelt",
        codes: &[Code::UnknownReference],
        places: |document| in_displays(document, "{nqame}", "{name}"),
    },
    Mistake {
        name: "an expression in a display",
        codes: &[Code::UnsupportedExpression],
        places: |document| in_displays(document, "{name + 1}", "{name}"),
    },
    Mistake {
        name: "a format that does not exist",
        codes: &[Code::BadFormatSpec],
        places: |document| in_displays(document, "{name:>7z}", "{name}"),
    },
];
