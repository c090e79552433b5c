//! One page with the sources of the rules, what was tried and what was not marked in them. No script, no other file, dark and light.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Covered, Point, share, share_words};
use crate::ids::FileId;
use crate::report::xml_text;
use crate::text::SourceFile;

const STYLE: &str = ":root{color-scheme:light dark;--ok:#1a7f37;--part:#9a6700;--no:#cf222e;--line:#d0d7de;--back:#f6f8fa}\
@media(prefers-color-scheme:dark){:root{--ok:#3fb950;--part:#d29922;--no:#f85149;--line:#30363d;--back:#161b22}}\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}h1,h2,li,td{overflow-wrap:anywhere}\
table{border-collapse:collapse}td,th{padding:.1rem .6rem;text-align:left;vertical-align:top}\
.source{overflow-x:auto;border:1px solid var(--line)}.source table{min-width:100%}\
.source td{font:13px/1.5 ui-monospace,monospace;white-space:pre;overflow-wrap:normal}.number{text-align:right;opacity:.7}\
.ok,.part,.no{background:var(--back)}.ok td:first-child{border-left:4px solid var(--ok)}\
.part td:first-child{border-left:4px solid var(--part)}.no td:first-child{border-left:4px solid var(--no)}\
.source td.said{white-space:normal;padding:0 0 .3rem}.said ul{font:14px/1.5 system-ui,sans-serif;position:sticky;left:0;\
margin:0 0 0 3.5rem;padding:0 0 0 1rem;max-width:calc(100vw - 9rem)}.missed{color:var(--no)}:target{outline:2px solid var(--part)}";

pub(super) fn render(projects: &[Covered<'_>]) -> String {
    let total = share_words(share(projects.iter().flat_map(|project| &project.points)));
    let mut rows = String::new();
    let mut sections = String::new();
    let mut missed = String::new();
    let mut number = 0;
    for Covered { sources, points } in projects {
        let mut files: BTreeMap<FileId, Vec<&Point>> = BTreeMap::new();
        for point in points {
            files.entry(point.span.file).or_default().push(point);
        }
        for (id, points) in files {
            number += 1;
            let file = sources.file(id);
            let (name, share) = (xml_text(&file.name), share_words(share(points.iter().copied())));
            let _ = writeln!(rows, "<tr><td><a href=\"#file{number}\">{name}</a></td><td>{share}</td></tr>");
            let _ = write!(sections, "<h2 id=\"file{number}\">{name}</h2>\n{}", source(file, number, &points));
            for point in points.iter().filter(|point| point.missed().next().is_some()) {
                let line = file.position(point.span.start).line;
                let _ = writeln!(missed, "<li><a href=\"#file{number}-{line}\">{name}:{line}</a> {}</li>", words(point));
            }
        }
    }
    let missed = if missed.is_empty() { missed } else { format!("<h2>What was never tried</h2>\n<ul>\n{missed}</ul>\n") };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Coverage of the rules</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Coverage of the rules: {total}</h1>\n\
         <table>\n<tr><th scope=\"col\">File</th><th scope=\"col\">Sides seen</th></tr>\n{rows}</table>\n{missed}{sections}</main>\n</body>\n</html>\n"
    )
}

/// A file with its points below the lines on which they stand.
fn source(file: &SourceFile, number: usize, points: &[&Point]) -> String {
    let mut by_line: BTreeMap<u32, Vec<&Point>> = BTreeMap::new();
    for point in points {
        by_line.entry(file.position(point.span.start).line).or_default().push(point);
    }
    let mut out = String::from("<div class=\"source\" tabindex=\"0\">\n<table>\n");
    for (line, text) in (1_u32..).zip(file.text.lines()) {
        let here = by_line.get(&line).map(Vec::as_slice).unwrap_or_default();
        let class = match share(here.iter().copied()) {
            (_, 0) => "",
            (0, _) => "no",
            (seen, all) if seen == all => "ok",
            _ => "part",
        };
        let text = xml_text(text);
        let _ = writeln!(out, "<tr class=\"{class}\" id=\"file{number}-{line}\"><td class=\"number\">{line}</td><td>{text}</td></tr>");
        if !here.is_empty() {
            let said: Vec<String> = here.iter().map(|point| format!("<li>{}</li>", words(point))).collect();
            let said = said.concat();
            let _ = writeln!(out, "<tr class=\"{class}\"><td colspan=\"2\" class=\"said\"><ul>{said}</ul></td></tr>");
        }
    }
    out + "</table>\n</div>\n"
}

fn words(point: &Point) -> String {
    let sides = point.sides.map(|(side, count)| match count {
        0 => format!("<strong class=\"missed\">never {side}</strong>"),
        count => format!("{side} {count}×"),
    });
    format!("{}: {}", xml_text(&point.what), sides.join(", "))
}
