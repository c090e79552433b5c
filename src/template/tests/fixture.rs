//! A data model that has one of everything, objects of it, and short ways to compile and render against them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{Data, Embedded, Predicate, RenderError, Rendered, Request, Scope, Snapshot, When};
use crate::diagnostics::{Diagnostics, Severity};
use crate::ids::{FileId, HasManyId, ModelId, PropertyId, Sequence};
use crate::program::{
    BelongsTo, BodySource, Choice, Classification, Condition, Embed, FieldType, HasMany, HeaderSource, Kind, Media, Model, Operation,
    Operations, Order, Program, Property, Record, RequestSource, Settings, Subject, Test, TextFormat, Through, Webhook, WebhookType,
};
use crate::schema::FieldSlot;
use crate::text::{SourceText, Span, Spanned};

pub(super) const ASSET: ModelId = ModelId(0);
pub(super) const ROOM: ModelId = ModelId(1);
pub(super) const PART: ModelId = ModelId(2);

pub(super) struct Fixture {
    pub program: Program,
    pub settings: Settings,
    pub operation: Operation,
    pub previous: bool,
    /// What the object was before, unless it differs from now in `size` alone.
    pub before: Option<Record>,
    pub object: Snapshot,
}

pub(super) fn span() -> Span {
    Span::new(FileId(9), 0, 0)
}

/// Text that stands at the start of file 0, so that a span underlines it by its own offsets.
pub(super) fn source(text: &str) -> SourceText {
    SourceText::verbatim(text, Span::new(FileId(0), 0, text.len()))
}

fn elsewhere(text: &str) -> SourceText {
    SourceText::verbatim(text, Span::new(FileId(1), 0, text.len()))
}

fn field(name: &str, field: FieldType) -> Property {
    Property { name: name.into(), label: name.into(), kind: Kind::Field(field), span: span() }
}

fn belongs_to(name: &str, model: ModelId) -> Property {
    Property { name: name.into(), label: "".into(), kind: Kind::BelongsTo(BelongsTo { model }), span: span() }
}

fn options(keys: &[&str]) -> Vec<Choice<Box<str>>> {
    keys.iter().map(|key| Choice { key: (*key).into(), label: (*key).into() }).collect()
}

fn model(name: &str, properties: Vec<Property>, has_many: Vec<HasMany>) -> Model {
    Model::new(name, name, Classification::Standard, span(), properties, has_many)
}

pub(super) fn asset_properties() -> Vec<Property> {
    vec![
        field("name", FieldType::Text(TextFormat::Name)),
        field("title", FieldType::Text(TextFormat::Plain)),
        field("note", FieldType::Text(TextFormat::Paragraph)),
        field("status", FieldType::SingleChoice(options(&["open", "done"]))),
        field("tags", FieldType::MultipleChoice(options(&["red", "green"]))),
        field("level", FieldType::SingleChoiceInteger(vec![Choice { key: 0, label: "a".into() }, Choice { key: 1, label: "b".into() }])),
        field("size", FieldType::Integer),
        field("count", FieldType::Integer),
        field("weight", FieldType::Number),
        field("active", FieldType::Boolean),
        field("bought", FieldType::Date),
        field("seen", FieldType::Datetime),
        field("place", FieldType::Location),
        field("path", FieldType::Track),
        field("photo", FieldType::Attachment(Media::Type("image/jpeg".into()))),
        belongs_to("room", ROOM),
        belongs_to("owner", ROOM),
    ]
}

