//! Suppressions on whole schemas.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use webhookc::compile::{Compilation, Input, compile};
use webhookc::diagnostics::Diagnostic;

/// A schema with two webhooks that fire on every save (WH0314), each without a target (WH0313).
fn compiled(first: &str, second: &str) -> Compilation {
    let schema = format!(
        "<data-model>\n{first}\n<model name=\"asset\" label=\"Asset\">\n<field name=\"name\" label=\"Name\" type=\"text\"/>\n\
         <display>{{name}}</display>\n<webhook type=\"update\" name=\"one\"/>\n{second}\n<webhook type=\"update\" name=\"two\"/>\n</model>\n</data-model>\n"
    );
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", schema.into_bytes()));
    compile(input)
}

/// Codes with the text under them: the findings, then what is suppressed.
fn found(compilation: &Compilation) -> (Vec<String>, Vec<String>) {
    let word = |diagnostic: &Diagnostic| format!("{} {}", diagnostic.code.as_str(), compilation.sources.slice(diagnostic.primary.span));
    (compilation.diagnostics.iter().map(word).collect(), compilation.suppressed.iter().map(|other| word(&other.diagnostic)).collect())
}

#[test]
fn a_comment_is_about_the_element_behind_it_and_no_other() {
    let compilation = compiled("", "<!-- webhookc-ignore WH0314, webhook-without-target: counted  on the\n other side -->");
    let (left, suppressed) = found(&compilation);
    assert_eq!(left, ["WH0313 \"one\"", "WH0314 \"one\""].map(|text| text.replace('"', "")), "{left:?}");
    assert_eq!(suppressed, ["WH0313 two", "WH0314 two"]);
    assert_eq!(compilation.suppressed[0].reason, "counted on the other side");
}

#[test]
fn a_comment_before_a_model_is_about_all_in_it() {
    let (left, suppressed) = found(&compiled("<!-- webhookc-ignore WH0314,WH0313: a mirror -->", ""));
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(suppressed.len(), 4);
}

#[test]
fn the_innermost_comment_is_the_one_that_is_used() {
    let (left, _) = found(&compiled("<!-- webhookc-ignore WH0314: a mirror -->", "<!-- webhookc-ignore WH0314: this one too -->"));
    assert!(!left.iter().any(|found| found.starts_with("WH09")), "{left:?}");
}

#[test]
fn what_suppresses_nothing_is_said() {
    for (comment, under) in [
        ("<!-- webhookc-ignore WH0308: never -->", "WH0901 WH0308"),
        ("<!-- webhookc-ignore WH9999: never -->", "WH0901 WH9999"),
        ("<!-- webhookc-ignore: never -->", "WH0901 <!-- webhookc-ignore: never -->"),
        ("<!-- webhookc-ignore WH0314 -->", "WH0902 <!-- webhookc-ignore WH0314 -->"),
    ] {
        let (left, _) = found(&compiled("", comment));
        assert!(left.iter().any(|found| found == under), "{comment}: {left:?}");
        assert_eq!(left.iter().filter(|found| found.starts_with("WH09")).count(), 1, "{comment}: {left:?}");
    }
    for comment in ["<!-- webhookc-ignored WH0308: another word -->", "<!-- about webhookc-ignore -->"] {
        let (left, _) = found(&compiled("", comment));
        assert_eq!(left.len(), 4, "{comment}: {left:?}");
    }
}

#[test]
fn an_error_stays() {
    let broken = "<!-- webhookc-ignore WH0203: soon -->\n<webhook type=\"ready\" name=\"three\"><field name=\"nome\"/></webhook>";
    let (left, suppressed) = found(&compiled("", broken));
    assert!(left.iter().any(|found| found == "WH0203 nome"), "{left:?}");
    assert!(left.iter().any(|found| found == "WH0901 WH0203"), "{left:?}");
    assert_eq!(suppressed, Vec::<String>::new());
}

#[test]
fn among_errors_nothing_is_called_unused() {
    let broken = "<!-- webhookc-ignore WH0308: kept -->\n<webhook type=\"ready\" name=\"three\"><field name=\"nome\"/></webhook>";
    let (left, _) = found(&compiled("", broken));
    assert!(!left.iter().any(|found| found.starts_with("WH0901")), "{left:?}");
}

