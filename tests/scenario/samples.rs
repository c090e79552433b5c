//! Samples are objects that the data model allows, whatever the model and the seed, and the same for the same seed.

use std::fs;
use std::path::Path;

use crate::project::{run, with_tests};
use proptest::prelude::{ProptestConfig, any, proptest};
use webhookc::check::{Rules, Valid};
use webhookc::compile::{Input, compile};
use webhookc::engine::{Verb, parse_save};
use webhookc::ids::ModelId;
use webhookc::sample::samples;

/// The rules of every legal schema that the tests know.
fn all_rules() -> Vec<Valid<Rules>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/valid");
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let mut input = Input::default();
        input.schemas.push(input.sources.add("schema.xml", fs::read(path).unwrap()));
        found.extend(compile(input).rules);
    }
    assert!(found.len() > 20);
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn every_sample_is_taken_in(seed in any::<u64>()) {
        for rules in all_rules() {
            for (index, model) in (0_u32..).zip(&rules.program.models) {
                let made = samples(&rules.program, ModelId(index), 2, seed);
                assert!(made.iter().filter(|sample| *sample.model == *model.name).count() >= 2);
                for (position, sample) in made.iter().enumerate() {
                    let body = serde_json::to_vec(&sample.fields).unwrap();
                    let save = parse_save(&rules, &sample.model, &sample.id, Verb::Put, &body);
                    assert!(save.is_ok(), "seed {seed}: {} is refused: {save:?}", sample.to_line());
                    for (key, related) in sample.fields.iter().filter(|(key, _)| key.ends_with("_id")) {
                        let before = made[..position].iter().any(|earlier| related == earlier.id.as_str());
                        assert!(before, "seed {seed}: `{key}` of {} does not stand before it", sample.to_line());
                    }
                }
                assert_eq!(made, samples(&rules.program, ModelId(index), 2, seed), "seed {seed}");
            }
        }
    }
}

#[test]
fn samples_are_lines_that_other_verbs_take() {
    let folder = with_tests("scenarios: []\n");
    let ran = run(folder.path(), &["sample", "job", "--count", "3", "--seed", "7"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("{\"model\": \"job\"")).count(), 3, "{}", ran.out);
    fs::write(folder.path().join("saves.ndjson"), &ran.out).unwrap();
    assert_eq!(run(folder.path(), &["explain", "--save", "saves.ndjson"]).code, 0);
    assert_ne!(run(folder.path(), &["sample", "job", "--count", "3", "--seed", "8"]).out, ran.out);
    let ran = run(folder.path(), &["sample", "jub"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `job`?"), "{}", ran.err);
}
