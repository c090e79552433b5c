//! The binary: hands its arguments to the library and exits with what comes back.

use std::process::ExitCode;

fn main() -> ExitCode {
    webhookc::cli::run(std::env::args_os())
}
