//! A data model made by hand and a store in memory, for the tests of this folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use crate::check::{Rules, Subscription};
use crate::engine::evaluate::run;
use crate::engine::save::read_save;
use crate::engine::{Found, Known, Moment, Outcome, Read, Refused, Save, Step, Verb, Wait, trace_entry};
use crate::ids::{FileId, HasManyId, ModelId, PropertyId, Sequence, WebhookId};
use crate::program::{
    BelongsTo, Choice, Classification, Condition, Embed, FieldType, HasMany, Kind, Literal, Media, Model, Operations, Order, Program,
    Property, Record, Settings, Subject, Test, TextFormat, Through, Webhook, WebhookType,
};
use crate::template::Request;
use crate::text::Span;

pub(super) const BUILDING: ModelId = ModelId(0);
pub(super) const ROOM: ModelId = ModelId(1);
pub(super) const USER: ModelId = ModelId(2);
pub(super) const ASSET: ModelId = ModelId(3);

/// Properties of `asset`.
pub(super) const PHOTO: PropertyId = PropertyId(1);
pub(super) const STATUS: PropertyId = PropertyId(2);
pub(super) const USER_OF: PropertyId = PropertyId(12);
pub(super) const ROOM_OF: PropertyId = PropertyId(13);

fn span() -> Span {
    Span::new(FileId(0), 0, 0)
}

fn field(name: &str, field: FieldType) -> Property {
    Property { name: name.into(), label: name.into(), kind: Kind::Field(field), span: span() }
}

fn belongs_to(name: &str, model: ModelId) -> Property {
    Property { name: name.into(), label: "".into(), kind: Kind::BelongsTo(BelongsTo { model }), span: span() }
}

fn text(name: &str) -> Property {
    field(name, FieldType::Text(TextFormat::Plain))
}

fn options<K, const N: usize>(options: [(K, &str); N]) -> Vec<Choice<K>> {
    options.into_iter().map(|(key, label)| Choice { key, label: label.into() }).collect()
}

fn model(name: &str, properties: Vec<Property>, has_many: Vec<HasMany>) -> Model {
    Model::new(name, name, Classification::Standard, span(), properties, has_many)
}

fn asset() -> Model {
    let word = |key: &str| -> Box<str> { key.into() };
    let properties = vec![
        text("name"),
        field("asset_photo", FieldType::Attachment(Media::Type("image/jpeg".into()))),
        field("status", FieldType::SingleChoice(options([(word("open"), "Open"), (word("done"), "Finished")]))),
        field("size", FieldType::Integer),
        field("weight", FieldType::Number),
        field("active", FieldType::Boolean),
        field("bought", FieldType::Date),
        field("seen_at", FieldType::Datetime),
        field("place", FieldType::Location),
        field("route", FieldType::Track),
        field("tags", FieldType::MultipleChoice(options([(word("a"), "A"), (word("b"), "B")]))),
        field("level", FieldType::SingleChoiceInteger(options([(0, "Low"), (1, "High")]))),
        belongs_to("user", USER),
        belongs_to("room", ROOM),
    ];
    model("asset", properties, Vec::new())
}

/// A webhook of `asset` without conditions.
pub(super) fn webhook(name: &str, kind: WebhookType) -> Webhook {
    Webhook {
        name: name.into(),
        model: ASSET,
        kind,
        receiver: None,
        action: None,
        operations: Operations::default(),
        order: Order::None,
        conditions: Vec::new(),
        when: None,
        embeds: Vec::new(),
        attachments_by_id: Vec::new(),
        request: None,
        span: span(),
    }
}

pub(super) fn condition(subject: Subject, name: &str, test: Test) -> Condition {
    Condition { subject, name: name.into(), test, span: span() }
}

pub(super) fn embed(name: &str, through: Through, model: ModelId, embeds: Vec<Embed>) -> Embed {
    Embed { name: name.into(), through, model, required: true, limit: 100, embeds, span: span() }
}

/// `asset_ready` of seed 004.
pub(super) fn asset_ready() -> Webhook {
    let conditions =
        vec![condition(Subject::Property(PHOTO), "asset_photo", Test::Uploaded), condition(Subject::Property(USER_OF), "user", Test::Set)];
    Webhook { conditions, ..webhook("asset_ready", WebhookType::Ready) }
}

