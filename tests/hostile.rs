//! Input that was made to hurt: no panic, no overflow of the stack, and work that is bounded. What is counted are findings, not seconds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a test fails by panicking"
)]

use webhookc::compile::{Compilation, Input, compile};
use webhookc::diagnostics::{Code, MOST, Severity};

/// Compiles, and checks what holds for any input: few findings are kept, all errors are remembered, every place can be shown.
fn compiled(text: &str) -> Compilation {
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", text.as_bytes().to_vec()));
    let compilation = compile(input);
    let found = &compilation.diagnostics;
    assert!(found.len() <= MOST, "{} findings are kept", found.len());
    assert_eq!(compilation.rules.is_none(), found.has_errors());
    for one in found {
        let file = compilation.sources.file(one.primary.span.file);
        assert!(file.text.get(one.primary.span.range()).is_some(), "{:?}", one.primary.span);
        assert!(one.message.len() <= text.len() + 4096, "a message of {} bytes", one.message.len());
    }
    compilation
}

fn has(compilation: &Compilation, code: Code) -> bool {
    compilation.diagnostics.iter().any(|found| found.code == code)
}

const MODEL: &str = "<model name='a' label='A'><field name='n' label='N' type='text'/><display>{n}</display>";

#[test]
fn a_megabyte_of_one_character() {
    for character in ["<", "&", "\"", "'", ">", "/", "=", "-", "!", "[", "{", "}", " ", "\n", "a", "é", "\u{0}", "\u{feff}"] {
        let text = character.repeat(1024 * 1024 / character.len());
        for text in
            [text.clone(), format!("<data-model>{MODEL}{text}"), format!("<data-model><model name='{text}' label='A'/></data-model>")]
        {
            compiled(&text);
        }
    }
}

#[test]
fn what_is_left_out_is_counted() {
    let text = format!("<data-model>{MODEL}{}</model></data-model>", "& ".repeat(3 * MOST));
    let compilation = compiled(&text);
    let found = &compilation.diagnostics;
    assert_eq!((found.len(), found.count(Severity::Error)), (MOST, 3 * MOST));
    assert_eq!(found.left_out(), 2 * MOST);
    assert!(found.reach(Severity::Error) && found.reach(Severity::Info));
}

#[test]
fn nesting_beyond_the_limit() {
    for name in ["a", "model", "data-model", "webhook"] {
        let open = format!("<{name}>").repeat(100_000);
        let closed = format!("{open}{}", format!("</{name}>").repeat(100_000));
        for text in [open, closed] {
            let compilation = compiled(&format!("<data-model>{text}</data-model>"));
            let deep = compilation.diagnostics.iter().filter(|found| found.code == Code::NestingTooDeep);
            assert_eq!(deep.count(), 1);
        }
    }
}

#[test]
fn a_hundred_thousand_attributes() {
    let different: String = (0..100_000).map(|number| format!(" a{number}='1'")).collect();
    let compilation = compiled(&format!("<data-model><model{different}/></data-model>"));
    assert!(compilation.diagnostics.left_out() > 0);
    let same = " label='L'".repeat(100_000);
    let compilation = compiled(&format!("<data-model><model{same}/></data-model>"));
    assert!(has(&compilation, Code::DuplicateAttribute));
}

#[test]
fn names_of_a_megabyte() {
    let name = "n".repeat(1024 * 1024);
    assert!(has(&compiled(&format!("<{name}/>")), Code::WrongRoot));
    compiled(&format!("<data-model><{name} {name}='1'/></data-model>"));
    let long = format!(
        "<data-model><model name='{name}' label='A'><belongs-to model='{name}x'/><display>{{{name}}}</display></model></data-model>"
    );
    assert!(has(&compiled(&long), Code::UnknownReference));
}

#[test]
fn every_control_character_everywhere() {
    for control in (0_u8..0x20).chain([0x7f]).map(char::from) {
        let is_allowed = matches!(control, '\t' | '\n' | '\r' | '\u{7f}');
        let places = [
            format!("{control}<data-model>{MODEL}</model></data-model>"),
            format!("<data-model>{control}{MODEL}</model></data-model>"),
            format!("<data-model>{MODEL}</model></data-model>{control}"),
            format!("<data-model><model name='a' label='{control}A'><display>a</display></model></data-model>"),
            format!("<data-model><model name='a' label='A'><display>{control}a</display></model></data-model>"),
            format!("<data-model><!-- {control} --><model name='a' label='A'><display>a</display></model></data-model>"),
            format!("<data-model><model name='a' label='A'><display>&#{};a</display></model></data-model>", u32::from(control)),
        ];
        for (index, text) in places.iter().enumerate() {
            let compilation = compiled(text);
            let code = if index == 6 { Code::BadCharacterReference } else { Code::ControlCharacter };
            assert_eq!(has(&compilation, code), !is_allowed, "{text:?}");
        }
    }
}

#[test]
fn everything_unterminated() {
    let whole = include_str!("cases/valid/requests.xml");
    for end in (0..whole.len()).filter(|&end| whole.is_char_boundary(end)) {
        let compilation = compiled(whole.get(..end).unwrap_or(""));
        assert!(compilation.diagnostics.has_errors() || whole.get(end..).is_some_and(|rest| rest.trim().is_empty()), "cut at {end}");
        // A cut is one mistake; what was open around it, one each.
        assert!(compilation.diagnostics.len() <= 12, "cut at {end}: {} findings", compilation.diagnostics.len());
    }
    for piece in [
        "<!--",
        "<![CDATA[",
        "<?pi",
        "<!DOCTYPE [",
        "<a b='",
        "<a b=\"",
        "<a b=",
        "<a b",
        "<a",
        "</",
        "&#x",
        "<!-- \n<!-- \n",
        "{{ ",
        "{% if ",
        "<a><b c=\"</",
    ] {
        for count in [1, 2, 50_000] {
            compiled(&format!("<data-model>{MODEL}{}", piece.repeat(count)));
        }
    }
}

#[test]
fn references_that_all_fail() {
    let models: String = (0..3_000)
        .map(|number| format!("<model name='model_{number}' label='M'><belongs-to model='modle_{number}'/><display>m</display></model>"))
        .collect();
    let compilation = compiled(&format!("<data-model>{models}</data-model>"));
    assert_eq!(compilation.diagnostics.count(Severity::Error), 3_000);
}
