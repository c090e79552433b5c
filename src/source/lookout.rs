//! The publication, while its log is read: of what is taken out of it the log has nothing, not even that it was. So it is looked at every few
//! seconds. One that has become another, and stays so for a while, is looked at together with schema and tables.

use std::time::{Duration, Instant};

use super::Planner;
use super::catalog::Published;
use super::error::SourceError;
use crate::program::Program;

/// How often it is looked at.
const LOOKS: Duration = Duration::from_secs(5);
/// How soon again, when it has become another: somebody may be between two statements.
const AGAIN: Duration = Duration::from_secs(1);
/// How long that may take: nothing is taken in meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is known of it.
pub(super) struct Lookout {
    /// As it was when it was right.
    right: Published,
    /// As it was seen last.
    seen: Published,
    /// When it is looked at next.
    next: Instant,
}

impl Lookout {
    /// What is known when it is right.
    pub(super) fn of(right: Published) -> Self {
        Self { seen: right.clone(), right, next: Instant::now() + LOOKS }
    }

    /// Looks at it when it is time; why the source has to stand still, if it has to.
    pub(super) async fn look(&mut self, planner: &Planner<'_>, program: &Program) -> Option<String> {
        if Instant::now() < self.next {
            return None;
        }
        let seen = tokio::time::timeout(PATIENCE, planner.published()).await;
        self.next = Instant::now() + LOOKS;
        // Whether the database is there the stream says.
        let Ok(Ok(seen)) = seen else { return None };
        if seen == self.right {
            return None;
        }
        if seen != self.seen {
            self.seen = seen;
            self.next = Instant::now() + AGAIN;
            return None;
        }
        match planner.published_plan(program, &[]).await {
            Err(SourceError::Unfit(mistakes)) => Some(mistakes.join("; ")),
            Err(_) => None,
            Ok(plan) => {
                self.right = plan.published;
                None
            }
        }
    }
}
