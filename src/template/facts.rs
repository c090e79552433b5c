//! What is known at one place of a template: which places hold a value, null or nothing, because of the webhook's conditions and of
//! the branches around it. Nothing can be assigned in a template, so what is known stays true to the end of the branch.

use super::ty::{Shape, Type};
use super::{Scope, When};
use crate::ids::PropertyId;
use crate::program::{Subject, Test, Through, Webhook};

/// A step from a variable to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Object,
    Previous,
    Local(usize),
    Operation,
    Property(PropertyId),
    Embed(usize),
    Key(Box<str>),
}

/// A variable, and the way from it.
pub(super) type Place = Vec<Step>;

/// What a place may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    pub value: bool,
    pub null: bool,
    pub undefined: bool,
}

impl Mask {
    pub(super) const VALUE: Self = Self { value: true, null: false, undefined: false };
    pub(super) const MISSING: Self = Self { value: false, null: true, undefined: true };
    pub(super) const DEFINED: Self = Self { value: true, null: true, undefined: false };
    pub(super) const UNDEFINED: Self = Self { value: false, null: false, undefined: true };

    fn or(self, other: Self) -> Self {
        Self { value: self.value || other.value, null: self.null || other.null, undefined: self.undefined || other.undefined }
    }

    fn and(self, other: Self) -> Self {
        Self { value: self.value && other.value, null: self.null && other.null, undefined: self.undefined && other.undefined }
    }
}

/// A set of facts that hold together.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(Vec<(Place, Mask)>);

impl Facts {
    /// What is certain whenever the webhook fires: by its conditions, and by its `when`.
    pub(super) fn of_webhook(scope: Scope<'_>) -> Self {
        let mut facts = Self::of_conditions(scope.webhook);
        if let When::True(promises) = scope.when {
            facts.extend(promises.facts());
        }
        facts
    }

    /// What the webhook's conditions promise of `object` and of what is embedded in it.
    fn of_conditions(webhook: &Webhook) -> Self {
        let mut facts = Self::default();
        for condition in &webhook.conditions {
            // A change can be one to null.
            if condition.test == Test::Changed {
                continue;
            }
            match &condition.subject {
                Subject::Property(property) => {
                    facts.learn(vec![Step::Object, Step::Property(*property)], Mask::VALUE);
                    // A required embed of a set relation is there, or the webhook waits.
                    for (index, embed) in webhook.embeds.iter().enumerate() {
                        if embed.required && embed.through == Through::BelongsTo(*property) {
                            facts.learn(vec![Step::Object, Step::Embed(index)], Mask::VALUE);
                        }
                    }
                }
                Subject::Embed(path) => {
                    let mut place = vec![Step::Object];
                    let mut embeds = webhook.embeds.as_slice();
                    for &index in path {
                        let Some(embed) = embeds.get(index) else { break };
                        if let Through::BelongsTo(property) = embed.through {
                            let id: Place = place.iter().cloned().chain([Step::Property(property)]).collect();
                            facts.learn(id, Mask::VALUE);
                        }
                        place.push(Step::Embed(index));
                        facts.learn(place.clone(), Mask::VALUE);
                        embeds = &embed.embeds;
                    }
                }
            }
        }
        facts
    }

    /// One fact. A value at a place means that there is a value at each place on the way to it.
    pub(super) fn at(place: Place, mask: Mask) -> Self {
        let mut facts = Self::default();
        if mask.value && !mask.undefined {
            for length in 1..place.len() {
                facts.learn(place.iter().take(length).cloned().collect(), Mask::VALUE);
            }
        }
        facts.learn(place, mask);
        facts
    }

    /// Adds one.
    pub(super) fn learn(&mut self, place: Place, mask: Mask) {
        self.0.push((place, mask));
    }

    /// Adds all of another set.
    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Both sets together.
    pub(super) fn both(&self, other: &Self) -> Self {
        let mut facts = self.clone();
        facts.extend(other);
        facts
    }

    /// What holds when one of the sets holds.
    pub(super) fn either(&self, other: &Self) -> Self {
        let shared = self.0.iter().map(|(place, _)| place).filter(|place| other.0.iter().any(|(known, _)| known == *place));
        Self(shared.map(|place| (place.clone(), self.mask(place).or(other.mask(place)))).collect())
    }

    /// How many there are, to forget later ones with [`forget_after`](Self::forget_after).
    pub(super) fn mark(&self) -> usize {
        self.0.len()
    }

    /// Forgets what was learnt after the mark.
    pub(super) fn forget_after(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    /// The type of a place, with what is known of it.
    pub(super) fn narrow<'p>(&self, place: &[Step], ty: Type<'p>) -> Type<'p> {
        let mask = self.mask(place);
        let shape = if mask.value { ty.shape } else { Shape::Never };
        Type { shape, null: ty.null && mask.null, undefined: ty.undefined && mask.undefined }
    }

    fn mask(&self, place: &[Step]) -> Mask {
        let all = Mask { value: true, null: true, undefined: true };
        self.0.iter().filter(|(known, _)| known == place).fold(all, |mask, (_, known)| mask.and(*known))
    }
}
