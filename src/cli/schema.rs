//! `webhookc schema`: descriptions of what the program reads and writes, for editors and other programs; and a first schema for a database.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::output::{Output, harmless};
use super::source::failed;
use crate::report::counted;
use crate::schema::xsd;
use crate::source::import::{Wish, import};

/// Print a description of a format, for editors; or make a first schema from a database
#[derive(Debug, Args)]
pub(super) struct Schema {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// XML Schema of data models, dialect 3.1
    Xsd,
    /// JSON Schema of `webhookc.toml`
    Config,
    /// JSON Schema of `webhookc check --output-format json`
    Output,
    /// JSON Schema of scenario tests, `*.test.yaml`
    Test,
    Import(Import),
}

/// Write a first `schema.xml` for the tables of a PostgreSQL database
///
/// Tables become models, columns fields, enums choices, foreign keys relations. What has to stand in `webhookc.toml` where names differ goes to
/// standard output, what was left out and why to standard error. The database is only read.
#[derive(Debug, Args)]
struct Import {
    /// The database, `postgres://USER@HOST/DATABASE`
    #[arg(env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    url: String,

    /// A schema of the database, `*` for any text; can be given several times
    #[arg(long, value_name = "NAME", default_value = "public")]
    schema: Vec<String>,

    /// Only this table, `table` or `schema.table`, `*` for any text; can be given several times
    #[arg(long, value_name = "NAME")]
    table: Vec<String>,

    /// The file to write; `-` is standard output, and what belongs into `webhookc.toml` goes to standard error
    #[arg(long, short, default_value = "schema.xml", value_name = "FILE")]
    output: PathBuf,

    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
}

impl Schema {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        match self.what {
            What::Xsd => output.print(&xsd()),
            What::Config => output.print(include_str!("../../schemas/webhookc.toml.schema.json")),
            What::Output => output.print(include_str!("../../schemas/check.schema.json")),
            What::Test => output.print(include_str!("../../schemas/test.schema.json")),
            What::Import(import) => import.run(output).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    async fn run(self, output: Output) -> Result<(), Failure> {
        let to_output = self.output.as_os_str() == "-";
        let shown = self.output.display();
        let there = || {
            Failure::new(format!("`{shown}` is there and would be overwritten, nothing was written"))
                .help("choose another file with `--output FILE`, or overwrite it with `--force`")
        };
        // Said before anything is asked of the database.
        if !to_output && !self.force && self.output.symlink_metadata().is_ok() {
            return Err(there());
        }
        let wish = Wish { schemas: self.schema, tables: self.table };
        let made = import(&self.url, &wish).await.map_err(|error| failed(&error, "no schema can be made"))?;
        for note in &made.notes {
            output.complain(&format!("{}\n", harmless(note)));
        }
        if to_output {
            output.print(&made.schema);
            if !made.mapping.is_empty() {
                output.complain(&format!("\n{}", made.mapping));
            }
            return Ok(());
        }
        let file = OpenOptions::new().write(true).create(self.force).truncate(self.force).create_new(!self.force).open(&self.output);
        file.and_then(|mut file| file.write_all(made.schema.as_bytes())).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                return there();
            }
            Failure::of(&format!("cannot write `{shown}`"), &error)
        })?;
        output.line(&format!("made {shown}: {} with {}", counted(made.models, "model"), counted(made.relations, "relation")));
        if !made.mapping.is_empty() {
            output.line(&format!(
                "\nNames that the schema cannot have stand in `webhookc.toml`, beside `[source.postgres]`:\n\n{}",
                made.mapping.trim_end()
            ));
        }
        Ok(())
    }
}
