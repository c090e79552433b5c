//! What the webhooks of a model ask of an object itself, in words: enough to say later, from what was seen of an object, why each of them
//! did not fire, whatever has become of the program since. Stored once for all saves that were decided by it. Absent: what only the engine
//! can tell of a webhook whose questions are all answered with yes.

use serde::{Deserialize, Serialize};

/// The webhooks of a model in the order of the files.
#[derive(Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DecisionTable {
    /// Each of them.
    pub webhooks: Vec<TableRow>,
}

/// A webhook as explanations need it.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableRow {
    /// Its effective name.
    pub name: Box<str>,
    /// The operations that it fires on: `create or update`.
    pub on: Box<str>,
    /// What it asks, in the order of asking.
    pub asks: Vec<Ask>,
}

/// A question about the object itself. Equal questions of a model's webhooks have the same aspect and number.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ask {
    /// What it looks at: an index into the aspects of the model's rule graph.
    #[serde(rename = "a")]
    pub aspect: usize,
    /// Which of the questions about that.
    #[serde(rename = "q")]
    pub question: u32,
    /// The position of the condition among those of the webhook.
    #[serde(rename = "c")]
    pub condition: usize,
    /// The condition's name.
    #[serde(rename = "n")]
    pub name: Box<str>,
    /// The value required, in words.
    #[serde(rename = "r")]
    pub required: Box<str>,
}

impl TableRow {
    /// Whether it fires on an operation of this name.
    #[must_use]
    pub fn fires_on(&self, operation: &str) -> bool {
        self.on.split(" or ").any(|word| word == operation)
    }
}
