//! Whether saves were taken in before: asked before anything else, noted with the first of them.

use crate::store::{Answer, JobStep, Query, Taken};

/// How often saves may be taken in.
#[derive(Debug)]
pub(super) enum Once {
    /// As often as they come.
    Always,
    /// Once; it is not known whether they were.
    Ask(Taken),
    /// It has been asked.
    Asked(Taken),
    /// They were not.
    First(Taken),
    /// They were.
    Again(Taken),
}

impl Once {
    /// Goes on with the answers, or first with the step that is returned.
    pub(super) fn step(&mut self, answers: Vec<Answer>) -> Result<Vec<Answer>, JobStep> {
        match std::mem::replace(self, Self::Always) {
            Self::Always => Ok(answers),
            Self::Ask(taken) => {
                let query = Query::Taken(taken.clone());
                *self = Self::Asked(taken);
                Err(JobStep::Read(vec![query]))
            }
            Self::Asked(taken) if matches!(answers.first(), Some(Answer::Taken(true))) => {
                *self = Self::Again(taken);
                Err(JobStep::Done)
            }
            Self::Asked(taken) => {
                *self = Self::First(taken);
                Ok(Vec::new())
            }
            Self::First(taken) => {
                *self = Self::First(taken);
                Ok(answers)
            }
            Self::Again(taken) => {
                *self = Self::Again(taken);
                Err(JobStep::Done)
            }
        }
    }

    /// What will be asked.
    pub(super) fn query(&self) -> Option<Query> {
        match self {
            Self::Ask(taken) => Some(Query::Taken(taken.clone())),
            Self::Always | Self::Asked(_) | Self::First(_) | Self::Again(_) => None,
        }
    }

    /// What is to be noted with the first save.
    pub(super) fn note(&self) -> Option<Taken> {
        match self {
            Self::First(taken) => Some(taken.clone()),
            Self::Always | Self::Ask(_) | Self::Asked(_) | Self::Again(_) => None,
        }
    }

    /// Whether they were taken in before.
    pub(super) fn is_again(&self) -> bool {
        matches!(self, Self::Again(_))
    }

    /// Nothing has been answered.
    pub(super) fn restart(&mut self) {
        *self = match std::mem::replace(self, Self::Always) {
            Self::Always => Self::Always,
            Self::Ask(taken) | Self::Asked(taken) | Self::First(taken) | Self::Again(taken) => Self::Ask(taken),
        };
    }
}
