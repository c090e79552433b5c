//! Compiling text and folders in tests, and putting what was found into words that can be compared.

#![allow(dead_code, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its case has to fail")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use webhookc::compile::{Compilation, Input, compile};
use webhookc::ids::EndpointId;
use webhookc::program::{EndpointSource, Events, RequestSource, Settings};
use webhookc::scenario::read_tests;
use webhookc::text::{SourceMap, SourceText, Span, Spanned};

/// Settings under which every webhook has a target: one endpoint for what nothing else receives.
pub fn settings(sources: &mut SourceMap) -> Settings {
    let url = "http://127.0.0.1:9/sink";
    let file = sources.add("webhookc.toml", url.as_bytes().to_vec());
    let span = Span::new(file, 0, url.len());
    let request = RequestSource {
        url: SourceText::verbatim(url, span),
        method: Spanned::new("POST".into(), span),
        headers: Vec::new(),
        body: None,
        span,
    };
    let endpoint = EndpointSource {
        id: EndpointId::new("ep_sink"),
        name: Spanned::new("sink".into(), span),
        events: Events::Unclaimed,
        request,
        enabled: true,
        takes_alerts: false,
    };
    Settings { endpoints: vec![endpoint.into()], ..Settings::default() }
}

/// Compiles one schema, `schema.xml`, with a target for every webhook. `\xNN` stands for a byte that cannot be in a text file,
/// `\xNN{7}` for seven of them.
pub fn compile_text(text: &str) -> Compilation {
    let mut input = Input::default();
    input.settings = settings(&mut input.sources);
    compile_with(text, input)
}

/// As [`compile_text`], with no target but those of the schema.
pub fn compile_without_targets(text: &str) -> Compilation {
    compile_with(text, Input::default())
}

fn compile_with(text: &str, mut input: Input) -> Compilation {
    input.schemas.push(input.sources.add("schema.xml", unescape(text)));
    compile(input)
}

/// Compiles a case folder, and reads its `*.test.yaml` against it.
pub fn compile_folder(folder: &Path) -> Compilation {
    let mut compilation = compile(folder_input(folder));
    for path in sorted(folder).iter().filter(|path| path.to_str().unwrap().ends_with(".test.yaml")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        read_tests_of(&mut compilation, name, fs::read(path).unwrap());
    }
    compilation
}

/// Compiles the schema that the examples of pages about tests are about, and reads an example against it.
pub fn compile_test(text: &str) -> Compilation {
    let schema = r#"<data-model>
    <model name="asset" label="Asset">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="asset_named">
            <field name="name" />
        </webhook>
    </model>
</data-model>"#;
    let mut compilation = compile_text(schema);
    read_tests_of(&mut compilation, "example.test.yaml", text.as_bytes().to_vec());
    compilation
}

fn read_tests_of(compilation: &mut Compilation, name: &str, bytes: Vec<u8>) {
    let file = compilation.sources.add(name, bytes);
    let rules = compilation.rules.as_ref().expect("a test file is read against sound rules");
    // Only what is found wrong is looked at.
    drop(read_tests(file, compilation.sources.file(file), rules, &mut compilation.diagnostics));
    compilation.diagnostics.sort();
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A case folder: all its `*.xml` are linked, all other files but `expected.txt` and `*.test.yaml` are templates. A file `no-target` leaves
/// the webhooks without an endpoint.
pub fn folder_input(folder: &Path) -> Input {
    let mut input = Input::default();
    let mut wants_target = true;
    for path in sorted(folder) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match name.as_str() {
            "expected.txt" => {}
            "no-target" => wants_target = false,
            _ if name.ends_with(".test.yaml") => {}
            _ if path.extension().is_some_and(|extension| extension == "xml") => {
                let text = fs::read_to_string(&path).unwrap();
                input.schemas.push(input.sources.add(name, unescape(&text)));
            }
            _ => {
                let file = input.sources.add(format!("templates/{name}"), fs::read(&path).unwrap());
                input.templates.push((name, file));
            }
        }
    }
    if wants_target {
        input.settings = settings(&mut input.sources);
    }
    input.settings.vars.insert("base_url".to_owned(), "https://api.example.com".to_owned());
    input.settings.secrets.insert("token".to_owned());
    input
}

/// Replaces `\xNN` by the byte, `\xNN{7}` by seven of them.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let (digits, tail) = after.split_at(2);
        let count =
            tail.strip_prefix('{').and_then(|count| count.split_once('}')).and_then(|(count, tail)| Some((count.parse().ok()?, tail)));
        let (count, tail) = count.unwrap_or((1, tail));
        bytes.extend(std::iter::repeat_n(u8::from_str_radix(digits, 16).unwrap(), count));
        rest = tail;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Everything that was found, in a form that shows each span by the text under it.
pub fn in_words(compilation: &Compilation) -> String {
    let sources = &compilation.sources;
    let place = |span: Span| {
        let file = sources.file(span.file);
        let position = file.position(span.start);
        format!("{}:{}:{}", file.name, position.line, position.column)
    };
    let mut text = String::new();
    for found in &compilation.diagnostics {
        let code = found.code;
        writeln!(text, "{} {} {} {}", code.as_str(), code.name(), found.severity().as_str(), place(found.primary.span)).unwrap();
        writeln!(text, "  {}", found.message).unwrap();
        writeln!(text, "  at {:?} {}", sources.slice(found.primary.span), found.primary.value).unwrap();
        for related in &found.related {
            writeln!(text, "  see {} {:?} {}", place(related.span), sources.slice(related.span), related.value).unwrap();
        }
        for help in &found.help {
            writeln!(text, "  help {help}").unwrap();
        }
        for fix in &found.fixes {
            writeln!(text, "  {}fix {}", if fix.safe { "safe " } else { "" }, fix.title).unwrap();
            for edit in &fix.edits {
                writeln!(text, "    {} {:?} -> {:?}", place(edit.span), sources.slice(edit.span), edit.text).unwrap();
            }
        }
    }
    if text.is_empty() { "nothing\n".to_owned() } else { text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n" }
}
