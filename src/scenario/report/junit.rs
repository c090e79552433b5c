//! XML as of `JUnit`: a suite a file, a case a scenario.

use std::fmt::Write as _;

use super::{Tested, count, place, plain};
use crate::report::xml_text;

pub(super) fn render(tested: &[Tested]) -> String {
    let (passed, failed) = count(tested);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "<testsuites name=\"webhookc\" tests=\"{}\" failures=\"{failed}\" errors=\"0\">", passed + failed);
    for Tested { sources, files } in tested {
        for file in files {
            let name = xml_text(&sources.file(file.file).name);
            let failed = file.outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
            let tests = file.outcomes.len();
            let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">");
            for outcome in &file.outcomes {
                let title = xml_text(&outcome.name.value);
                let Some(first) = outcome.failures.first() else {
                    let _ = writeln!(out, "    <testcase name=\"{title}\" classname=\"{name}\"/>");
                    continue;
                };
                let _ = writeln!(out, "    <testcase name=\"{title}\" classname=\"{name}\">");
                // A case has one failure; what else is wrong stands in its text.
                let all: Vec<String> =
                    outcome.failures.iter().map(|failure| format!("{}\n{}", place(sources, failure), plain(failure))).collect();
                let (message, text) = (xml_text(&first.message), xml_text(&all.join("\n\n")));
                let _ = writeln!(out, "      <failure message=\"{message}\" type=\"expectation\">{text}</failure>");
                out.push_str("    </testcase>\n");
            }
            out.push_str("  </testsuite>\n");
        }
    }
    out + "</testsuites>\n"
}
