//! A webhook that waits for a related object, through the real binary, while its schema is edited.

use std::fs;

use serde_json::json;

use crate::node::{Node, Receiver, send};

const SCHEMA: &str = r#"<data-model>
  <model name="user" label="User"><field name="name" label="Name" type="text"/><display>{name}</display></model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text"/>
    <belongs-to model="user" name="owner"/>
    <display>{name}</display>
    <webhook type="ready" name="asset_ready"><field name="name"/><field name="owner"/></webhook>
  </model>
</data-model>"#;

#[tokio::test]
async fn an_edit_fires_what_need_not_wait_any_more_once() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n\
         [[endpoints]]\nname = \"all\"\nevents = \"*\"\nurl = \"{}/hook\"\n",
        receiver.url
    );
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    let node = Node::start(folder.path(), &["serve"]);
    let (_, answer) = send("PUT", &format!("{}?explain", node.object("asset", "a1")), r#"{"name": "n", "owner_id": "u1"}"#).await;
    assert!(answer.to_string().contains("waits for user `u1`"), "{answer}");

    let by_id = SCHEMA.replace("<field name=\"owner\"/>", "<field name=\"owner\" embed=\"false\"/>");
    fs::write(folder.path().join("schema.xml"), by_id).unwrap();
    let got = receiver.wait_for(1).await;
    assert_eq!((&got[0].json()["event"], &got[0].json()["object"]["id"]), (&json!("asset_ready"), &json!("a1")));
    let (_, explained) = send("GET", &node.of_tenant("explain/asset/a1"), "").await;
    assert_eq!(explained["data"][0]["operation"], json!("reload"), "{explained}");

    let (_, answer) = send("PUT", &node.object("user", "u1"), r#"{"name": "Ann"}"#).await;
    assert_eq!(answer["messages"], json!([]), "it is used up");
}
