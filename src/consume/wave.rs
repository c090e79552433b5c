//! Messages that have come together → waves, which are committed one after the other: within a wave no object is saved by two messages, so
//! all of it may share a commit, and a message that fails is not overtaken by a later one about the same object.

use std::collections::HashSet;

use async_nats::jetstream::Message;

use crate::engine::Save;
use crate::ids::{ModelId, Tenant};
use crate::program::Order;

/// A message and its saves.
pub(super) struct Letter {
    pub message: Message,
    /// Its number in the stream.
    pub number: u64,
    pub tenant: Tenant,
    pub saves: Vec<Save>,
}

/// The waves, in order.
pub(super) fn waves(letters: Vec<Letter>, order: Order) -> Vec<Vec<Letter>> {
    let mut waves = Vec::new();
    let mut wave = Vec::new();
    let mut touched: HashSet<(Tenant, ModelId, Box<str>)> = HashSet::new();
    for letter in letters {
        let mut objects = letter.saves.iter().map(|save| (letter.tenant.clone(), save.model, save.id.clone()));
        if order == Order::Object && objects.any(|object| touched.contains(&object)) {
            waves.push(std::mem::take(&mut wave));
            touched.clear();
        }
        touched.extend(letter.saves.iter().map(|save| (letter.tenant.clone(), save.model, save.id.clone())));
        wave.push(letter);
    }
    waves.push(wave);
    waves
}
