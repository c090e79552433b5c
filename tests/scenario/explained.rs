//! `explain` of a webhook and of saves.

use crate::project::{run, with_tests};
use serde_json::{Value, json};

const TESTS: &str = "scenarios:\n  - name: a job is done\n    steps:\n      - save: {model: job, id: j1, fields: {status: done}}\n      - save: {model: job, id: j1, fields: {status: open}}\n";

#[test]
fn a_webhook_is_explained_with_its_payload_receivers_and_tests() {
    let folder = with_tests(TESTS);
    let ran = run(folder.path(), &["explain", "job_done"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in [
        "job_done  schema.xml:9:38\n",
        "It fires each time that an object of `job` is created, updated or deleted, and all of this holds:\n",
        "  - status is done\n",
        "    status      \"done\"\n",
        "    site_id     text or null\n",
        "  operation     \"create\" or \"update\" or \"delete\"\n",
        "  erp  POST https://erp.example/jobs/{{ object.id }}  (webhookc.toml:",
        "  jobs.test.yaml:2:11  a job is done: fired 1, suppressed 1\n",
    ] {
        assert!(ran.out.contains(part), "`{part}` is missing in:\n{}", ran.out);
    }
    let json: Value = serde_json::from_str(&run(folder.path(), &["explain", "job_sited", "--output-format", "json"]).out).unwrap();
    assert_eq!(json["conditions"], json!(["site is set", "site.name != 'secret'"]));
    assert_eq!(json["receivers"][0]["own_body"], "application/json");
    let mermaid = run(folder.path(), &["explain", "job_sited", "--output-format", "mermaid"]).out;
    assert!(mermaid.starts_with("flowchart TD\n") && mermaid.contains("c0{\"site is set\"}"), "{mermaid}");
    let mermaid = run(folder.path(), &["explain", "job_done", "--output-format", "mermaid"]).out;
    assert!(mermaid.contains("t0>\"a job is done<br/>fired 1, suppressed 1\"]\n    t0 -.-> event"), "{mermaid}");
    let ran = run(folder.path(), &["explain", "unheard_of"]);
    assert!(ran.code == 2 && ran.err.contains("expected a code such as `WH0203`, or `job_done`"), "{}", ran.err);
    std::fs::write(folder.path().join("jobs.test.yaml"), "scenarios: 7\n").unwrap();
    let ran = run(folder.path(), &["explain", "job_done"]);
    assert!(ran.code == 0 && ran.out.ends_with("Tests\n  none\n"), "a mistake in a test leaves the webhook as it is: {}", ran.out);
    assert!(ran.err.contains("`scenarios` is a number, expected a list"), "{}", ran.err);
    let ran = run(folder.path(), &["explain", "job_don"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `job_done`?"), "{}", ran.err);
    assert_eq!(run(folder.path(), &["explain", "WH0802"]).code, 0);
}

#[test]
fn what_is_only_so_for_some_is_not_said_of_all() {
    let schema = r#"<data-model>
    <model name="ship" label="Ship">
        <field name="name" label="Name" type="text" />
        <belongs-to model="harbour" />
        <has-many model="voyage" name="voyages" />
        <display>{name}</display>
        <webhook type="update" name="ship_moved">
            <field name="harbour" />
            <field name="voyages" />
        </webhook>
    </model>
    <model name="harbour" label="Harbour"><field name="name" label="Name" type="text" /><display>{name}</display></model>
    <model name="voyage" label="Voyage">
        <field name="name" label="Name" type="text" />
        <belongs-to model="ship" />
        <display>{name}</display>
    </model>
</data-model>
"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schema.xml"), schema).unwrap();
    let ran = run(folder.path(), &["explain", "ship_moved"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("Note: if `harbour` names an object of `harbour` that does not exist yet, it waits for it."), "{}", ran.out);
    assert!(!ran.out.contains("if `voyages` names"), "nothing names the objects of a has-many, so it never waits for them:\n{}", ran.out);
    assert!(ran.out.contains("/sink/{{ event }}  (of `webhookc dev`)\n"), "that receiver is written nowhere:\n{}", ran.out);
}

#[test]
fn the_payload_that_is_explained_is_the_payload_that_is_sent() {
    let folder = with_tests(TESTS);
    let explained: Value = serde_json::from_str(&run(folder.path(), &["explain", "job_done", "--output-format", "json"]).out).unwrap();
    std::fs::write(folder.path().join("saves.ndjson"), r#"{"model": "job", "id": "j1", "fields": {"status": "done"}}"#).unwrap();
    std::fs::write(folder.path().join("jobs.test.yaml"), format!("{TESTS}    snapshot: true\n")).unwrap();
    assert_eq!(run(folder.path(), &["test", "-u"]).code, 0);
    let snapshot: Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join("jobs.snapshot.json")).unwrap()).unwrap();
    let body = &snapshot["a job is done"]["deliveries"][0]["request"]["body"];
    let names =
        |members: &Value| members.as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let keys = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&explained["payload"]), keys(body));
    assert_eq!(names(&explained["payload"][3]["members"]), keys(&body["object"]));
}

#[test]
fn saves_are_explained_condition_by_condition() {
    let folder = with_tests(TESTS);
    let saves = "{\"model\": \"site\", \"id\": \"s1\", \"fields\": {\"name\": \"North\"}}\n\n{\"model\": \"job\", \"id\": \"j1\", \"fields\": {\"status\": \"open\", \"site_id\": \"s1\"}}\n{\"model\": \"job\", \"id\": \"j9\", \"verb\": \"delete\"}\n";
    std::fs::write(folder.path().join("saves.ndjson"), saves).unwrap();
    let ran = run(folder.path(), &["explain", "--save", "saves.ndjson"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in [
        "create site/s1\n  no webhook looks at this model\n",
        "  ✘ job_done: status is \"open\", needs \"done\"\n      ✔ status is set\n      ✘ status is done: is \"open\", needs \"done\"\n          schema.xml:10:42: <field name=\"status\" equals=\"done\" />\n",
        "  ✔ job_sited: fired\n",
        "      → job_sited: POST https://sites.example/North\n",
        "refused job/j9\n  there is no `job` with the id `j9`\n",
    ] {
        assert!(ran.out.contains(part), "`{part}` is missing in:\n{}", ran.out);
    }
    let json: Value =
        serde_json::from_str(&run(folder.path(), &["explain", "--save", "saves.ndjson", "--output-format", "json"]).out).unwrap();
    let done = &json["saves"][1]["webhooks"][0];
    assert_eq!((&done["verdict"], &done["place"]["line"], &done["conditions"][1]["held"]), (&json!("unmet"), &json!(10), &json!(false)));
    assert!(run(folder.path(), &["explain", "--save", "saves.ndjson", "--output-format", "mermaid"]).out.contains(":::fired"));

    std::fs::write(
        folder.path().join("wrong.ndjson"),
        "{\"model\": \"job\", \"id\": \"j1\", \"fields\": {}}\n{\"model\": \"job\", \"id\": \"j1\", \"fields\": {\"nmae\": 1}}\n",
    )
    .unwrap();
    let ran = run(folder.path(), &["explain", "--save", "wrong.ndjson"]);
    assert!(ran.code == 2 && ran.err.contains("wrong.ndjson:2:") && ran.err.contains("did you mean `name`?"), "{}", ran.err);
}
