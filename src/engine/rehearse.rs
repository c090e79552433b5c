//! What a webhook would send about an object that is handed in, with the objects that it embeds, whether or not its conditions hold. Nothing
//! is decided and nothing follows from it.

use std::sync::Arc;

use bytes::Bytes;

use crate::check::{Rules, Valid};
use crate::engine::apply::apply;
use crate::engine::embed::gather;
use crate::engine::evaluate::seconds;
use crate::engine::known::{Found, Known, Lookup, Read, WaitCount};
use crate::engine::mistake::Refused;
use crate::engine::moment::Moment;
use crate::engine::payload::payload;
use crate::engine::save::Save;
use crate::ids::WebhookId;
use crate::program::{Operation, Program, Record};
use crate::template::{Data, RenderError, Rendered, Request, Snapshot};

/// Rounds of questions about the embeds; see the job of a save.
const MAX_ROUNDS: usize = 64;

/// What would be sent.
#[derive(Debug)]
pub struct Rehearsal {
    /// The default body.
    pub payload: Bytes,
    /// The request, or why it cannot be rendered.
    pub request: Result<Rendered, RenderError>,
}

/// Renders `request` for `webhook` about the last of `saves`; the others are what it may be related to. The operation is the first that the
/// webhook fires on; before an update the object was what it is.
///
/// # Errors
/// When a save cannot be done, or a related object that is required is not among them.
pub fn rehearse(
    rules: &Valid<Rules>,
    webhook: WebhookId,
    request: &Request,
    saves: &[Save],
    moment: Moment<'_>,
) -> Result<Rehearsal, Refused> {
    let program = &rules.program;
    let timestamp = seconds(moment.now);
    let mut objects = Vec::with_capacity(saves.len());
    for save in saves {
        objects.push(apply(program, save, None, &timestamp)?.object);
    }
    let Some(object) = objects.last() else {
        return Err(Refused::whole("no-such-object", "there is no object to send a message about".to_owned(), None));
    };
    let snapshot = embedded(program, webhook, object, &objects)?;
    let fires_on = program.webhook(webhook).operations;
    let operations = [Operation::Create, Operation::Update, Operation::Delete];
    let operation = operations.into_iter().find(|operation| fires_on.contains(*operation)).unwrap_or(Operation::Create);
    let data = Data {
        program,
        webhook: program.webhook(webhook),
        settings: &rules.settings,
        object: &snapshot,
        // What fires at updates alone may rely on what was there before.
        previous: (operation == Operation::Update).then_some(object.as_ref()),
        operation,
        sequence: moment.sequence,
        tenant: moment.tenant,
        timestamp: &timestamp,
        watch: None,
    };
    Ok(Rehearsal { payload: payload(&data), request: request.render(&data) })
}

fn embedded(program: &Program, webhook: WebhookId, object: &Arc<Record>, objects: &[Arc<Record>]) -> Result<Snapshot, Refused> {
    let embeds = &program.webhook(webhook).embeds;
    let mut known = Known::default();
    for _ in 0..MAX_ROUNDS {
        let mut lookup = Lookup::before(&known);
        match gather(&mut lookup, program, object, embeds) {
            Ok(Ok(snapshot)) => return Ok(snapshot),
            Ok(Err(missing)) => {
                let message = format!("there is no `{}/{}` to embed", program.model(missing.model).name, missing.id);
                return Err(Refused::whole("no-such-object", message, None));
            }
            Err(_) => {
                let needs = lookup.into_needs();
                known.found.extend(needs.into_iter().map(|read| {
                    let found = answer(&read, objects);
                    (read, found)
                }));
            }
        }
    }
    Err(Refused::whole("no-such-object", "the related objects are related without end".to_owned(), None))
}

fn answer(read: &Read, objects: &[Arc<Record>]) -> Found {
    match read {
        Read::Object(model, id) => Found::Object(objects.iter().find(|object| object.model == *model && object.id == *id).cloned()),
        Read::Children { model, property, parent, limit } => {
            let of = |object: &&Arc<Record>| object.model == *model && object.related(*property) == Some(parent);
            Found::Children(objects.iter().filter(of).take(usize::try_from(*limit).unwrap_or(usize::MAX)).cloned().collect())
        }
        Read::Ready(..) => Found::Ready(false),
        Read::Waiting(..) => Found::Waiting(Vec::new()),
        Read::WaitsOf(..) => Found::WaitsOf(Vec::new()),
        Read::WaitCount { .. } => Found::WaitCount(WaitCount::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Input, compile};
    use crate::engine::{Verb, parse_save};
    use crate::ids::Sequence;

    #[test]
    fn a_message_is_about_an_operation_that_the_webhook_fires_on() {
        for (on, expected) in [("create", "create"), ("update", "update was a1"), ("delete", "delete"), ("update,delete", "update was a1")]
        {
            let schema = format!(
                r#"<data-model><model name="asset" label="A"><field name="name" label="N" type="text"/><display>{{name}}</display>
                <webhook type="update" name="saved" on="{on}"><request url="https://example.com/"><body content-type="text/plain">{{{{ operation
                }}}}{{% if previous is defined %}} was {{{{ previous.id }}}}{{% endif %}}</body></request></webhook></model></data-model>"#
            );
            let mut input = Input::default();
            input.schemas.push(input.sources.add("schema.xml", schema.into_bytes()));
            let rules = compile(input).rules.expect("the schema compiles");
            let save = parse_save(&rules, "asset", "a1", Verb::Put, b"{}").expect("a save");
            let moment = Moment { tenant: "acme", own: None, sequence: Sequence(1), now: jiff::Timestamp::UNIX_EPOCH };
            let request = &rules.subscriptions[0][0].request;
            let rehearsed = rehearse(&rules, WebhookId(0), request, &[save], moment).expect("a rehearsal");
            let (_, body) = rehearsed.request.expect("a request").body.expect("a body");
            assert_eq!(String::from_utf8_lossy(&body), expected, "{on}");
        }
    }
}