/// Fires when `status` becomes `done`.
pub(super) fn asset_done() -> Webhook {
    let done = Test::Equals(Literal::Text("done".into()));
    let conditions =
        vec![condition(Subject::Property(STATUS), "status", done), condition(Subject::Property(STATUS), "status", Test::Changed)];
    Webhook { conditions, ..webhook("asset_done", WebhookType::Update) }
}

/// Needs and embeds `user`.
pub(super) fn with_user(kind: WebhookType) -> Webhook {
    let conditions = vec![condition(Subject::Property(USER_OF), "user", Test::Set)];
    let embeds = vec![embed("user", Through::BelongsTo(USER_OF), USER, Vec::new())];
    Webhook { conditions, embeds, ..webhook("with_user", kind) }
}

/// Needs and embeds `room.building`.
pub(super) fn in_building() -> Webhook {
    let building = embed("building", Through::BelongsTo(PropertyId(1)), BUILDING, Vec::new());
    let embeds = vec![embed("room", Through::BelongsTo(ROOM_OF), ROOM, vec![building])];
    let conditions = vec![condition(Subject::Embed(vec![0, 0]), "room.building", Test::Set)];
    Webhook { conditions, embeds, ..webhook("in_building", WebhookType::Update) }
}

/// A webhook of `room` that embeds at most two assets.
pub(super) fn room_assets() -> Webhook {
    let assets = Embed { limit: 2, required: false, ..embed("assets", Through::HasMany(HasManyId(0)), ASSET, Vec::new()) };
    Webhook { model: ROOM, embeds: vec![assets], ..webhook("room_assets", WebhookType::Update) }
}

/// The data model with these webhooks, each of which has one subscriber.
pub(super) fn rules(webhooks: Vec<Webhook>) -> Rules {
    let assets = HasMany { name: "assets".into(), model: ASSET, inverse: ROOM_OF, span: span() };
    let mut models = vec![
        model("building", vec![text("name")], Vec::new()),
        model("room", vec![text("name"), belongs_to("building", BUILDING)], vec![assets]),
        model("user", vec![text("name")], Vec::new()),
        asset(),
    ];
    for (index, webhook) in (0_u32..).zip(&webhooks) {
        models[webhook.model.index()].webhooks.push(WebhookId(index));
    }
    let subscriptions = webhooks.iter().map(|_| vec![Subscription { endpoint: 0, request: Request {} }]).collect();
    let program = Program::new(models, webhooks);
    Rules { program, settings: Settings::default(), predicates: Vec::new(), endpoints: Vec::new(), subscriptions }
}

/// Waits by what waits: with the object they wait for.
type Waits = BTreeMap<(WebhookId, Box<str>), (Wait, ModelId, Box<str>)>;

/// A store in memory. Objects go through their stored form, so that every test is also one of that.
pub(super) struct World {
    pub(super) rules: Rules,
    pub(super) objects: BTreeMap<(ModelId, Box<str>), (Box<str>, String)>,
    pub(super) marks: BTreeSet<(WebhookId, Box<str>)>,
    pub(super) waits: Waits,
    sequence: i64,
    /// Every read of the last save, in rounds.
    pub(super) asked: Vec<Vec<Read>>,
}

impl World {
    pub(super) fn new(webhooks: Vec<Webhook>) -> Self {
        let (objects, marks, waits) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { rules: rules(webhooks), objects, marks, waits, sequence: 6_291_989_525_132_476_421, asked: Vec::new() }
    }

    pub(super) fn object(&self, model: ModelId, id: &str) -> Option<Arc<Record>> {
        let (updated_at, json) = self.objects.get(&(model, id.into()))?;
        let stored = serde_json::from_str(json).unwrap();
        Some(Arc::new(Record::from_stored(&self.rules.program, model, id, updated_at, stored)))
    }

