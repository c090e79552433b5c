//! `webhookc sample`: objects that the data model allows, as lines that `save`, `dev --saves` and `explain --save` take.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::failure::Failure;
use super::output::Output;
use super::test::complain;
use crate::compile::compile;
use crate::config::{self, Overrides};
use crate::diagnostics::{list, suggestion};
use crate::sample::samples;

/// Make sample objects of a model: lines as `POST …/saves` takes them, related objects first
#[derive(Debug, Args)]
pub(super) struct Sample {
    /// The model
    model: String,

    /// How many objects of the model
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,

    /// The same number gives the same objects
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    seed: u64,

    /// The project: a folder, with or without `webhookc.toml`, or a schema file
    #[arg(long, default_value = ".", value_name = "PATH")]
    project: PathBuf,
}

impl Sample {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let compilation = compile(config::read(&[self.project], &Overrides::default()).outcome?.input);
        let Some(rules) = &compilation.rules else {
            complain(&compilation, output);
            return Ok(ExitCode::from(2));
        };
        let program = &rules.program;
        let Some(model) = program.model_named(&self.model) else {
            let names = || program.models.iter().map(|model| &*model.name);
            let failure = Failure::new(format!("`{}` is not a model of the data model", self.model));
            return Err(match suggestion(&self.model, names()) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help(format!("the data model has {}", list(names()))),
            });
        };
        for sample in samples(program, model, self.count as usize, self.seed) {
            output.line(&sample.to_line());
        }
        Ok(ExitCode::SUCCESS)
    }
}
