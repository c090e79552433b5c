//! The type of a field from its words, its media type and its options.

use rustc_hash::FxHashMap;

use super::{Choice, FieldType, Media};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, one_of, suggestion};
use crate::schema::{self, FIELD_TYPES, FieldOption, FieldTypeWord, MEDIA_TYPES, TEXT_FORMATS, Text, TextFormat};
use crate::text::Span;

/// Reads the type; `None` when it has been reported as wrong. Mistakes in options leave a type with the good ones.
pub(super) fn read(field: &schema::Field<'_>, out: &mut Diagnostics) -> Option<FieldType> {
    let kind = field.kind.as_ref()?;
    let (base, format) = match kind.value.split_once(':') {
        Some((base, format)) => (base, Some(format)),
        None => (&*kind.value, None),
    };
    let Some((_, word)) = FIELD_TYPES.iter().find(|(word, _)| *word == base) else {
        out.push(unknown_type(kind, base));
        return None;
    };
    let field_type = match word {
        FieldTypeWord::Text => FieldType::Text(text_format(kind, format, out)?),
        FieldTypeWord::Number => FieldType::Number,
        FieldTypeWord::Integer => FieldType::Integer,
        FieldTypeWord::Boolean => {
            boolean_options(field, out);
            FieldType::Boolean
        }
        FieldTypeWord::Date => FieldType::Date,
        FieldTypeWord::Datetime => FieldType::Datetime,
        FieldTypeWord::Location => FieldType::Location,
        FieldTypeWord::Track => FieldType::Track,
        FieldTypeWord::Photo => FieldType::Attachment(Media::Type("image/jpeg".into())),
        FieldTypeWord::Signature => FieldType::Attachment(Media::Type("image/svg+xml".into())),
        FieldTypeWord::Attachment => FieldType::Attachment(media(field, out)?),
        FieldTypeWord::SingleChoice => FieldType::SingleChoice(text_options(field, kind, out)),
        FieldTypeWord::MultipleChoice => FieldType::MultipleChoice(text_options(field, kind, out)),
        FieldTypeWord::SingleChoiceInteger => FieldType::SingleChoiceInteger(integer_options(field, kind, out)),
        FieldTypeWord::MultipleChoiceInteger => FieldType::MultipleChoiceInteger(integer_options(field, kind, out)),
    };
    if base != "text" && format.is_some() {
        let message = format!("`{}` has a text format, which only `text` has", kind.value);
        let fix = Fix::replace(format!("write `{base}`"), kind.span, base).safe();
        out.push(Diagnostic::new(Code::MisplacedTextFormat, kind.span, message).label("the format is ignored").fix(fix));
    }
    let has_options = match word {
        FieldTypeWord::Boolean
        | FieldTypeWord::SingleChoice
        | FieldTypeWord::MultipleChoice
        | FieldTypeWord::SingleChoiceInteger
        | FieldTypeWord::MultipleChoiceInteger => true,
        FieldTypeWord::Text
        | FieldTypeWord::Number
        | FieldTypeWord::Integer
        | FieldTypeWord::Date
        | FieldTypeWord::Datetime
        | FieldTypeWord::Location
        | FieldTypeWord::Track
        | FieldTypeWord::Photo
        | FieldTypeWord::Signature
        | FieldTypeWord::Attachment => false,
    };
    if let Some(option) = field.options.first().filter(|_| !has_options) {
        let message = format!("`option` is not an element of a field of type `{base}`");
        out.push(Diagnostic::new(Code::UnknownElement, option.element, message).label("ignored"));
    }
    // Which values there are is not known when a key could not be read, which has been reported.
    let is_unread = field.options.iter().any(|option| option.has_key && option.key.is_none());
    (!(has_options && is_unread)).then_some(field_type)
}

fn types() -> impl Iterator<Item = &'static str> {
    FIELD_TYPES.iter().map(|(word, _)| *word)
}

fn unknown_type(kind: &Text<'_>, base: &str) -> Diagnostic {
    let message = format!("`{}` is not a type; expected {}", kind.value, one_of(types()));
    let diagnostic = Diagnostic::new(Code::UnknownType, kind.span, message);
    let upstream = match base.to_ascii_lowercase().as_str() {
        "string" | "str" => Some("text"),
        "int" => Some("integer"),
        "decimal" | "float" | "double" => Some("number"),
        "bool" => Some("boolean"),
        "enum" => Some("single-choice"),
        _ => None,
    };
    let format = TEXT_FORMATS.iter().find(|(name, _)| *name == base).map(|(name, _)| format!("text:{name}"));
    match format.or_else(|| upstream.or_else(|| suggestion(base, types())).map(str::to_owned)) {
        Some(near) => diagnostic.fix(Fix::replace(format!("write `{near}`"), kind.span, near)),
        None => diagnostic,
    }
}

fn text_format(kind: &Text<'_>, format: Option<&str>, out: &mut Diagnostics) -> Option<TextFormat> {
    let Some(format) = format else {
        return Some(TextFormat::Plain);
    };
    let found = TEXT_FORMATS.iter().find(|(name, _)| *name == format).map(|(_, format)| *format);
    if found.is_none() {
        let names = || TEXT_FORMATS.iter().map(|(name, _)| *name);
        let seen = if format.is_empty() { "nothing".to_owned() } else { format!("`{format}`") };
        let message = format!("{seen} is not a text format; expected {}", one_of(names()));
        let mut diagnostic = Diagnostic::new(Code::UnknownTextFormat, kind.span, message);
        if let Some(near) = suggestion(format, names()) {
            diagnostic = diagnostic.fix(Fix::replace(format!("write `text:{near}`"), kind.span, format!("text:{near}")));
        }
        out.push(diagnostic);
    }
    found
}