impl Fixture {
    /// The webhook on `asset` knows `name`, `size`, `seen` and an uploaded `photo`, and embeds `room` (required) with its `building`
    /// and the list `parts`; `owner` is not embedded.
    pub(super) fn new() -> Self {
        let many = HasMany { name: "parts".into(), model: PART, inverse: PropertyId(2), span: span() };
        let owner = model("asset", asset_properties(), vec![many]);
        let room =
            vec![field("name", FieldType::Text(TextFormat::Plain)), field("floor", FieldType::Integer), belongs_to("building", ROOM)];
        let part = vec![field("name", FieldType::Text(TextFormat::Plain)), field("price", FieldType::Number), belongs_to("asset", ASSET)];
        let models = vec![owner, model("room", room, vec![]), model("part", part, vec![])];
        let embed = |name: &str, through, model, required, embeds| Embed {
            name: name.into(),
            through,
            model,
            required,
            limit: 100,
            embeds,
            span: span(),
        };
        let building = embed("building", Through::BelongsTo(PropertyId(2)), ROOM, false, vec![]);
        let condition = |subject, name: &str, test| Condition { subject, name: name.into(), test, span: span() };
        let webhook = Webhook {
            name: "asset_ready".into(),
            model: ASSET,
            kind: WebhookType::Update,
            receiver: None,
            action: None,
            operations: Operations::default(),
            order: Order::None,
            conditions: vec![
                condition(Subject::Property(PropertyId(0)), "name", Test::Set),
                condition(Subject::Property(PropertyId(6)), "size", Test::Set),
                condition(Subject::Property(PropertyId(11)), "seen", Test::Set),
                condition(Subject::Property(PropertyId(14)), "photo", Test::Uploaded),
                condition(Subject::Embed(vec![0]), "room", Test::Set),
            ],
            when: None,
            has_when: false,
            is_nameless: false,
            embeds: vec![
                embed("room", Through::BelongsTo(PropertyId(15)), ROOM, true, vec![building]),
                embed("parts", Through::HasMany(HasManyId(0)), PART, false, vec![]),
            ],
            attachments_by_id: Vec::new(),
            request: None,
            field_slot: Some(FieldSlot { at: span(), lead: "\n  ".into() }),
            span: span(),
        };
        let mut settings = Settings { app: "assets".to_owned(), ..Settings::default() };
        settings.vars.insert("base_url".to_owned(), "https://api.example.com/v1".to_owned());
        settings.secrets.insert("token".to_owned());
        let program = Program::new(models, vec![webhook]);
        let object = asset(&program, &json!({}));
        Self { program, settings, operation: Operation::Update, previous: true, before: None, object }
    }

    pub(super) fn webhook(&mut self) -> &mut Webhook {
        &mut self.program.webhooks[0]
    }

    /// The object, with some fields different.
    pub(super) fn with(mut self, fields: &Value) -> Self {
        self.object = asset(&self.program, fields);
        self
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { program: &self.program, webhook: &self.program.webhooks[0], settings: &self.settings, when: When::Absent, uses: None }
    }

    fn data<'a>(&'a self, previous: &'a Record) -> Data<'a> {
        Data {
            program: &self.program,
            webhook: &self.program.webhooks[0],
            settings: &self.settings,
            object: &self.object,
            previous: self.previous.then_some(previous),
            operation: self.operation,
            sequence: Sequence(6_291_989_525_132_476_422),
            tenant: "acme",
            timestamp: "2026-01-31T10:00:00Z",
            watch: None,
        }
    }

    /// Compiles a request and tells what was found: `WH0402 nmae`, the code and the underlined text.
    pub(super) fn compile(&self, request: &RequestSource) -> (Option<Request>, Vec<String>) {
        let mut out = Diagnostics::default();
        let compiled = Request::compile(request, self.scope(), &mut out);
        assert_eq!(compiled.is_none(), out.has_errors(), "{out:?}");
        let texts = [Some(&request.url)].into_iter();
        let texts = texts.chain(request.headers.iter().map(|header| Some(&header.value)));
        let texts = texts.chain([request.body.as_ref().and_then(|body| body.text.as_ref())]);
        let under = texts.flatten().find(|text| text.whole().file == FileId(0)).map(|text| text.text.clone()).unwrap_or_default();
        (compiled, found(&under, &mut out))
    }

    pub(super) fn render(&self, request: &Request) -> Result<Rendered, RenderError> {
        request.render(&self.data(&self.record_before()))
    }

    fn record_before(&self) -> Record {
        self.before.clone().unwrap_or_else(|| {
            let mut previous = (*self.object.record).clone();
            previous.values[6] = json!(1);
            previous
        })
    }

    /// What is found in a text body.
    pub(super) fn check(&self, template: &str) -> Vec<String> {
        self.compile(&text_body(template)).1
    }

    /// A text body, rendered; or what was found, or why it failed.
    pub(super) fn text(&self, template: &str) -> String {
        self.output(&text_body(template))
    }

    /// A JSON body, rendered; or what was found, or why it failed.
    pub(super) fn json(&self, template: &str) -> String {
        self.output(&body(template, "application/json"))
    }

    fn output(&self, request: &RequestSource) -> String {
        let (request, found) = self.compile(request);
        let Some(request) = request else { return found.join("; ") };
        match self.render(&request) {
            Ok(rendered) => String::from_utf8(rendered.body.unwrap().1.to_vec()).unwrap(),
            Err(error) => format!("failed: {error}"),
        }
    }

    /// A URL, rendered.
    pub(super) fn url(&self, template: &str) -> String {
        let request = RequestSource { url: source(template), ..request() };
        let (request, found) = self.compile(&request);
        let Some(request) = request else { return found.join("; ") };
        match self.render(&request) {
            Ok(rendered) => rendered.url.masked(),
            Err(error) => format!("failed: {error}"),
        }
    }

