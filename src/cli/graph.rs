//! `webhookc graph`: draws what the schemas declare and who receives it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::output::Output;
use crate::compile::compile;
use crate::config::{self, Overrides};
use crate::graph::{dot, graph, json, mermaid, svg};
use crate::report::{Format, render, summary};

/// Draw models, relations, webhooks with their conditions and embeds, and endpoints
#[derive(Debug, Args)]
pub(super) struct Graph {
    /// Schema files, patterns such as `schemas/*.xml`, and folders, linked into one data model [default: .]
    paths: Vec<PathBuf>,

    /// What is printed
    #[arg(long, value_enum, default_value_t = Picture::Svg, value_name = "FORMAT")]
    output_format: Picture,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Picture {
    /// A picture for browsers and documents
    Svg,
    /// The language of Graphviz
    Dot,
    /// A Mermaid flowchart, for Markdown
    Mermaid,
    /// One JSON object
    Json,
}

impl Graph {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let compilation = compile(config::read(&self.paths, &Overrides::default()).outcome?.input);
        let Some(rules) = &compilation.rules else {
            output.complain(&render(&compilation, Format::Full, output.err));
            output.complain(&format!("{}\n", summary(&compilation)));
            return Ok(ExitCode::from(1));
        };
        let graph = graph(rules);
        output.print(&match self.output_format {
            Picture::Svg => svg(&graph),
            Picture::Dot => dot(&graph),
            Picture::Mermaid => mermaid(&graph),
            Picture::Json => json(&graph),
        });
        Ok(ExitCode::SUCCESS)
    }
}