fn media(field: &schema::Field<'_>, out: &mut Diagnostics) -> Option<Media> {
    let Some(media) = &field.media else {
        if !field.has_media {
            let message = "an attachment has no `media`; expected a media type such as `image/png`, or `any`";
            out.push(Diagnostic::new(Code::MissingMedia, field.element, message));
        }
        return None;
    };
    if !MEDIA_TYPES.contains(&&*media.value) {
        let message = format!("`{}` is not a media type of attachments; expected {}", media.value, one_of(MEDIA_TYPES));
        let mut diagnostic = Diagnostic::new(Code::InvalidValue, media.span, message);
        if let Some(near) = suggestion(&media.value, MEDIA_TYPES) {
            diagnostic = diagnostic.fix(Fix::replace(format!("write `{near}`"), media.span, near));
        }
        out.push(diagnostic);
        return None;
    }
    Some(if media.value == "any" { Media::Any } else { Media::Type(media.value.as_ref().into()) })
}

/// None, meaning no and yes, or exactly the keys `true` and `false`.
fn boolean_options(field: &schema::Field<'_>, out: &mut Diagnostics) {
    let mut keys = Keys::default();
    let mut good = true;
    for option in &field.options {
        match &option.key {
            Some(key) if matches!(&*key.value, "true" | "false") => good &= keys.take(&*key.value, key.span, out),
            Some(key) => {
                good = false;
                let message = format!("`{}` is not a key of a boolean; expected `true` or `false`", key.value);
                out.push(Diagnostic::new(Code::BooleanOptionKey, key.span, message));
            }
            None => {
                good = false;
                if !option.has_key {
                    let message = "an option of a boolean has no key; expected `true` or `false`";
                    out.push(Diagnostic::new(Code::BooleanOptionKey, option.element, message));
                }
            }
        }
    }
    if good && field.options.len() == 1 {
        let message = "the boolean has one option; expected none, or one for `true` and one for `false`";
        out.push(Diagnostic::new(Code::BooleanOptionCount, field.element, message));
    }
}

fn text_options(field: &schema::Field<'_>, kind: &Text<'_>, out: &mut Diagnostics) -> Vec<Choice<Box<str>>> {
    no_options(field, kind, out);
    let mut keys = Keys::default();
    let mut choices = Vec::with_capacity(field.options.len());
    for option in &field.options {
        match &option.key {
            Some(key) => {
                if keys.take(&*key.value, key.span, out) {
                    choices.push(Choice { key: key.value.as_ref().into(), label: option.label.as_ref().into() });
                }
            }
            None if option.has_key => {}
            None => out.push(missing_key(option)),
        }
    }
    choices
}

fn missing_key(option: &FieldOption<'_>) -> Diagnostic {
    let message = "the option has no key; expected `key=\"…\"`, the value that is stored";
    Diagnostic::new(Code::MissingOptionKey, option.element, message)
}

fn integer_options(field: &schema::Field<'_>, kind: &Text<'_>, out: &mut Diagnostics) -> Vec<Choice<i64>> {
    no_options(field, kind, out);
    let mut keys = Keys::default();
    let mut choices = Vec::with_capacity(field.options.len());
    let mut largest: Option<i64> = None;
    for option in &field.options {
        let (key, span) = match &option.key {
            Some(key) => {
                let Ok(number) = key.value.parse::<i64>() else {
                    let message = format!("`{}` is not an integer", key.value);
                    out.push(
                        Diagnostic::new(Code::BadIntegerKey, key.span, message).help("leave the key out to count on from the largest"),
                    );
                    continue;
                };
                (number, key.span)
            }
            None if option.has_key => continue,
            None => (largest.map_or(0, |largest| largest.saturating_add(1)), option.element),
        };
        largest = Some(largest.map_or(key, |largest| largest.max(key)));
        if keys.take(key, span, out) {
            choices.push(Choice { key, label: option.label.as_ref().into() });
        }
    }
    choices
}

fn no_options(field: &schema::Field<'_>, kind: &Text<'_>, out: &mut Diagnostics) {
    if field.options.is_empty() {
        let message = format!("a field of type `{}` has no `option`", kind.value);
        out.push(Diagnostic::new(Code::NoOptions, field.element, message));
    }
}

/// The keys of one field so far; long lists are looked up, short ones compared.
struct Keys<K> {
    few: Vec<(K, Span)>,
    many: FxHashMap<K, Span>,
}

impl<K> Default for Keys<K> {
    fn default() -> Self {
        Self { few: Vec::new(), many: FxHashMap::default() }
    }
}

impl<K: Copy + Eq + std::hash::Hash + std::fmt::Display> Keys<K> {
    const FEW: usize = 16;

    fn take(&mut self, key: K, span: Span, out: &mut Diagnostics) -> bool {
        let first = self.few.iter().find(|(other, _)| *other == key).map(|(_, first)| *first).or_else(|| self.many.get(&key).copied());
        match first {
            Some(first) => {
                let message = format!("the option key `{key}` is given twice");
                out.push(Diagnostic::new(Code::DuplicateDefinition, span, message).related(first, "first given here"));
            }
            None if self.few.len() < Self::FEW => self.few.push((key, span)),
            None => {
                self.many.insert(key, span);
            }
        }
        first.is_none()
    }
}
