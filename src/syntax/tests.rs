use proptest::prelude::*;
use quick_xml::events::Event;

use super::{Element, parse};
use crate::diagnostics::Diagnostics;
use crate::text::SourceMap;

fn found(text: &str) -> Vec<String> {
    let mut sources = SourceMap::default();
    let file = sources.add("a.xml", text.as_bytes().to_vec());
    let mut out = Diagnostics::default();
    parse(file, sources.file(file), &mut out);
    out.sort();
    out.iter().map(|found| format!("{} `{}`", found.code.as_str(), sources.slice(found.primary.span))).collect()
}

/// The tree in one line: `a(b x=1 "text")`.
fn outline(text: &str) -> String {
    fn write(element: Element<'_, '_>, line: &mut String) {
        line.push_str(element.name());
        for attribute in element.attributes() {
            line.push_str(&format!(" {}={}", attribute.name, attribute.value()));
        }
        let text = element.text();
        if !text.is_empty() {
            line.push_str(&format!(" {text:?}"));
        }
        let mut children = element.children().peekable();
        if children.peek().is_some() {
            line.push('(');
            for (index, child) in children.enumerate() {
                line.push_str(if index > 0 { ", " } else { "" });
                write(child, line);
            }
            line.push(')');
        }
    }
    let mut sources = SourceMap::default();
    let file = sources.add("a.xml", text.as_bytes().to_vec());
    let tree = parse(file, sources.file(file), &mut Diagnostics::default());
    let mut line = String::new();
    if let Some(root) = tree.root() {
        write(root, &mut line);
    }
    line
}

#[test]
fn a_document_becomes_a_tree() {
    let text =
        "\u{feff}<?xml version='1.0'?>\r\n<a x='1' y = \"é&amp;\t2\">\r\n<!-- c --><b/>one <![CDATA[<two>]]> &#x33;\r\n</a>\n<!-- end -->";
    assert_eq!(found(text), Vec::<String>::new());
    assert_eq!(outline(text), "a x=1 y=é& 2 \"one <two> 3\"(b)");
}

#[test]
fn decoded_text_knows_its_bytes() {
    let text = "<a x='é&lt;{{ b }}'> q&amp;<![CDATA[<r]]>\r\ns </a>";
    let mut sources = SourceMap::default();
    let file = sources.add("a.xml", text.as_bytes().to_vec());
    let tree = parse(file, sources.file(file), &mut Diagnostics::default());
    let root = tree.root().unwrap();
    let value = root.attributes().next().unwrap().source_text();
    assert_eq!(value.text, "é<{{ b }}");
    assert_eq!(sources.slice(value.span(2..3)), "&lt;");
    assert_eq!(sources.slice(value.span(6..7)), "b");
    let body = root.source_text();
    assert_eq!(body.text, "q&<r\ns");
    assert_eq!(sources.slice(body.span(1..2)), "&amp;");
    assert_eq!(sources.slice(body.span(2..4)), "<r");
    assert_eq!(sources.slice(body.span(4..5)), "\r\n");
    assert_eq!(sources.slice(body.span(5..6)), "s");
}

#[test]
fn a_missing_quote_costs_only_its_value() {
    assert_eq!(found("<a x=\"1 y=\"2\"/>"), ["WH0002 `\"1`"]);
    assert_eq!(outline("<a x=\"1 y=\"2\"/>"), "a x=1 y=2");
    assert_eq!(found("<a>\n<b x=\"1>\n<c y=\"2\"/></b></a>"), ["WH0002 `\"1`"]);
    assert_eq!(outline("<a>\n<b x=\"1>\n<c y=\"2\"/></b></a>"), "a(b x=1(c y=2))");
    assert_eq!(found("<a x=1\" y='2'/>"), ["WH0002 `1\"`"]);
    assert_eq!(outline("<a x=1\" y='2'/>"), "a x=1 y=2");
    assert_eq!(found("<a when=\"b < c\"/>"), ["WH0011 `<`"]);
    assert_eq!(found("<a x=\"1"), ["WH0002 `\"1`", "WH0004 `<a`"].map(str::to_owned).into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn an_unclosed_element_gives_back_its_siblings() {
    let text = "<m>\n  <f x='1'>\n  <g/>\n  <h>\n    <i/>\n</m>";
    assert_eq!(found(text), ["WH0004 `<f`", "WH0004 `<h`"]);
    assert_eq!(outline(text), "m(f x=1, g, h(i))");
    assert_eq!(outline("<m><o>A<o>B</m>"), "m(o \"A\", o \"B\")");
}

#[test]
fn a_misspelt_closing_tag_closes() {
    assert_eq!(found("<a><model></modle><b/></a>"), ["WH0003 `modle`"]);
    assert_eq!(outline("<a><model></modle><b/></a>"), "a(model, b)");
    assert_eq!(found("<a></b></a></a>"), ["WH0003 `b`", "WH0003 `</a`"]);
}

#[test]
fn hostile_text_is_read_in_linear_time() {
    for piece in ["<a ", "<!--", "<a b='", "<a b=\"<c d='", "<![CDATA[", "</a", "&", "<", "<a>", "a=\"1\" ", "<?", "<!DOCTYPE [", "<o>\n"] {
        let text = format!("<r {}", piece.repeat(100_000));
        found(&text);
    }
}

/// Text that is read without a finding is read by quick-xml as the same elements and attributes.
fn agrees_with_the_oracle(text: &str) {
    if !found(text).is_empty() {
        return;
    }
    let mut names = String::new();
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error} in {text:?}"));
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                names.push_str(tag.name().as_ref());
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap_or_else(|error| panic!("{error} in {text:?}"));
                    names.push_str(attribute.key.as_ref());
                }
            }
            Event::Eof => break,
            Event::End(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
    let mut sources = SourceMap::default();
    let file = sources.add("a.xml", text.as_bytes().to_vec());
    let tree = parse(file, sources.file(file), &mut Diagnostics::default());
    let mut ours = String::new();
    if let Some(root) = tree.root() {
        list(root, &mut ours);
    }
    assert_eq!(ours, names, "{text:?}");
}

/// The names of elements and attributes in the order of the text.
fn list(element: Element<'_, '_>, names: &mut String) {
    names.push_str(element.name());
    for attribute in element.attributes() {
        names.push_str(attribute.name);
    }
    for child in element.children() {
        list(child, names);
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_read_alike_by_quick_xml(pieces in prop::collection::vec(prop::sample::select(vec![
        "<a>", "</a>", "<b", " c='1'", " d=\"2\"", ">", "/>", "</b>", "<!-- -->", "<![CDATA[]]>", "&amp;", " ", "\n", "<", "&", "'", "\"", "=", "e",
    ]), 0..14)) {
        agrees_with_the_oracle(&pieces.concat());
        agrees_with_the_oracle(&format!("<a>{}</a>", pieces.concat()));
    }
}
