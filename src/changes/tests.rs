use super::changes;
use crate::check::{Rules, Valid};
use crate::compile::{Input, compile};

const SCHEMA: &str = r#"<data-model>
<model name="user" label="User"><field name="email" label="E" type="text:email"/><display>{email}</display></model>
<model name="asset" label="Asset"><field name="name" label="Name" type="text"/><field name="photo" label="P" type="photo"/>
<field name="status" label="S" type="single-choice"><option key="new">New</option><option key="done">Done</option></field>
<belongs-to model="user"/><display>{name}</display>
<webhook type="ready" name="asset_ready"><field name="name"/><field name="status" one-of="new, done"/>
<request url="https://erp.example/a?key=abc"><header name="X-Key">one</header></request></webhook></model></data-model>"#;

fn rules(schema: &str) -> Valid<Rules> {
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", schema.as_bytes().to_vec()));
    let compilation = compile(input);
    compilation.rules.unwrap_or_else(|| panic!("{:?}", compilation.diagnostics))
}

/// What replacing text in the schema changes.
fn after(replaced: &[(&str, &str)]) -> Vec<String> {
    let mut schema = SCHEMA.to_owned();
    for (old, new) in replaced {
        assert!(schema.contains(old), "{old}");
        schema = schema.replace(old, new);
    }
    changes(&rules(SCHEMA), &rules(&schema))
}

#[test]
fn layout_labels_and_comments_mean_nothing() {
    assert!(
        after(&[("label=\"Asset\"", "label=\"Thing\""), ("<field name=\"name\"/>", "<!-- why -->\n  <field\n name=\"name\"/>")]).is_empty()
    );
}

#[test]
fn each_change_of_a_webhook_is_one_line() {
    for (old, new, expected) in [
        ("<field name=\"name\"/>", "<field name=\"name\"/><field name=\"photo\"/>", "asset_ready: + required photo"),
        ("<field name=\"name\"/>", "", "asset_ready: - required name"),
        ("one-of=\"new, done\"", "one-of=\"done\"", "asset_ready: status one of new, done → done"),
        ("type=\"ready\"", "type=\"update\"", "asset_ready: type ready → update"),
        ("a?key=abc", "b?key=abc", "asset_ready: url https://erp.example/a → https://erp.example/b"),
        ("key=abc", "key=def", "asset_ready: url changed"),
        (">one<", ">two<", "asset_ready: header X-Key changed"),
        ("name=\"asset_ready\"", "name=\"asset_ready\" order=\"object\"", "asset_ready: + order object"),
        ("name=\"asset_ready\"", "name=\"asset_ready\" on=\"create\"", "asset_ready: on create update → create"),
        ("type=\"photo\"", "type=\"text\"", "model asset: field photo attachment image/jpeg → text"),
        ("<option key=\"new\">", "<option key=\"old\">Old</option><option key=\"new\">", "model asset: + option old of status"),
        ("name=\"user\" label", "name=\"user\" classification=\"sensitive\" label", "model user: + sensitive"),
    ] {
        assert_eq!(after(&[(old, new)]), [expected], "{old} → {new}");
    }
    let embedded = after(&[("<field name=\"name\"/>", "<field name=\"name\"/><field name=\"user\"/>")]);
    assert_eq!(embedded, ["asset_ready: + required user", "asset_ready: + embed user"]);
    assert_eq!(after(&[("asset_ready", "asset_done")]), ["- asset_ready", "+ asset_done"]);
}

#[test]
fn a_flood_of_changes_is_cut() {
    let fields = (0..100).map(|n| format!("<field name=\"f{n}\" label=\"F\" type=\"text\"/>")).collect::<Vec<_>>().concat();
    let lines = after(&[("<belongs-to", &format!("{fields}<belongs-to"))]);
    assert_eq!((lines.len(), lines[40].as_str()), (41, "… and 60 more changes"));
}
