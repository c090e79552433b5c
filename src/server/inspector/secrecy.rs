//! What is not shown until it is asked for: everything about objects of `sensitive` models, and the secrets that requests are signed with.
//! The values of `secret.*` are never shown at all; they are in no page because they are in no store.

use crate::check::Rules;
use crate::ids::ModelId;
use crate::program::{Classification, Program};

/// What stands in the place of something hidden.
pub(super) const HIDDEN: &str = "••••••";

/// Whether what a webhook sends may hold something of a `sensitive` model. What the program in force does not know any more may.
pub(super) fn is_sensitive(rules: &Rules, event: &str, model: &str) -> bool {
    let program = &rules.program;
    let Some(id) = program.model_named(model) else { return true };
    if is_sensitive_model(program, id) {
        return true;
    }
    let Some(webhook) = program.webhook_named(event) else { return false };
    let mut sensitive = false;
    program.webhook(webhook).each_embed(&mut |embed| sensitive |= is_sensitive_model(program, embed.model));
    sensitive
}

/// Whether a model is `sensitive`.
pub(super) fn is_sensitive_model(program: &Program, model: ModelId) -> bool {
    match program.model(model).classification {
        Classification::Sensitive => true,
        Classification::Standard => false,
    }
}
