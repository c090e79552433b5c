//! Which attributes an element may have, and reading them: each in its place of an array, what is unknown, missing or blank reported.

use std::cell::OnceCell;

use super::declared::Text;
use super::node::Node;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Edit, Fix, Severity, one_of, suggestion};
use crate::syntax::{Attribute, Element};
use crate::text::Span;

/// What is known of an attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    name: &'static str,
    required: bool,
    /// Without it something else of the element may be wrong, so that a misspelt one is read as what it was meant to be.
    depended_on: bool,
    deprecated: Option<&'static str>,
}

/// An attribute that must be there.
pub(super) const fn required(name: &'static str) -> Rule {
    Rule { name, required: true, depended_on: true, deprecated: None }
}

/// An attribute that may be there, and that others may need.
pub(super) const fn depended_on(name: &'static str) -> Rule {
    Rule { name, required: false, depended_on: true, deprecated: None }
}

/// An attribute that may be there.
pub(super) const fn optional(name: &'static str) -> Rule {
    Rule { name, required: false, depended_on: false, deprecated: None }
}

/// An attribute that means nothing any more; the advice says what to do instead.
pub(super) const fn deprecated(name: &'static str, advice: &'static str) -> Rule {
    Rule { name, required: false, depended_on: false, deprecated: Some(advice) }
}

/// The attributes of an element, in the order of the rules. An attribute that is broken or blank is left out.
pub(super) fn attributes<'s, const N: usize>(
    element: Node<'_, 's>,
    rules: &[Rule; N],
    out: &mut Diagnostics,
) -> ([Option<Attribute<'s>>; N], [bool; N]) {
    let mut values = [None; N];
    let mut written = [false; N];
    // Attributes mostly stand in the order of the rules, so the search begins behind the one before.
    let mut next = 0;
    let known = OnceCell::new();
    for attribute in element.attributes() {
        let found = (next..N).chain(0..next).find(|&index| rules.get(index).is_some_and(|rule| rule.name == attribute.name));
        let index = match found {
            Some(index) => index,
            None if attribute.name.starts_with("xml") => continue,
            None => {
                let known = known.get_or_init(|| known_attributes(element, rules));
                let near = near_attribute(&attribute, known).filter(|near| written.get(near.index) == Some(&false));
                out.push(unknown_attribute(element, &attribute, rules, known, near));
                let near = near.map(|near| near.index);
                // That what others depend on is missing would be the same mistake again.
                match near.filter(|&index| rules.get(index).is_some_and(|rule| rule.depended_on)) {
                    Some(index) => index,
                    None => continue,
                }
            }
        };
        let (Some(rule), Some(value), Some(written)) = (rules.get(index), values.get_mut(index), written.get_mut(index)) else {
            continue;
        };
        *written = true;
        next = index + 1;
        if let Some(advice) = rule.deprecated {
            out.push(deprecated_attribute(&attribute, advice));
        } else if !attribute.broken && attribute.is_blank() {
            let message = format!("the attribute `{}` is blank", element.attribute_word(attribute.name));
            out.push(Diagnostic::new(Code::BlankAttribute, whole(&attribute), message));
        } else if !attribute.broken {
            *value = Some(attribute);
        }
    }
    for (rule, written) in rules.iter().zip(written) {
        if rule.required && !written {
            let message = format!("`{}` has no attribute `{}`", element.written(), element.attribute_word(rule.name));
            out.push(
                Diagnostic::new(Code::MissingAttribute, element.name_span(), message)
                    .help(format!("add `{}=\"…\"`", element.attribute_word(rule.name))),
            );
        }
    }
    (values, written)
}

/// The value of an attribute with its places.
pub(super) fn text<'s>(attribute: &Attribute<'s>) -> Text<'s> {
    Text { value: attribute.value(), span: attribute.value_span, attribute_start: attribute.name_span.start }
}

/// All of an attribute, from its name to its closing quote.
pub(super) fn whole(attribute: &Attribute<'_>) -> Span {
    attribute.span()
}

/// Reports the elements and the text of an element that may hold none.
pub(super) fn no_content(element: Node<'_, '_>, out: &mut Diagnostics) {
    no_text(element, out);
    no_children(element, out);
}

/// Reports the text of an element that may hold none.
pub(super) fn no_text(element: Node<'_, '_>, out: &mut Diagnostics) {
    if let Some(span) = element.text_span()
        && !element.element.has_broken_text()
    {
        out.push(unexpected_text(element.written(), span));
    }
}

