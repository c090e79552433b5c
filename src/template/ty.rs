//! The static type of an expression: what it can be at run time, with "may be null" and "may be undefined" apart. Names are gone;
//! models and options are borrowed from the program. Absent: what is known at one place only, which is in `facts`.

use std::rc::Rc;

use crate::ids::ModelId;
use crate::program::{Choice, Embed, FieldType, Kind, Program, Property, TextFormat};

/// What an expression can be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Type<'p> {
    /// What a value of it looks like, if there is one.
    pub shape: Shape<'p>,
    /// It may be null.
    pub null: bool,
    /// It may be undefined: an attribute of something missing, or `previous` on create.
    pub undefined: bool,
}

/// What a value looks like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape<'p> {
    /// There is none: always missing, or never reached.
    Never,
    /// Not known; nothing is said about it.
    Any,
    Text(TextFormat),
    Integer,
    Number,
    Boolean,
    Date,
    Datetime,
    Location,
    Track,
    Attachment,
    /// Text that is one of a set.
    Choice(Keys<'p>),
    /// An integer that is one of a set.
    IntegerChoice(&'p [Choice<i64>]),
    List(Rc<Type<'p>>),
    /// Values under known names.
    Map(Rc<[(Box<str>, Type<'p>)]>),
    /// An object, and what is embedded in it.
    Object(Object<'p>),
    /// One of several that have nothing in common.
    Either(Rc<[Shape<'p>]>),
    /// A secret: it can be printed, nothing else.
    Secret,
}

/// The keys that a text may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Keys<'p> {
    Options(&'p [Choice<Box<str>>]),
    Words(&'static [&'static str]),
}

impl<'p> Keys<'p> {
    pub(super) fn iter(self) -> impl Iterator<Item = &'p str> {
        let (options, words): (&'p [Choice<Box<str>>], &'static [&'static str]) = match self {
            Self::Options(options) => (options, &[]),
            Self::Words(words) => (&[], words),
        };
        options.iter().map(|option| option.key.as_ref()).chain(words.iter().copied())
    }
}

/// An object of a model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'p> {
    pub model: ModelId,
    /// The relations whose objects it holds; `None` for `previous`, which holds none whatever the webhook embeds.
    pub embeds: Option<&'p [Embed]>,
}

impl PartialEq for Object<'_> {
    fn eq(&self, other: &Self) -> bool {
        let embeds = |object: &Self| object.embeds.map(<[Embed]>::as_ptr);
        self.model == other.model && embeds(self) == embeds(other)
    }
}

/// Sets of run-time kinds of value, for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Classes(pub u16);

impl Classes {
    pub(super) const TEXT: Self = Self(1);
    pub(super) const DATE: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const NUMBER: Self = Self(8);
    pub(super) const BOOLEAN: Self = Self(16);
    pub(super) const LIST: Self = Self(32);
    pub(super) const MAP: Self = Self(64);
    pub(super) const OBJECT: Self = Self(128);
    pub(super) const SECRET: Self = Self(256);
    pub(super) const TEXTUAL: Self = Self(Self::TEXT.0 | Self::DATE.0);
    pub(super) const NUMERIC: Self = Self(Self::INTEGER.0 | Self::NUMBER.0);
    pub(super) const SCALAR: Self = Self(Self::TEXTUAL.0 | Self::NUMERIC.0 | Self::BOOLEAN.0);
    pub(super) const VALUE: Self = Self(Self::SCALAR.0 | Self::LIST.0 | Self::MAP.0 | Self::OBJECT.0);

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn within(self, allowed: Self) -> bool {
        self.0 & !allowed.0 == 0
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Such as "text or a list".
    pub(super) fn describe(self) -> String {
        let names = [
            (Self::TEXT, "text"),
            (Self::DATE, "a date"),
            (if self.meets(Self::NUMBER) { Self(0) } else { Self::INTEGER }, "an integer"),
            (Self::NUMBER, "a number"),
            (Self::BOOLEAN, "a boolean"),
            (Self::LIST, "a list"),
            (Self::MAP, "a map"),
            (Self::OBJECT, "an object"),
        ];
        let present: Vec<&str> = names.iter().filter(|(class, _)| self.meets(*class)).map(|(_, name)| *name).collect();
        match present.split_last() {
            None => "nothing".to_owned(),
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        }
    }
}

impl<'p> Type<'p> {
    /// A value that is always there.
    pub(super) fn of(shape: Shape<'p>) -> Self {
        Self { shape, null: false, undefined: false }
    }

    /// A value or null.
    pub(super) fn nullable(shape: Shape<'p>) -> Self {
        Self { shape, null: true, undefined: false }
    }

    pub(super) fn any() -> Self {
        Self::of(Shape::Any)
    }

    pub(super) fn text() -> Self {
        Self::of(Shape::Text(TextFormat::Plain))
    }

    /// Never a value, always undefined.
    pub(super) fn undefined() -> Self {
        Self { shape: Shape::Never, null: false, undefined: true }
    }

    /// May be null or undefined.
    pub(super) fn may_miss(&self) -> bool {
        self.null || self.undefined
    }

    /// Always null or undefined.
    pub(super) fn is_missing(&self) -> bool {
        self.shape == Shape::Never && self.may_miss()
    }

    /// Never reached.
    pub(super) fn is_unreachable(&self) -> bool {
        self.shape == Shape::Never && !self.may_miss()
    }

    /// The same, known to be there.
    pub(super) fn present(&self) -> Self {
        Self::of(self.shape.clone())
    }

    /// One or the other.
    pub(super) fn union(&self, other: &Self) -> Self {
        Self { shape: self.shape.union(&other.shape), null: self.null || other.null, undefined: self.undefined || other.undefined }
    }
}

impl<'p> Shape<'p> {
    /// What a property holds, a belongs-to being its id.
    pub(super) fn of_property(property: &'p Property) -> Self {
        match &property.kind {
            Kind::BelongsTo(_) => Self::Text(TextFormat::Plain),
            Kind::Field(field) => Self::of_field(field),
        }
    }

    fn of_field(field: &'p FieldType) -> Self {
        match field {
            FieldType::Text(format) => Self::Text(*format),
            FieldType::Number => Self::Number,
            FieldType::Integer => Self::Integer,
            FieldType::Boolean => Self::Boolean,
            FieldType::Date => Self::Date,
            FieldType::Datetime => Self::Datetime,
            FieldType::Location => Self::Location,
            FieldType::Track => Self::Track,
            FieldType::Attachment(_) => Self::Attachment,
            FieldType::SingleChoice(options) => Self::Choice(Keys::Options(options)),
            FieldType::MultipleChoice(options) => Self::List(Rc::new(Type::of(Self::Choice(Keys::Options(options))))),
            FieldType::SingleChoiceInteger(options) => Self::IntegerChoice(options),
            FieldType::MultipleChoiceInteger(options) => Self::List(Rc::new(Type::of(Self::IntegerChoice(options)))),
        }
    }

    /// One or the other, as narrow as it can be said.
    pub(super) fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (one, same) if one == same => one.clone(),
            (Self::Never, one) | (one, Self::Never) => one.clone(),
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::List(one), Self::List(other)) => Self::List(Rc::new(one.union(other))),
            // A date and a time stay what `date` takes.
            (one, other) if one.is_text() && other.is_text() && one.classes().or(other.classes()).meets(Classes::TEXT) => {
                let breaks = one.may_break_lines() || other.may_break_lines();
                Self::Text(if breaks { TextFormat::Paragraph } else { TextFormat::Plain })
            }
            (one, other) if one.classes().within(Classes::NUMERIC) && other.classes().within(Classes::NUMERIC) => {
                let whole = one.classes().within(Classes::INTEGER) && other.classes().within(Classes::INTEGER);
                if whole { Self::Integer } else { Self::Number }
            }
            (one, other) => {
                let mut shapes: Vec<Self> = one.members().to_vec();
                shapes.extend(other.members().iter().filter(|shape| !one.members().contains(shape)).cloned());
                Self::Either(shapes.into())
            }
        }
    }

    /// The alternatives: itself, unless it is one of several.
    pub(super) fn members(&self) -> &[Self] {
        if let Self::Either(shapes) = self { shapes } else { std::slice::from_ref(self) }
    }

    /// Which kinds of value it can be; every kind when it is not known.
    pub(super) fn classes(&self) -> Classes {
        match self {
            Self::Never => Classes(0),
            Self::Any => Classes::VALUE,
            Self::Text(_) | Self::Choice(_) => Classes::TEXT,
            Self::Date | Self::Datetime => Classes::DATE,
            Self::Integer | Self::IntegerChoice(_) => Classes::INTEGER,
            Self::Number => Classes::NUMBER,
            Self::Boolean => Classes::BOOLEAN,
            Self::Track | Self::List(_) => Classes::LIST,
            Self::Location | Self::Attachment | Self::Map(_) => Classes::MAP,
            Self::Object(_) => Classes::OBJECT,
            Self::Secret => Classes::SECRET,
            Self::Either(shapes) => shapes.iter().fold(Classes(0), |classes, shape| classes.or(shape.classes())),
        }
    }

    /// Whether a value of it is always of one of these kinds, as far as is known.
    pub(super) fn is(&self, allowed: Classes) -> bool {
        *self == Self::Any || self.classes().within(allowed)
    }

    /// Whether a line break may be in its text.
    pub(super) fn may_break_lines(&self) -> bool {
        self.members().iter().any(|shape| matches!(shape, Self::Text(TextFormat::Paragraph)))
    }

    /// Whether a secret is somewhere in it.
    pub(super) fn holds_secret(&self) -> bool {
        match self {
            Self::Secret => true,
            Self::List(element) => element.shape.holds_secret(),
            Self::Map(entries) => entries.iter().any(|(_, ty)| ty.shape.holds_secret()),
            Self::Either(shapes) => shapes.iter().any(Self::holds_secret),
            Self::Never
            | Self::Any
            | Self::Text(_)
            | Self::Integer
            | Self::Number
            | Self::Boolean
            | Self::Date
            | Self::Datetime
            | Self::Location
            | Self::Track
            | Self::Attachment
            | Self::Choice(_)
            | Self::IntegerChoice(_)
            | Self::Object(_) => false,
        }
    }

    /// What a loop over it, or an index into it, gives.
    pub(super) fn element(&self) -> Option<Type<'p>> {
        match self {
            Self::List(element) => Some(element.as_ref().clone()),
            Self::Track => Some(Type::of(Self::Location)),
            Self::Any => Some(Type::any()),
            Self::Never => Some(Type::of(Self::Never)),
            Self::Either(shapes) => {
                let mut elements = shapes.iter().map(Self::element);
                let first = elements.next()??;
                elements.try_fold(first, |union, element| Some(union.union(&element?)))
            }
            Self::Text(_)
            | Self::Integer
            | Self::Number
            | Self::Boolean
            | Self::Date
            | Self::Datetime
            | Self::Location
            | Self::Attachment
            | Self::Choice(_)
            | Self::IntegerChoice(_)
            | Self::Map(_)
            | Self::Object(_)
            | Self::Secret => None,
        }
    }

    /// As a message calls it, with its article.
    pub(super) fn describe(&self, program: &Program) -> String {
        match self {
            Self::Never => "nothing".to_owned(),
            Self::Any => "a value".to_owned(),
            Self::Text(_) => "text".to_owned(),
            Self::Integer => "an integer".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Boolean => "a boolean".to_owned(),
            Self::Date => "a date".to_owned(),
            Self::Datetime => "a date and time".to_owned(),
            Self::Location => "a location".to_owned(),
            Self::Track => "a track".to_owned(),
            Self::Attachment => "an attachment".to_owned(),
            Self::Choice(_) => "a choice".to_owned(),
            Self::IntegerChoice(_) => "an integer choice".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
            Self::Object(object) => format!("an object of model `{}`", program.model(object.model).name),
            Self::Secret => "a secret".to_owned(),
            Self::Either(shapes) => shapes.iter().map(|shape| shape.describe(program)).collect::<Vec<_>>().join(" or "),
        }
    }

    fn is_text(&self) -> bool {
        self.classes().within(Classes::TEXTUAL)
    }
}
