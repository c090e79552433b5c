//! A node of `webhookc dev` on a folder of its own, with a browser that looks at it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::browser::Browser;
use crate::node::{Node, send};

/// Two models, three webhooks.
pub const SCHEMA: &str = r#"<data-model>
    <model name="room" label="Room">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
    </model>
    <model name="asset" label="Asset">
        <field name="name" label="Name" type="text" />
        <field name="state" label="State" type="single-choice">
            <option key="open">Open</option>
            <option key="done">Done</option>
        </field>
        <belongs-to model="room" />
        <display>{name}</display>
        <webhook type="update" name="asset_named">
            <field name="name" />
        </webhook>
        <webhook type="ready" name="asset_done">
            <field name="name" />
            <field name="state" equals="done" />
            <field name="room" />
        </webhook>
    </model>
    <model name="patient" label="Patient" classification="sensitive">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="patient_seen">
            <field name="name" />
        </webhook>
    </model>
</data-model>
"#;

/// A project under way.
pub struct Project {
    pub folder: TempDir,
    pub node: Node,
}

impl Project {
    /// Starts `webhookc dev` on the schema, with this `webhookc.toml`.
    pub fn start(toml: &str) -> Self {
        Self::of(SCHEMA, toml)
    }

    /// The same with another schema.
    pub fn of(schema: &str, toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("schema.xml"), schema).unwrap();
        fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
        let node = Self::run(folder.path(), "127.0.0.1:0");
        Self { folder, node }
    }

    fn run(folder: &Path, address: &str) -> Node {
        let node = Node::start(folder, &["dev", "--listen", address]);
        node.wait_for_line("its address", |line| line.contains("api http"));
        node
    }

    /// Ends the node, and starts it again where it was.
    pub fn restart(&mut self) {
        let address = self.node.url.strip_prefix("http://").unwrap().to_owned();
        self.node.kill();
        self.node = Self::run(self.folder.path(), &address);
    }

    /// A page of the default tenant.
    pub fn page(&self, path: &str) -> String {
        format!("{}/ui/default{path}", self.node.url)
    }

    /// Saves an object.
    pub async fn save(&self, model: &str, id: &str, fields: &str) {
        let (status, answer) = send("PUT", &self.node.object(model, id), fields).await;
        assert!(status < 300, "{answer}");
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Sees to it that no script complained, and that nothing was asked of another host.
    pub fn finish(&self, browser: &Browser) {
        assert_eq!(browser.complaints, Vec::<String>::new());
        let foreign: Vec<&String> = browser.asked.iter().filter(|url| !url.starts_with(&self.node.url) && *url != "about:blank").collect();
        assert!(foreign.is_empty() && !browser.asked.is_empty(), "asked of others: {foreign:?}");
    }
}

/// Answers of the receiver, by its path, and one attempt each.
pub fn endpoint(url: &str) -> String {
    format!(
        "[[endpoints]]\nname = \"erp\"\nevents = [\"*\"]\nurl = \"{url}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
         [endpoints.failure_handling]\nretry = {{ schedule = [\"0s\"] }}\n"
    )
}
