//! What is typed in a shell: arguments in, one verb a file, an exit code out. 0: done and clean; 1: there are findings, or the node
//! refused; 2: usage, configuration, input or output. Only user of clap.

mod audit;
mod backfill;
mod backup;
mod brokers;
mod check;
mod client;
mod completions;
mod contract;
mod deliveries;
mod descriptors;
mod dev;
mod dialect_name;
mod doctor;
mod endpoints;
mod explain;
mod failure;
mod fmt;
mod graph;
mod init;
mod keys;
mod lsp;
mod man;
mod node;
mod output;
mod prune;
mod ready;
mod replay;
mod rewrite;
mod rotate;
mod rotate_key;
mod rules;
mod sample;
mod save;
mod schema;
mod screen;
mod serve;
mod signals;
mod source;
mod stored;
mod test;
mod verify;
mod vault;

use std::ffi::OsString;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::config::Overrides;
use crate::diagnostics::list;
use failure::Failure;
use output::{Color, Output};

/// The webhook compiler: checks webhook rules against a data model, and delivers what they promise.
#[derive(Debug, Parser)]
#[command(name = "webhookc", version, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,

    /// When to colour what is printed
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Test(test::Test),
    Fmt(fmt::Fmt),
    Dev(dev::Dev),
    Serve(serve::Serve),
    Ready(ready::Ready),
    Source(source::Source),
    Save(save::Save),
    Deliveries(deliveries::Deliveries),
    Endpoints(endpoints::Endpoints),
    Replay(replay::Replay),
    Backfill(backfill::Backfill),
    Rotate(rotate::Rotate),
    RotateKey(rotate_key::RotateKey),
    Keys(keys::Keys),
    Audit(audit::Audit),
    Prune(prune::Prune),
    Doctor(doctor::Doctor),
    Backup(backup::Backup),
    Explain(explain::Explain),
    Verify(verify::Verify),
    Sample(sample::Sample),
    Init(init::Init),
    Contract(contract::Contract),
    Rules(rules::Rules),
    Graph(graph::Graph),
    Lsp(lsp::Lsp),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Settings that win over `webhookc.toml`.
#[derive(Debug, Args)]
struct Settings {
    /// The address to listen at
    #[arg(long, env = "WEBHOOKC_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,

    /// The store, such as `sqlite:webhookc.db`
    #[arg(long, env = "WEBHOOKC_STORE", value_name = "URL")]
    store: Option<String>,

    /// `app` of the payload
    #[arg(long, env = "WEBHOOKC_APP", value_name = "NAME")]
    app: Option<String>,

    /// `server` of the payload
    #[arg(long, env = "WEBHOOKC_SERVER", value_name = "URL")]
    server: Option<String>,
}

impl Settings {
    fn into_overrides(self) -> Overrides {
        Overrides { listen: self.listen, store: self.store, app: self.app, server: self.server }
    }
}

/// Parses the arguments, the program's name first, and does what they say.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|verb| verb == "dev" || verb == "serve") {
        small_pages();
    }
    let arguments = match Arguments::try_parse_from(&arguments) {
        Ok(arguments) => arguments,
        Err(mut error) => {
            name_the_known(&mut error, &arguments);
            // Help and version are on standard output, with code 0; a closed pipe is nobody's concern.
            let _closed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::new(arguments.color);
    let outcome = match arguments.verb {
        Verb::Check(check) => check.run(output),
        Verb::Test(test) => test.run(output),
        Verb::Fmt(fmt) => fmt.run(output),
        Verb::Dev(dev) => block_on(dev.run(output)),
        Verb::Serve(serve) => block_on(serve.run(output)),
        Verb::Ready(ready) => block_on(ready.run(output)),
        Verb::Source(source) => block_on(source.run(output)),
        Verb::Save(save) => block_on(save.run(output)),
        Verb::Deliveries(deliveries) => block_on(deliveries.run(output)),
        Verb::Endpoints(endpoints) => block_on(endpoints.run(output)),
        Verb::Replay(replay) => block_on(replay.run(output)),
        Verb::Backfill(backfill) => block_on(backfill.run(output)),
        Verb::Rotate(rotate) => block_on(rotate.run(output)),
        Verb::RotateKey(rotate) => block_on(rotate.run(output)),
        Verb::Keys(keys) => block_on(keys.run(output)),
        Verb::Audit(audit) => block_on(audit.run(output)),
        Verb::Prune(prune) => block_on(prune.run(output)),
        Verb::Doctor(doctor) => block_on(doctor.run(output)),
        Verb::Backup(backup) => block_on(backup.run(output)),
        Verb::Explain(explain) => explain.run(output),
        Verb::Verify(verify) => verify.run(output),
        Verb::Sample(sample) => sample.run(output),
        Verb::Init(init) => init.run(output),
        Verb::Contract(contract) => contract.run(output),
        Verb::Rules(rules) => rules.run(output),
        Verb::Graph(graph) => graph.run(output),
        Verb::Lsp(lsp) => lsp.run(),
        Verb::Schema(schema) => block_on(schema.run(output)),
        Verb::Completions(completions) => Ok(completions.run(&mut Arguments::command(), output)),
        Verb::Man(man) => man.run(Arguments::command()),
    };
    let code = outcome.unwrap_or_else(|failure| failure.print(output));
    match output.unwritten() {
        Some(error) => Failure::of("cannot write to standard output", error).print(output),
        None => code,
    }
}

/// Adds the subcommands that there are to what is said of one that there is not, unless they are too many to be read.
fn name_the_known(error: &mut clap::Error, arguments: &[OsString]) {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return;
    }
    let mut command = Arguments::command();
    for argument in arguments.iter().skip(1) {
        match command.find_subcommand(argument) {
            Some(known) => command = known.clone(),
            None => break,
        }
    }
    let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    if known.len() <= MOST_NAMED {
        let text = format!("there are {}", list(known));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![text.into()]));
    }
}

/// Subcommands that are named where another one was asked for: all of a verb, and not all verbs.
const MOST_NAMED: usize = 10;

/// A node lives long and holds little at a time: pages of 2 MiB, of which the allocator would take one for each thread and size of
/// things, would double what it occupies. A compilation that ends soon is faster with them. What has been taken stays, so that this comes
/// before the arguments are read.
fn small_pages() {
    // Where this cannot be had, large pages stay in use.
    #[cfg(target_os = "linux")]
    let _unchanged = rustix::thread::disable_transparent_huge_pages(true);
}

/// How long a thread waits for the next thing that blocks: less than the pause between two looks at the project's files, which would keep
/// every thread that there ever was.
const IDLE_THREAD: Duration = Duration::from_secs(1);

fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_keep_alive(IDLE_THREAD).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::of("cannot start the runtime", &error))?;
    // Boxed, so that the loop that drives it is in the program once.
    let work: Pin<Box<dyn Future<Output = _>>> = Box::pin(work);
    runtime.block_on(work)
}
