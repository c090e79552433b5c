//! `webhookc explain CODE`: the page of a diagnostic code.

use std::process::ExitCode;

use clap::Args;

use super::failure::Failure;
use super::output::Output;
use crate::diagnostics::{Code, page, suggestion};

/// Show the page of a diagnostic code: what it means, a wrong and a right example
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code or its name, such as `WH0203` or `unknown-reference`
    code: String,
}

impl Explain {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let Some(code) = Code::find(&self.code) else {
            let known = Code::ALL.iter().flat_map(|code| [code.as_str(), code.name()]);
            let failure = Failure::new(format!("there is no code `{}`, expected one like `WH0203`", self.code));
            return Err(match suggestion(&self.code, known) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure,
            });
        };
        let Some(page) = page(code) else {
            return Err(Failure::new(format!("the code `{}` has no page", code.as_str())));
        };
        output.print(page.text);
        if !page.text.ends_with('\n') {
            output.print("\n");
        }
        Ok(ExitCode::SUCCESS)
    }
}
