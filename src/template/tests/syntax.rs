//! What cannot be read, each mistake at its bytes; and the spans of what can.

use super::super::{limits, parse, written};
use super::fixture::{Fixture, source};
use crate::diagnostics::Diagnostics;

#[test]
fn each_mistake_is_underlined() {
    let cases = [
        ("{{ object.name", "WH0401 name"),
        ("{{ object. }}", "WH0401 }}"),
        ("{{ object.name | }}", "WH0401 }}"),
        ("a {{ }} b", "WH0401 }}"),
        ("{% if object.active %}x", "WH0401 if"),
        ("{% for t in object.tags %}x{% if 1 %}{% endif %}", "WH0401 for"),
        ("x{% endif %}", "WH0401 endif"),
        ("{% iff object.active %}x{% endif %}", "WH0401 iff"),
        ("{{ 'a }}", "WH0401 'a }}"),
        ("{{ a ? b }}", "WH0401 ?"),
        ("{{ (object.size }}", "WH0401 }"),
        ("{% set x = 1 %}", "WH0401 set"),
        ("{% with x = 1 %}{% endwith %}", "WH0401 with"),
        ("{% filter upper %}x{% endfilter %}", "WH0401 filter"),
        ("{% include 'a' %}", "WH0401 include"),
        ("{% for a, b in object.tags %}{% endfor %}", "WH0401 for"),
        ("{{ object.name[1:2] }}", "WH0401 object.name[1:2]"),
        ("{{ 1 < object.size < 3 }}", "WH0401 1 < object.size < 3"),
        ("{{ 2 ** 3 }}", "WH0401 2 ** 3"),
        ("{{ a b }} {{ object.name }} {{ 1 + }}", "WH0401 b; WH0401 }}"),
        ("{{ object.nmae }} {{ 1 + }} {{ object.name|uper }}", "WH0402 nmae; WH0401 }}; WH0403 uper"),
        ("{{ object.name {{ object.nmae }}", "WH0401 {; WH0402 nmae"),
        ("{{ 'a }} {{ object.nmae }}", "WH0401 'a }}; WH0402 nmae"),
        ("{% if object.active + %}{{ object.title }}{{ object.nmae }}{% else %}{{ 1 + }}{% endif %}", "WH0401 %}; WH0402 nmae; WH0401 }}"),
        ("{% for t in object. %}{{ t.x }}{{ object.nmae }}{% endfor %}{{ a b }}", "WH0401 %}; WH0402 nmae; WH0401 b"),
        ("{% for 1 in object.tags %}{{ object.nmae }}{% endfor %}", "WH0401 1; WH0402 nmae"),
        ("{% iff object.active %}x{% else %}y{% endif %}{{ object.nmae }}", "WH0401 iff; WH0402 nmae"),
        ("{% macro x() %}{{ object.nmae }}{% endmacro %}", "WH0401 macro; WH0402 nmae"),
        ("{% set x = 1 %}{{ x }}{{ object.nmae }}", "WH0401 set; WH0402 nmae"),
        ("x{% endif %}{{ object.nmae }}{% endfor %}", "WH0401 endif; WH0402 nmae; WH0401 endfor"),
        ("{% if object.active %}x{% else %}{{ object.nmae }}", "WH0401 if; WH0402 nmae"),
        ("{% for t in object.tags %}{% if t == 'red' %}{{ t }}{% endfor %}{{ object.nmae }}", "WH0401 if; WH0402 nmae"),
        ("{% for t in object.tags %}{{ t }}{{ object.nmae }}", "WH0401 for; WH0402 nmae"),
        ("{% elif 1 %}{% for t in object.tags %}{% endif %}", "WH0401 elif; WH0401 for"),
    ];
    let fixture = Fixture::new();
    for (template, expected) in cases {
        assert_eq!(fixture.check(template).join("; "), expected, "{template}");
    }
}

#[test]
fn sentences_say_what_was_seen_and_expected() {
    let cases = [
        ("{% if object.active %}x", "`{% if %}` has no `{% endif %}` · "),
        ("{% iff 1 %}{% endif %}", "unknown block `iff`, expected `if` or `for` · did you mean `if`?"),
        ("{% endfor %}", "`endfor` without `for` before it · "),
        ("{{ a ? b }}", "unexpected `?`, expected an expression · "),
        ("{{ 'a }}", "`'` opens a text that nothing closes · "),
        ("{{ object. }}", "unexpected `}}`, expected a name · "),
        ("{% macro x() %}{% endmacro %}", "`macro` is not in the language, expected `if` or `for` · "),
    ];
    let fixture = Fixture::new();
    for (template, expected) in cases {
        assert_eq!(fixture.messages(template).join("; "), expected, "{template}");
    }
}

#[test]
fn a_template_that_costs_too_much_is_not_parsed() {
    let fixture = Fixture::new();
    let deep = format!("{{{{ {}1 }}}}", "not ".repeat(limits::TOKENS));
    let long = "x".repeat(limits::SOURCE_BYTES + 1);
    for template in [deep.as_str(), long.as_str()] {
        assert!(fixture.check(template).join("").starts_with("WH0410 "), "{}", &template[..20]);
    }
    assert_eq!(fixture.text(&"x".repeat(limits::SOURCE_BYTES)).len(), limits::SOURCE_BYTES);
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(180), ")".repeat(180));
    assert_eq!(fixture.check(&nested).len(), 1);
    let chain = format!("{{{{ {}1 }}}}", "1 + ".repeat(190));
    assert_eq!(fixture.text(&chain), "191");
}

#[test]
fn expressions_know_their_bytes() {
    let cases = [
        ("a.b.c", "a.b.c"),
        ("x and (a.b) == c", "x and (a.b) == c|x|(a.b) == c"),
        ("not a.b == 1", "not a.b == 1|a.b == 1"),
        ("(a or b).c", "(a or b).c"),
        ("((a))|upper", "((a))|upper|a"),
        ("a if (b) else c", "a if (b) else c"),
        ("f(a, 1 < 2)", "f(a, 1 < 2)"),
        ("a is not defined", "a is not defined|a is not defined"),
        ("x in (1, 2)", "x in (1, 2)|x|(1, 2)"),
        ("a not in b", "a not in b|a not in b"),
        ("-a.b", "-a.b|a.b"),
    ];
    for (text, expected) in cases {
        let text = source(text);
        let parsed = parse::expression(&text, &mut Diagnostics::default()).unwrap();
        let mut ranges = vec![&text.text[parsed.range.clone()]];
        if let written::Kind::Binary(_, left, right) = &parsed.kind {
            ranges.extend([&text.text[left.range.clone()], &text.text[right.range.clone()]]);
        }
        if let written::Kind::Not(inner) | written::Kind::Negate(inner) | written::Kind::Filter { input: inner, .. } = &parsed.kind {
            ranges.push(&text.text[inner.range.clone()]);
        }
        assert_eq!(ranges.join("|"), expected);
    }
}
