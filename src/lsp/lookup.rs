//! What stands around a cursor in the data model: its model, its webhook, where a relation leads. By name, since the text may have changed.

use super::declared::has_many;
use super::place::Place;
use super::world::View;
use crate::check::Rules;
use crate::ids::ModelId;
use crate::program::{EndpointSource, Events, FieldType, Kind, Media, Program, TextFormat, Webhook};
use crate::schema::TEXT_FORMATS;

/// The last rules that there are.
pub(super) fn rules(view: View<'_>) -> Option<&Rules> {
    view.snapshot.rules().or_else(|| view.sound.rules())
}

/// The last program, and the last one without an error when that is another: half-written text hides things.
pub(super) fn programs(view: View<'_>) -> impl Iterator<Item = &Program> {
    let sound = (!std::ptr::eq(view.snapshot, view.sound)).then_some(view.sound);
    [Some(view.snapshot), sound].into_iter().flatten().filter_map(|snapshot| snapshot.rules()).map(|rules| &rules.program)
}

/// The model around the cursor, in each of the programs.
pub(super) fn models_around<'w>(view: View<'w>, place: &Place<'_>) -> impl Iterator<Item = (&'w Program, ModelId)> + use<'w> {
    let name = place.around("model").and_then(|open| open.attribute("name")).unwrap_or_default().to_owned();
    programs(view).filter_map(move |program| Some((program, program.model_named(&name)?)))
}

/// The webhook around the cursor: by its name, or as the so many-th of its model.
pub(super) fn webhook_around<'w>(view: View<'w>, place: &Place<'_>) -> Option<(&'w Rules, &'w Webhook)> {
    let open = place.around("webhook")?;
    let model = place.around("model")?.attribute("name")?;
    let candidates = [view.snapshot.rules(), view.sound.rules()];
    candidates.into_iter().flatten().find_map(|rules| {
        let program = &rules.program;
        let own = &program.model(program.model_named(model)?).webhooks;
        let name = match (open.attribute("name"), open.attribute("receiver"), open.attribute("action"), open.attribute("type")) {
            (Some(name), ..) => name.to_owned(),
            (None, Some(receiver), Some(action), Some(kind)) => format!("{receiver}_{model}_{kind}_{action}"),
            (None, _, _, kind) => format!("{model}_{}", kind.unwrap_or_default()),
        };
        let named = own.iter().find(|id| *program.webhook(**id).name == *name);
        let id = named.or_else(|| own.get(open.nth)).or_else(|| own.last())?;
        Some((rules, program.webhook(*id)))
    })
}

/// The first webhook that an endpoint asks for, whether its templates can be compiled or not.
pub(super) fn first_subscribed<'w>(rules: &'w Rules, endpoint: &EndpointSource) -> Option<&'w Webhook> {
    let program = &rules.program;
    match &endpoint.events {
        Events::Named(names) => names.iter().find_map(|name| program.webhook_named(&name.value)).map(|id| program.webhook(id)),
        Events::Receiver(receiver) => program.webhooks.iter().find(|webhook| webhook.receiver.as_deref() == Some(&**receiver)),
        Events::All | Events::Unclaimed => program.webhooks.first(),
    }
}

/// Where a relation leads.
pub(super) fn target(program: &Program, model: ModelId, name: &str) -> Option<ModelId> {
    let found = program.model(model);
    match found.property_named(name).map(|property| &found.property(property).kind) {
        Some(Kind::BelongsTo(to)) => Some(to.model),
        Some(Kind::Field(_)) => None,
        None => has_many(found, name).map(|many| found.has_many(many).model),
    }
}

/// A field's type as a schema writes it.
pub(super) fn type_name(field: &FieldType) -> String {
    match field {
        FieldType::Text(TextFormat::Plain) => "text".to_owned(),
        FieldType::Text(format) => {
            let word = TEXT_FORMATS.iter().find(|(_, known)| known == format).map_or("", |(word, _)| *word);
            format!("text:{word}")
        }
        FieldType::Number => "number".to_owned(),
        FieldType::Integer => "integer".to_owned(),
        FieldType::Boolean => "boolean".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Datetime => "datetime".to_owned(),
        FieldType::Location => "location".to_owned(),
        FieldType::Track => "track".to_owned(),
        FieldType::Attachment(Media::Any) => "attachment".to_owned(),
        FieldType::Attachment(Media::Type(media)) => format!("attachment {media}"),
        FieldType::SingleChoice(_) => "single-choice".to_owned(),
        FieldType::MultipleChoice(_) => "multiple-choice".to_owned(),
        FieldType::SingleChoiceInteger(_) => "single-choice-integer".to_owned(),
        FieldType::MultipleChoiceInteger(_) => "multiple-choice-integer".to_owned(),
    }
}
