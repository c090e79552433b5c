//! `webhookc explain`: the page of a diagnostic code, what a compiled webhook means, or what saves would lead to.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::output::Output;
use super::test::{Bench, complain, test_files};
use crate::diagnostics::{Code, one_of, page, suggestion};
use crate::explain::{Place, Tried, event, event_mermaid, event_text, explain_saves, saves_mermaid, saves_text};
use crate::ids::WebhookId;
use crate::report;
use crate::scenario::{Scenario, StepResult, read_recording, run};
use crate::text::{Span, Spanned};

/// Explain a diagnostic code, a webhook, or why a save makes webhooks fire or not
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A code or its name, such as `WH0203` or `unknown-reference`, or the name of a webhook
    #[arg(required_unless_present = "save", conflicts_with = "save")]
    subject: Option<String>,

    /// Try the saves of a file, one after the other in an empty store, and show every webhook of their models: items as `POST …/saves`
    /// takes them, one a line
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// The project: a folder, with or without `webhookc.toml`, or a schema file
    #[arg(long, default_value = ".", value_name = "PATH")]
    project: PathBuf,

    /// What is printed; the page of a code is always text
    #[arg(long, value_enum, default_value_t = Form::Text, value_name = "FORMAT")]
    output_format: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// For reading
    Text,
    /// One JSON object
    Json,
    /// A Mermaid flowchart, for Markdown
    Mermaid,
}

impl Explain {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        match (&self.subject, &self.save) {
            (Some(subject), _) => match Code::find(subject) {
                Some(code) => explain_code(code, output),
                None => self.explain_event(subject, output),
            },
            (None, Some(file)) => self.explain_save(file, output),
            (None, None) => Err(Failure::new("nothing to explain, expected a code, a webhook or `--save FILE`")),
        }
    }

    fn explain_event(&self, name: &str, output: Output) -> Result<ExitCode, Failure> {
        if name.len() > 2
            && name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("wh"))
            && name.bytes().skip(2).all(|byte| byte.is_ascii_digit())
        {
            return Err(no_such(name, format!("there is no code `{name}`, expected one like `WH0203`"), std::iter::empty()));
        }
        // A mistake in a test does not change what the webhook means.
        let bench = match Bench::build(&self.project, &test_files(&self.project)?)? {
            Ok(bench) => Ok(bench),
            Err(with_tests) => Bench::build(&self.project, &[])?.inspect(|_| {
                output.complain(&report::render(&with_tests, report::Format::Full, output.err));
                output.complain("the tests have mistakes and are left out\n");
            }),
        };
        let bench = match bench {
            Ok(bench) => bench,
            Err(compilation) => {
                complain(&compilation, output);
                return Ok(ExitCode::from(2));
            }
        };
        let program = &bench.rules().program;
        let Some(id) = program.webhook_named(name) else {
            let message = format!("there is neither a code nor a webhook `{name}`");
            return Err(no_such(name, message, program.webhooks.iter().map(|webhook| &*webhook.name)));
        };
        let explained = event(bench.rules(), &bench.compilation.sources, id, tried(&bench, id));
        match self.output_format {
            Form::Text => output.print(&event_text(&explained)),
            Form::Json => output.line(&json(&explained)?),
            Form::Mermaid => output.print(&event_mermaid(&explained)),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn explain_save(&self, file: &std::path::Path, output: Output) -> Result<ExitCode, Failure> {
        let mut bench = match Bench::build(&self.project, &[])? {
            Ok(bench) => bench,
            Err(compilation) => {
                complain(&compilation, output);
                return Ok(ExitCode::from(2));
            }
        };
        let id = bench.add(file)?;
        let saves = bench.read(id, read_recording);
        if bench.compilation.diagnostics.has_errors() {
            complain(&bench.compilation, output);
            return Ok(ExitCode::from(2));
        }
        let program = &bench.rules().program;
        let named = saves.iter().filter_map(|recorded| recorded.save());
        let named: Vec<_> = named.map(|save| (program.model(save.model).name.to_string(), save.id.to_string())).collect();
        let name = Spanned::new("saves".to_owned(), Span::new(id, 0, 0));
        let scenario = Scenario::of_steps(name, saves.into_iter().map(|recorded| recorded.step).collect());
        let happened = run(&bench.setting(), &scenario, None);
        let explained = explain_saves(bench.rules(), &bench.compilation.sources, &named, &happened);
        match self.output_format {
            Form::Text => output.print(&saves_text(&explained, output.out)),
            Form::Json => output.line(&json(&serde_json::json!({ "format_version": "1.0", "saves": explained }))?),
            Form::Mermaid => output.print(&saves_mermaid(&explained)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn explain_code(code: Code, output: Output) -> Result<ExitCode, Failure> {
    let Some(page) = page(code) else {
        return Err(Failure::new(format!("the code `{}` has no page", code.as_str())));
    };
    output.print(page.text);
    if !page.text.ends_with('\n') {
        output.print("\n");
    }
    Ok(ExitCode::SUCCESS)
}

fn no_such<'a>(name: &str, message: String, events: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let failure = Failure::new(message);
    match suggestion(name, events.clone().chain(Code::ALL.iter().flat_map(|code| [code.as_str(), code.name()]))) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None if events.clone().next().is_some() => failure.help(format!("expected a code such as `WH0203`, or {}", one_of(events))),
        None => failure.help("`webhookc rules` lists the codes"),
    }
}

/// The scenarios of the project in which the webhook is decided.
fn tried(bench: &Bench, id: WebhookId) -> Vec<Tried> {
    let setting = bench.setting();
    let scenarios = bench.files.iter().flat_map(|(_, _, tests)| &tests.scenarios);
    let tried = scenarios.filter_map(|scenario| {
        let happened = run(&setting, scenario, None);
        let (mut fired, mut suppressed) = (0, 0);
        for step in &happened.steps {
            if let StepResult::Saved { decisions, .. } = &step.result {
                for decision in decisions.iter().filter(|decision| decision.webhook == id) {
                    let count = if decision.verdict == crate::engine::Verdict::Fired { &mut fired } else { &mut suppressed };
                    *count += 1;
                }
            }
        }
        let place = Place::of(&bench.compilation.sources, scenario.name.span);
        (fired + suppressed > 0).then(|| Tried { name: scenario.name.value.clone(), place, fired, suppressed })
    });
    tried.collect()
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::of("cannot write the explanation", &error))
}
