//! `webhookc contract`: what receivers are promised of the payload of a webhook, as JSON Schema or as TypeScript.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::failure::Failure;
use super::output::Output;
use super::test::{Bench, complain};
use crate::contract::{bundle, payload_schema, typescript};
use crate::diagnostics::{one_of, suggestion};

/// Print the JSON Schema of what a webhook sends, or its TypeScript type
///
/// What the conditions guarantee is in it: a field that must be set is not null. It is about the default body, not about one that an
/// endpoint's template makes.
#[derive(Debug, Args)]
pub(super) struct Contract {
    /// The webhook; all of them when none is named
    webhook: Option<String>,

    /// The project: a folder, with or without `webhookc.toml`, or a schema file
    #[arg(long, default_value = ".", value_name = "PATH")]
    project: PathBuf,

    /// What is printed
    #[arg(long, value_enum, default_value_t = Form::JsonSchema, value_name = "FORMAT")]
    output_format: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// JSON Schema 2020-12
    JsonSchema,
    /// TypeScript types
    Typescript,
}

impl Contract {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let bench = match Bench::build(&self.project, &[])? {
            Ok(bench) => bench,
            Err(compilation) => {
                complain(&compilation, output);
                return Ok(ExitCode::from(2));
            }
        };
        let program = &bench.rules().program;
        let named = match &self.webhook {
            None => None,
            Some(name) => {
                let names = || program.webhooks.iter().map(|webhook| &*webhook.name);
                let missing = || {
                    let failure = Failure::new(format!("there is no webhook `{name}`"));
                    match suggestion(name, names()) {
                        Some(near) => failure.help(format!("did you mean `{near}`?")),
                        None => failure.help(format!("expected {}", one_of(names()))),
                    }
                };
                Some(program.webhook(program.webhook_named(name).ok_or_else(missing)?))
            }
        };
        match (self.output_format, named) {
            (Form::JsonSchema, Some(webhook)) => output.line(&pretty(&payload_schema(program, webhook))),
            (Form::JsonSchema, None) => output.line(&pretty(&bundle(program))),
            (Form::Typescript, Some(webhook)) => output.print(&typescript(&payload_schema(program, webhook))),
            (Form::Typescript, None) => output.print(&typescript(&bundle(program))),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn pretty(schema: &Value) -> String {
    // The alternative form puts each key on a line.
    format!("{schema:#}")
}