    fn answer(&self, read: &Read) -> Found {
        match read {
            Read::Object(model, id) => Found::Object(self.object(*model, id)),
            Read::Children { model, property, parent, limit } => {
                let all = self.objects.keys().filter(|(of, _)| of == model).filter_map(|(of, id)| self.object(*of, id));
                Found::Children(all.filter(|child| child.related(*property) == Some(parent)).take(*limit as usize).collect())
            }
            Read::Ready(webhook, object) => Found::Ready(self.marks.contains(&(*webhook, object.clone()))),
            Read::Waiting(model, id) => {
                let awaiting = self.waits.values().filter(|(_, of, awaited)| of == model && awaited == id);
                Found::Waiting(awaiting.map(|(wait, ..)| wait.clone()).collect())
            }
        }
    }

    /// Evaluates without storing.
    pub(super) fn evaluate(&mut self, save: &Save) -> Result<Outcome, Refused> {
        let mut known = Known::default();
        let now = Timestamp::from_second(1_464_967_971).unwrap();
        let moment = Moment { tenant: "default", sequence: Sequence(self.sequence + 1), now };
        self.asked.clear();
        loop {
            match run(&self.rules, save, &known, moment) {
                Step::Refused(refused) => return Err(refused),
                Step::Done(outcome) => return Ok(*outcome),
                Step::Need(reads) => {
                    assert!(!reads.is_empty(), "nothing to read");
                    assert!(self.asked.len() < 20, "no end of questions: {:?}", self.asked);
                    for read in &reads {
                        let earlier = known.found.insert(read.clone(), self.answer(read));
                        assert!(earlier.is_none(), "{read:?} was asked twice");
                    }
                    self.asked.push(reads);
                }
            }
        }
    }

    /// Saves: `("PUT", "asset/a1", body)`. The outcome has been stored.
    pub(super) fn save(&mut self, verb: &str, object: &str, body: &str) -> Result<Outcome, Vec<Refused>> {
        let mut path = object.split('/');
        let (model, id, field) = (path.next().unwrap(), path.next().unwrap(), path.next());
        let verb = match (verb, field) {
            (_, Some(field)) => Verb::Upload(field),
            ("PUT", None) => Verb::Put,
            ("PATCH", None) => Verb::Patch,
            ("DELETE", None) => Verb::Delete,
            other => panic!("{other:?}"),
        };
        let save = read_save(&self.rules.program, model, id, verb, body.as_bytes())?;
        let outcome = self.evaluate(&save).map_err(|refused| vec![refused])?;
        self.store(&save, &outcome);
        Ok(outcome)
    }

    fn store(&mut self, save: &Save, outcome: &Outcome) {
        self.sequence += 1;
        let key = (save.model, save.id.clone());
        match &outcome.object {
            None => drop(self.objects.remove(&key)),
            Some(record) => {
                self.objects.insert(key, (record.updated_at.clone(), record.to_stored(&self.rules.program)));
                assert_eq!(self.object(save.model, &save.id).as_ref(), Some(record), "the stored form lost something");
            }
        }
        for ended in &outcome.ended_waits {
            self.waits.remove(ended);
        }
        for (wait, model, id) in &outcome.waits {
            self.waits.insert((wait.webhook, wait.object.clone()), (wait.clone(), *model, id.clone()));
        }
        for mark in &outcome.marks {
            assert!(self.marks.insert(mark.clone()), "{mark:?} fired twice");
        }
    }

    /// Saves, and says what came of it, one line per decision.
    pub(super) fn told(&mut self, verb: &str, object: &str, body: &str) -> String {
        let mut text = String::new();
        match self.save(verb, object, body) {
            Err(mistakes) => {
                for mistake in mistakes {
                    writeln!(text, "{} {} {} | {}", mistake.kind, mistake.pointer, mistake.message, mistake.help.unwrap_or_default())
                        .unwrap();
                }
            }
            Ok(outcome) => {
                for decision in &outcome.decisions {
                    let entry = trace_entry(&self.rules.program, decision);
                    let why = entry.to_string();
                    let mark = if why.is_empty() { "✔".to_owned() } else { format!("✘ {why}") };
                    writeln!(text, "{}/{} {} {mark}", entry.model, entry.object, entry.webhook).unwrap();
                }
            }
        }
        text.trim_end().to_owned()
    }
}
