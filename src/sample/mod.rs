//! The data model and a seed → objects that it allows: every field set, related objects first. The same seed gives the same objects.

mod value;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::ids::{ModelId, PropertyId};
use crate::program::{Kind, Program};
use crate::time::{Entropy as _, SeededEntropy};

/// How far belongs-to relations are followed: models that point to each other in a circle would go on for ever.
const DEEPEST: usize = 4;

/// An object, as a save makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its model's name.
    pub model: String,
    /// Its id: the model's name and a number.
    pub id: String,
    /// Its fields.
    pub fields: Map<String, Value>,
}

impl Sample {
    /// The item that `POST …/saves` takes, JSON on one line.
    #[must_use]
    pub fn to_line(&self) -> String {
        let (model, id) = (Value::from(self.model.as_str()), Value::from(self.id.as_str()));
        format!("{{\"model\": {model}, \"id\": {id}, \"fields\": {}}}", Value::Object(self.fields.clone()))
    }
}

/// `count` objects of a model, each after the objects that it belongs to.
#[must_use]
pub fn samples(program: &Program, model: ModelId, count: usize, seed: u64) -> Vec<Sample> {
    let mut sampler = Sampler { program, dice: Dice(SeededEntropy::new(seed)), made: BTreeMap::new(), samples: Vec::new() };
    for _ in 0..count {
        sampler.make(model, 0);
    }
    sampler.samples
}

/// Chance, by a seed.
#[derive(Debug)]
struct Dice(SeededEntropy);

impl Dice {
    /// A number below `bound`; 0 when there is none.
    fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(u64::from_le_bytes(bytes) % bound).unwrap_or(0)
    }

    /// One of these; the type's empty value when there is none.
    fn one<T: Copy + Default>(&self, of: &[T]) -> T {
        of.get(self.below(of.len())).copied().unwrap_or_default()
    }
}

struct Sampler<'p> {
    program: &'p Program,
    dice: Dice,
    /// Objects so far, by model.
    made: BTreeMap<ModelId, usize>,
    samples: Vec<Sample>,
}

impl Sampler<'_> {
    /// Makes an object and those that it belongs to; its id.
    fn make(&mut self, id: ModelId, depth: usize) -> String {
        let model = self.program.model(id);
        let mut fields = Map::new();
        for (property, index) in model.properties.iter().zip(0_u16..) {
            match &property.kind {
                Kind::Field(field) => {
                    fields.insert(property.name.to_string(), value::sample(field, &property.name, &self.dice));
                }
                Kind::BelongsTo(relation) => {
                    if let Some(related) = self.related(relation.model, depth) {
                        fields.insert(format!("{}_id", self.program.model(id).property(PropertyId(index)).name), related.into());
                    }
                }
            }
        }
        let count = self.made.entry(id).or_default();
        *count += 1;
        let own = format!("{}-{count}", model.name);
        self.samples.push(Sample { model: model.name.to_string(), id: own.clone(), fields });
        own
    }

    /// The id of an object to belong to: one of those there are, or a new one.
    fn related(&mut self, model: ModelId, depth: usize) -> Option<String> {
        let there = self.made.get(&model).copied().unwrap_or_default();
        if there > 0 && self.dice.below(2) == 0 {
            return Some(format!("{}-{}", self.program.model(model).name, self.dice.below(there) + 1));
        }
        (depth < DEEPEST).then(|| self.make(model, depth + 1))
    }
}
