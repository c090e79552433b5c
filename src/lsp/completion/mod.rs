//! What can be written at a place: elements, attributes, values, names of the data model, and what templates may say.

mod format;
mod template;
mod values;

use std::fmt::Write as _;
use std::ops::Range;

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionTextEdit, Documentation, InsertTextFormat, MarkupContent, MarkupKind,
    TextEdit,
};

use super::place::{Place, Spot};
use super::world::View;
use crate::schema::offer::{self, ElementOffer, Holds};

/// Items of one list: more are not read, and each has to be sent; a list that is cut asks to be asked again.
const MOST: usize = 200;

/// Something to write.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub label: String,
    pub kind: CompletionItemKind,
    /// A few words behind the label.
    pub detail: String,
    /// What is inserted, with `$1` for the places to fill in when the client can; `None`: the label.
    pub insert: Option<String>,
    /// Where it stands in the list, before the label.
    pub rank: u8,
}

impl Choice {
    pub(super) fn new(label: impl Into<String>, kind: CompletionItemKind, detail: impl Into<String>) -> Self {
        Self { label: label.into(), kind, detail: detail.into(), insert: None, rank: 1 }
    }
}

/// What stands at the cursor and may be replaced, and what it may be replaced by.
#[derive(Debug, Default)]
pub(super) struct Choices {
    pub range: Range<usize>,
    pub list: Vec<Choice>,
}

/// The choices at a place.
pub(super) fn complete(view: View<'_>, cursor: usize) -> CompletionList {
    let text = view.document.text.as_str();
    let path = &view.document.path;
    let choices = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xml") => in_schema(view, text, cursor),
        Some("toml") => template::in_project_file(view, text, cursor),
        Some(_) | None => template::in_file(view, text, cursor),
    };
    listed(view, choices, cursor)
}

fn in_schema(view: View<'_>, text: &str, cursor: usize) -> Choices {
    let place = Place::of(text, cursor);
    let names = place.names();
    match place.spot.clone() {
        Spot::Content => {
            let Some(element) = offer::element(place.dialect, &names) else {
                return if names.is_empty() { elements(view, &place, None, cursor..cursor, true) } else { Choices::default() };
            };
            match element.holds() {
                Holds::Elements => elements(view, &place, Some(element), cursor..cursor, true),
                Holds::Text => values::in_text(view, &place, element, text, cursor),
                Holds::Nothing => Choices::default(),
            }
        }
        Spot::ElementName(range) => {
            let around = names.split_last().map_or(&[][..], |(_, around)| around);
            let element = offer::element(place.dialect, around);
            if element.is_none() && !around.is_empty() { Choices::default() } else { elements(view, &place, element, range, false) }
        }
        Spot::ClosingName(range) => {
            let name = place.path.last().map(|open| open.name).unwrap_or_default();
            Choices { range, list: vec![Choice::new(name, CompletionItemKind::CLASS, "closes the element")] }
        }
        Spot::AttributeName(range) => attributes(view, &place, offer::element(place.dialect, &names), text, range),
        Spot::AttributeValue(name, range) => values::in_attribute(view, &place, name, range, cursor),
        Spot::Other => Choices::default(),
    }
}

/// The elements that may stand in `parent`, or the root. `whole`: the `<` has to be written too.
fn elements(view: View<'_>, place: &Place<'_>, parent: Option<ElementOffer>, range: Range<usize>, whole: bool) -> Choices {
    let offers: Vec<ElementOffer> = parent.map_or_else(|| vec![offer::root()], |parent| parent.children().collect());
    let list = offers.into_iter().map(|offered| {
        let word = place.dialect.element_word(offered.name());
        let mut choice = Choice::new(word, CompletionItemKind::CLASS, offered.about());
        let open = if whole { "<" } else { "" };
        choice.insert = Some(if view.world.snippets { snippet(place, offered, word, open) } else { format!("{open}{word}") });
        choice
    });
    Choices { range, list: list.collect() }
}

/// An element with what it must have.
fn snippet(place: &Place<'_>, offered: ElementOffer, word: &str, open: &str) -> String {
    let mut text = format!("{open}{word}");
    let mut hole = 0;
    for attribute in offered.attributes().filter(|attribute| attribute.is_required()) {
        hole += 1;
        let name = place.dialect.attribute_word(offered.name(), attribute.name());
        let _ = write!(text, " {name}=\"${hole}\"");
    }
    hole += 1;
    let _ = match offered.holds() {
        Holds::Nothing => write!(text, " />$0"),
        Holds::Text => write!(text, ">${hole}</{word}>$0"),
        Holds::Elements if offered.name() == "field" => write!(text, " />$0"),
        Holds::Elements => write!(text, ">\n\t$0\n</{word}>"),
    };
    text
}

fn attributes(view: View<'_>, place: &Place<'_>, element: Option<ElementOffer>, text: &str, range: Range<usize>) -> Choices {
    let Some(element) = element else { return Choices::default() };
    let typed = text.get(range.clone()).unwrap_or_default();
    let given: Vec<&str> = place.path.last().map(|open| open.attributes.iter().map(|(name, _)| *name).collect()).unwrap_or_default();
    // The equals sign is there when a written name is replaced.
    let has_value = text.get(range.end..).is_some_and(|rest| rest.trim_start().starts_with('='));
    let list = element.attributes().filter_map(|attribute| {
        let word = place.dialect.attribute_word(element.name(), attribute.name());
        if given.contains(&word) && word != typed {
            return None;
        }
        let mut choice = Choice::new(word, CompletionItemKind::PROPERTY, attribute.about());
        choice.rank = u8::from(!attribute.is_required());
        if !has_value {
            choice.insert = Some(if view.world.snippets { format!("{word}=\"$1\"") } else { format!("{word}=\"\"") });
        }
        Some(choice)
    });
    Choices { range, list: list.collect() }
}

/// As the protocol wants it: what begins as is typed, in order, the longest lists cut.
fn listed(view: View<'_>, choices: Choices, cursor: usize) -> CompletionList {
    let Choices { range, mut list } = choices;
    let typed = view.document.text.get(range.start..cursor.max(range.start)).unwrap_or_default().trim_start_matches('<').to_lowercase();
    let mut is_incomplete = false;
    if list.len() > MOST {
        is_incomplete = true;
        list.retain(|choice| choice.label.to_lowercase().contains(&typed));
        list.sort_by_key(|choice| (!choice.label.to_lowercase().starts_with(&typed), choice.rank, choice.label.clone()));
        list.truncate(MOST);
    }
    let range = view.range(range);
    let items = list.into_iter().map(|choice| {
        let is_snippet = view.world.snippets && choice.insert.as_ref().is_some_and(|insert| insert.contains('$'));
        let about = MarkupContent { kind: MarkupKind::Markdown, value: choice.detail };
        let new_text = choice.insert.unwrap_or_else(|| choice.label.clone());
        CompletionItem {
            sort_text: Some(format!("{}{}", choice.rank, choice.label)),
            filter_text: new_text.starts_with('<').then(|| format!("<{}", choice.label)),
            label: choice.label,
            kind: Some(choice.kind),
            documentation: (!about.value.is_empty()).then_some(Documentation::MarkupContent(about)),
            insert_text_format: is_snippet.then_some(InsertTextFormat::SNIPPET),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text })),
            ..CompletionItem::default()
        }
    });
    CompletionList { is_incomplete, items: items.collect() }
}