/// A webhook on an asset whose fields may be missing, with a body of a template file.
fn with_template(content_type: &str, template: &str) -> Compilation {
    let schema = format!(
        "<data-model>\n<model name=\"asset\" label=\"Asset\">\n<field name=\"name\" label=\"Name\" type=\"text\"/>\n\
         <field name=\"place\" label=\"Place\" type=\"text\"/>\n<display>{{name}}</display>\n<webhook type=\"ready\" name=\"one\">\n\
         <field name=\"name\" required=\"false\" /><request url=\"https://example.com/\">\n<body template=\"one\" content-type=\"{content_type}\"/></request>\n\
         </webhook>\n</model>\n</data-model>\n"
    );
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", schema.into_bytes()));
    for name in ["one", "unused"] {
        input.templates.push((name.to_owned(), input.sources.add(name, template.as_bytes().to_vec())));
    }
    compile(input)
}

const NAME: &str = "{# webhookc-ignore WH0407: it is always filled in #}";

#[test]
fn a_comment_in_a_template_is_about_the_expression_or_block_behind_it() {
    for (template, expected) in [
        (format!("é {NAME}\r\n{{{{ object.name }}}} {{{{ object.place }}}}"), "WH0407 object.place"),
        (format!("{NAME}{{% if true %}}{{{{ object.name }}}}{{% if 1 == 1 %}}{{{{ object.place }}}}{{% endif %}}{{% endif %}}"), ""),
        (format!("{{% if true %}}{NAME}{{{{ object.name }}}}{{% endif %}}{{{{ object.place }}}}"), "WH0407 object.place"),
        (format!("{NAME}{{# and another #}}{{{{ object.name ~ '}}}}' }}}}"), ""),
        (format!("{NAME}{{% raw %}}{{{{ x }}}}{{% endraw %}}{{{{ object.name }}}}"), "WH0901 WH0407|WH0407 object.name"),
        ("{#- webhookc-ignore may-be-missing: seen -#} {{ object.name }}".to_owned(), ""),
    ] {
        let (left, suppressed) = found(&with_template("text/plain", &template));
        assert_eq!(left.join("|"), expected, "{template}");
        assert!(!suppressed.is_empty() || expected.starts_with("WH0901"), "{template}");
    }
}

#[test]
fn a_comment_stands_in_a_string_of_a_json_body() {
    let template = format!(
        "{{\"a\": \"{NAME}{{{{ object.name }}}} \", \"b\": \"{{{{ object.place }}}} \", \"c\": \"{{# why #}}{{{{ object.name }}}}\"}}"
    );
    let compilation = with_template("application/json", &template);
    let (left, suppressed) = found(&compilation);
    assert_eq!((left.join("|").as_str(), suppressed.join("|").as_str()), ("WH0407 object.place", "WH0407 object.name"));
    assert_eq!(compilation.suppressed[0].reason, "it is always filled in");
}

#[test]
fn quotes_that_a_json_body_escapes_end_where_they_end() {
    for inner in [r#"\"}}\""#, r#"\"a \\\" }} b\""#, r#"\"\\\\\""#, "'}}'"] {
        let block = format!("{{% if object.id != {inner} %}}{{{{ object.name }}}} {{% endif %}}");
        let template = format!("{{\"a\": \"{NAME}{block}\", \"b\": \"{{{{ object.place }}}} \"}}");
        let (left, suppressed) = found(&with_template("application/json", &template));
        assert_eq!((left.join("|").as_str(), suppressed.join("|").as_str()), ("WH0407 object.place", "WH0407 object.name"), "{template}");
    }
}

#[test]
fn what_suppresses_nothing_in_a_template_is_said() {
    for (template, under) in [
        (format!("{NAME}{{{{ object.id }}}}{{{{ object.name }}}}"), "WH0901 WH0407"),
        (format!("{{% if true %}}{NAME}{{% endif %}}{{{{ object.name }}}}"), &*format!("WH0901 {NAME}")),
        (format!("{{{{ object.name }}}}{NAME}"), &*format!("WH0901 {NAME}")),
        ("{# webhookc-ignore WH9999: never #}{{ object.name }}".to_owned(), "WH0901 WH9999"),
        ("{# webhookc-ignore WH0407 #}{{ object.name }}".to_owned(), "WH0902 {# webhookc-ignore WH0407 #}"),
        ("{# webhookc-ignore: why #}{{ object.name }}".to_owned(), "WH0901 {# webhookc-ignore: why #}"),
        ("{# webhookc-ignore WH0407: why".to_owned(), "WH0401 {#"),
        ("{# webhookc-ignore WH0402: soon #}{{ object.nmae }}".to_owned(), "WH0901 WH0402"),
    ] {
        let compilation = with_template("text/plain", &template);
        let (left, _) = found(&compilation);
        assert!(left.iter().any(|found| found.starts_with(under)), "{template}: {left:?}");
        assert!(left.iter().filter(|found| found.starts_with("WH09")).count() <= 1, "{template}: {left:?}");
    }
}