    /// The value of a header, rendered.
    pub(super) fn header(&self, template: &str) -> String {
        let header = HeaderSource { name: Spanned::new("X-Test".into(), span()), value: source(template) };
        let (request, found) = self.compile(&RequestSource { headers: vec![header], ..request() });
        let Some(request) = request else { return found.join("; ") };
        match self.render(&request) {
            Ok(rendered) => rendered.headers[0].1.masked(),
            Err(error) => format!("failed: {error}"),
        }
    }

    /// A `when`: `true`, `false`, or what was found.
    pub(super) fn when(&self, template: &str) -> String {
        let text = source(template);
        let mut out = Diagnostics::default();
        let predicate = Predicate::compile(&text, self.scope(), &mut out);
        assert_eq!(predicate.is_none(), out.has_errors(), "{out:?}");
        let Some(predicate) = predicate else { return found(template, &mut out).join("; ") };
        match predicate.holds(&self.data(&self.record_before())) {
            Ok(holds) => holds.to_string(),
            Err(error) => format!("failed: {error}"),
        }
    }

    /// Whether a `when` is said to be never true.
    pub(super) fn never(&self, template: &str) -> bool {
        let predicate = Predicate::compile(&source(template), self.scope(), &mut Diagnostics::default());
        predicate.is_some_and(|predicate| predicate.never(self.scope()).is_some())
    }

    /// The messages for a text body, with help.
    pub(super) fn messages(&self, template: &str) -> Vec<String> {
        let mut out = Diagnostics::default();
        let _ = Request::compile(&text_body(template), self.scope(), &mut out);
        out.sort();
        out.iter().map(|found| format!("{} · {}", found.message, found.help.join(" · "))).collect()
    }
}

fn found(under: &str, out: &mut Diagnostics) -> Vec<String> {
    out.sort();
    let text = |span: Span| if span.file == FileId(0) { under.get(span.range()).unwrap_or("?") } else { "elsewhere" };
    let mark = |severity| if severity == Severity::Error { "" } else { "warning " };
    out.iter().map(|found| format!("{}{} {}", mark(found.severity()), found.code.as_str(), text(found.primary.span))).collect()
}

/// A request to a fixed place, without headers, with the default body.
pub(super) fn request() -> RequestSource {
    let method = Spanned::new("POST".into(), span());
    RequestSource { url: elsewhere("https://example.com/hook"), method, headers: Vec::new(), body: None, span: span() }
}

pub(super) fn body(template: &str, content_type: &str) -> RequestSource {
    let content_type = Spanned::new(content_type.into(), span());
    RequestSource { body: Some(Box::new(BodySource { content_type, file: None, text: Some(source(template)) })), ..request() }
}

pub(super) fn text_body(template: &str) -> RequestSource {
    body(template, "text/plain")
}

/// An asset of which everything the webhook promises is there.
fn asset(program: &Program, fields: &Value) -> Snapshot {
    let mut values = json!({
        "name": "Pump & Co", "note": "a\nb", "status": "open", "tags": ["red", "green"], "level": 1, "size": 3, "weight": 2.5,
        "active": true, "bought": "2026-01-31", "seen": "2026-01-31T09:08:07Z", "place": {"latitude": 1.5, "longitude": -2},
        "path": [{"latitude": 1, "longitude": 2}],
        "photo": {"id": "p1", "state": "uploaded", "original": "https://x/p.jpg"}, "room": "r1",
    });
    for (name, value) in fields.as_object().unwrap() {
        values[name] = value.clone();
    }
    let record = |model: ModelId, id: &str, values: &Value| {
        let properties = program.model(model).properties.iter();
        let values = properties.map(|property| values.get(&*property.name).cloned().unwrap_or(Value::Null)).collect();
        Arc::new(Record { model, id: id.into(), updated_at: "2026-01-31T10:00:00Z".into(), values })
    };
    let room = Snapshot { record: record(ROOM, "r1", &json!({"name": "Boiler", "floor": 2})), embedded: vec![Embedded::One(None)] };
    let part = |id: &str, price: Value| Snapshot {
        record: record(PART, id, &json!({"name": id, "price": price, "asset": "a1"})),
        embedded: vec![],
    };
    let parts = vec![part("p1", json!(1.5)), part("p2", json!(null))];
    Snapshot { record: record(ASSET, "a1", &values), embedded: vec![Embedded::One(Some(Box::new(room))), Embedded::Many(parts)] }
}
