//! A project folder, and the real binary in it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the binary said.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_webhookc"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("GITHUB_ACTIONS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

pub fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Jobs with a webhook on their status, told to one endpoint with retries of a second.
pub const SCHEMA: &str = r#"<data-model>
    <model name="site" label="Site"><field name="name" label="Name" type="text" /><display>{name}</display></model>
    <model name="job" label="Job">
        <field name="name" label="Name" type="text" />
        <field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="done">Done</option></field>
        <field name="parts" label="Parts" type="multiple-choice"><option key="pump">Pump</option><option key="valve">Valve</option></field>
        <belongs-to model="site" />
        <display>{name}</display>
        <webhook type="update" name="job_done" on="create, update, delete">
            <field name="status" equals="done" />
        </webhook>
        <webhook type="update" name="job_sited" when="site.name != 'secret'">
            <field name="site" />
            <request url="https://sites.example/{{ site.name }}">
                <header name="X-Part">{% if object.parts %}{% for part in object.parts if part != 'pump' %}{{ part }}{% endfor %}{% else %}none{% endif %}</header>
                <body>{"name": "{{ object.name if object.name is not none else 'nameless' }}", "parts": {"$for": "part", "$in": "object.parts", "$do": "{{ part }}"},
                    "done": {"$if": "object.status == 'done'", "$then": true, "$else": false}}</body>
            </request>
        </webhook>
    </model>
</data-model>
"#;

pub const TOML: &str = r#"[[endpoints]]
name = "erp"
events = ["job_done"]
url = "https://erp.example/jobs/{{ object.id }}"
headers = { X-Token = "{{ secret.token }}" }
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
timeout = "2 s"
[endpoints.failure_handling]
retry = { pattern = "linear", interval = "1 s", max_attempts = 3 }
[secrets]
token = { env = "A_VARIABLE_THAT_NOBODY_SETS" }
"#;

/// The project with one test file of these scenarios.
pub fn with_tests(tests: &str) -> tempfile::TempDir {
    project(&[("schema.xml", SCHEMA), ("webhookc.toml", TOML), ("jobs.test.yaml", tests)])
}