/// Which of the allowed elements a child is. One that is misspelt is reported, and read as what it was meant to be, so that nothing
/// that it declares is missed. `None`: it means nothing here, which has been reported.
pub(super) fn meant(child: Node<'_, '_>, parent: Node<'_, '_>, allowed: &[&'static str], out: &mut Diagnostics) -> Option<&'static str> {
    let find = |name: &str| allowed.iter().copied().find(|known| *known == name);
    let name = child.name();
    if let Some(known) = find(name) {
        return Some(known);
    }
    let near = || {
        let near = suggestion(child.written(), allowed.iter().map(|word| parent.element_word(word)))?;
        allowed.iter().copied().find(|word| parent.element_word(word) == near)
    };
    if let Some(closed_as) = child.element.closed_as() {
        // That its two tags disagree has been said.
        return find(closed_as).or_else(near);
    }
    let near = near();
    let mut diagnostic = unknown_element(child, parent, allowed);
    if let Some(near) = near {
        diagnostic.severity = Severity::Error;
        let word = parent.element_word(near);
        diagnostic = diagnostic.label("").help(format!("did you mean `{word}`?")).fix(rename(child.element, word));
    }
    out.push(diagnostic);
    near
}

/// Reports the elements in an element that may hold none.
pub(super) fn no_children(element: Node<'_, '_>, out: &mut Diagnostics) {
    for child in element.children() {
        out.push(unknown_element(child, element, &[]));
    }
}

/// An element that means nothing where it stands.
fn unknown_element(element: Node<'_, '_>, parent: Node<'_, '_>, allowed: &[&'static str]) -> Diagnostic {
    let name = element.written();
    let expected = allowed.iter().map(|word| parent.element_word(word));
    let message = format!("`{name}` is not an element of `{}`; expected {}", parent.written(), one_of(expected));
    Diagnostic::new(Code::UnknownElement, element.name_span(), message).label("ignored with all that it holds")
}

/// Another name for an element, in both of its tags. A guess.
pub(super) fn rename(element: Element<'_, '_>, name: &str) -> Fix {
    let edits = element.names().map(|span| Edit { span, text: name.to_owned() });
    Fix { title: format!("rename to `{name}`"), safe: false, edits: edits.collect() }
}

/// Text that means nothing where it stands.
pub(super) fn unexpected_text(element: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::UnexpectedText, span, format!("`{element}` holds text, which means nothing here")).label("ignored")
}

/// An attribute that the element may have, as its dialect calls it. Collected once for an element, however much in it is unknown.
#[derive(Clone, Copy)]
struct Known<'r> {
    index: usize,
    word: &'r str,
    given: bool,
}

fn known_attributes<'r>(element: Node<'_, '_>, rules: &'r [Rule]) -> Vec<Known<'r>> {
    let current = rules.iter().enumerate().filter(|(_, rule)| rule.deprecated.is_none());
    let known = current.map(|(index, rule)| {
        let word = element.attribute_word(rule.name);
        Known { index, word, given: element.element.attributes().any(|attribute| attribute.name == word) }
    });
    known.collect()
}

/// The attribute that this one was most likely meant to be, if that is not given.
fn near_attribute<'k, 'r>(attribute: &Attribute<'_>, known: &'k [Known<'r>]) -> Option<&'k Known<'r>> {
    let near = suggestion(attribute.name, known.iter().map(|known| known.word))?;
    known.iter().find(|known| known.word == near && !known.given)
}

fn unknown_attribute(
    element: Node<'_, '_>,
    attribute: &Attribute<'_>,
    rules: &[Rule],
    known: &[Known<'_>],
    near: Option<&Known<'_>>,
) -> Diagnostic {
    let expected = one_of(known.iter().map(|known| known.word));
    let message = format!("`{}` is not an attribute of `{}`; expected {expected}", attribute.name, element.written());
    let mut diagnostic = Diagnostic::new(Code::UnknownAttribute, attribute.name_span, message);
    let Some(Known { index, word, .. }) = near else {
        return diagnostic.label("ignored");
    };
    if rules.get(*index).is_some_and(|rule| rule.depended_on) {
        diagnostic.severity = Severity::Error;
    } else {
        diagnostic = diagnostic.label("ignored");
    }
    diagnostic.help(format!("did you mean `{word}`?")).fix(Fix::replace(format!("rename to `{word}`"), attribute.name_span, *word))
}

fn deprecated_attribute(attribute: &Attribute<'_>, advice: &str) -> Diagnostic {
    let message = format!("the attribute `{}` is deprecated and means nothing", attribute.name);
    let span = whole(attribute);
    Diagnostic::new(Code::DeprecatedAttribute, span, message).help(advice).fix(Fix::replace("remove it", span, "").safe())
}
