//! No input makes the compiler panic, and every place it names is one: in range, on character boundaries, in a file that exists.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use webhookc::compile::{Compilation, Input, compile};
use webhookc::text::Span;

const EXAMPLES: [&str; 6] = [
    include_str!("cases/valid/every_condition.xml"),
    include_str!("cases/valid/requests.xml"),
    include_str!("cases/valid/all_types.xml"),
    include_str!("cases/valid/deep_path.xml"),
    include_str!("cases/valid/entities.xml"),
    include_str!("cases/check/unquoted-value/schema.xml"),
];

fn compiled(bytes: Vec<u8>) -> Compilation {
    let mut input = Input::default();
    let file = input.sources.add("schema.xml", bytes);
    input.schemas.push(file);
    let compilation = compile(input);
    let check = |span: Span| {
        let text = &compilation.sources.file(span.file).text;
        assert!(span.file == file && text.get(span.range()).is_some(), "{span:?} of {} bytes", text.len());
    };
    for found in &compilation.diagnostics {
        check(found.primary.span);
        found.related.iter().for_each(|related| check(related.span));
        found.fixes.iter().flat_map(|fix| &fix.edits).for_each(|edit| check(edit.span));
    }
    assert_eq!(compilation.rules.is_none(), compilation.diagnostics.has_errors());
    compilation
}

/// Pieces out of which nearly-right schemas are put together.
const PIECES: [&str; 34] = [
    "<data-model>",
    "</data-model>",
    "<model name=\"a\" label=\"A\">",
    "</model>",
    "<field ",
    "name=\"a\" ",
    "name='é' ",
    "label=\"",
    "\"",
    "'",
    "type=\"text\" ",
    "type=\"photo\"",
    "/>",
    ">",
    "<",
    "&",
    "&#x10FFFF;",
    "&amp",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE ",
    "[",
    "<?",
    "<belongs-to model=\"a\"/>",
    "<has-many model=\"a\" name=\"b\"/>",
    "<display>{a.a.b:.2f}{",
    "</display>",
    "<webhook type=\"ready\">",
    "<field name=\"a.b.a\" equals=\"1\" one-of=\",,é\"/>",
    "</webhook>",
    "\u{feff}",
    "\r\n",
];

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        compiled(bytes);
    }

    #[test]
    fn any_text_in_every_place(text in "\\PC{0,24}") {
        compiled(format!("<data-model><model name=\"{text}\" label=\"a\"><field name=\"n\" label=\"l\" type=\"{text}\"/>\
            <display>{text}</display><index on=\"{text}\"/><webhook type=\"update\" when=\"{text}\" on=\"{text}\">\
            <field name=\"{text}\" equals=\"{text}\"/><field name=\"n\" one-of=\"{text}\"/>\
            <request url=\"{text}\"><header name=\"x\">{text}</header><body>{text}</body></request>\
            </webhook></model></data-model>").into_bytes());
    }

    #[test]
    fn pieces_in_any_order(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..40)) {
        compiled(pieces.concat().into_bytes());
    }

    #[test]
    fn examples_with_bytes_changed(
        example in prop::sample::select(EXAMPLES.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, prop::collection::vec(any::<u8>(), 0..4)), 1..4),
    ) {
        let mut bytes = example.as_bytes().to_vec();
        for (at, removed, added) in changes {
            let from = at.index(bytes.len() + 1);
            let to = (from + removed).min(bytes.len());
            bytes.splice(from..to, added);
        }
        compiled(bytes);
    }
}

#[test]
fn hostile_shapes_are_read_in_time() {
    let deep = "<model>".repeat(100_000);
    let repeat = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().concat();
    let wide = repeat(100_000, &|n| format!(" a{n}='1'"));
    let unclosed = "  <field name='a'>\n".repeat(50_000);
    let fields = repeat(70_000, &|n| format!("<field name='f{n}' label='F' type='text'/>"));
    let chain = repeat(30_000, &|n| {
        let next = (n + 1) % 30_000;
        format!("<model name='m{n}' label='M'><belongs-to model='m{next}' name='next'/><display>{{next}}</display></model>")
    });
    let comments = "<!-- a comment -->\n".repeat(50_000);
    for body in [
        deep,
        format!("{comments}<model name='a'/>"),
        format!("<model{wide}/>"),
        format!("<model name='a' label='A'>\n{unclosed}</model>"),
        format!("<model name='a' label='A'>{fields}</model>"),
        chain,
    ] {
        let compilation = compiled(format!("<data-model>{body}</data-model>").into_bytes());
        assert!(!compilation.diagnostics.is_empty());
    }
}
