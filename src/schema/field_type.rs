//! The words for what a field holds: types, formats of text, media types of attachments.

/// A type of a field, as a word; options and media are said elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldTypeWord {
    /// `text`, alone or with a format.
    Text,
    /// `number`
    Number,
    /// `integer`
    Integer,
    /// `boolean`
    Boolean,
    /// `date`
    Date,
    /// `datetime`
    Datetime,
    /// `location`
    Location,
    /// `track`
    Track,
    /// `photo`: an attachment of type `image/jpeg`.
    Photo,
    /// `signature`: an attachment of type `image/svg+xml`.
    Signature,
    /// `attachment`
    Attachment,
    /// `single-choice`
    SingleChoice,
    /// `multiple-choice`
    MultipleChoice,
    /// `single-choice-integer`
    SingleChoiceInteger,
    /// `multiple-choice-integer`
    MultipleChoiceInteger,
}

/// The types of fields.
pub const FIELD_TYPES: [(&str, FieldTypeWord); 15] = [
    ("text", FieldTypeWord::Text),
    ("number", FieldTypeWord::Number),
    ("integer", FieldTypeWord::Integer),
    ("boolean", FieldTypeWord::Boolean),
    ("date", FieldTypeWord::Date),
    ("datetime", FieldTypeWord::Datetime),
    ("location", FieldTypeWord::Location),
    ("track", FieldTypeWord::Track),
    ("photo", FieldTypeWord::Photo),
    ("signature", FieldTypeWord::Signature),
    ("attachment", FieldTypeWord::Attachment),
    ("single-choice", FieldTypeWord::SingleChoice),
    ("multiple-choice", FieldTypeWord::MultipleChoice),
    ("single-choice-integer", FieldTypeWord::SingleChoiceInteger),
    ("multiple-choice-integer", FieldTypeWord::MultipleChoiceInteger),
];

/// The subtype of a text field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TextFormat {
    /// `text`
    #[default]
    Plain,
    /// `text:email`
    Email,
    /// `text:address`
    Address,
    /// `text:name`
    Name,
    /// `text:url`
    Url,
    /// `text:paragraph`: may hold line breaks
    Paragraph,
    /// `text:signed-number`
    SignedNumber,
    /// `text:number`
    Number,
    /// `text:south-african-id`
    SouthAfricanId,
    /// `text:phone-number`
    PhoneNumber,
    /// `text:decimal-number`
    DecimalNumber,
    /// `text:password`
    Password,
}

/// The formats of text; plain text has no word.
pub const TEXT_FORMATS: [(&str, TextFormat); 11] = [
    ("email", TextFormat::Email),
    ("address", TextFormat::Address),
    ("name", TextFormat::Name),
    ("url", TextFormat::Url),
    ("paragraph", TextFormat::Paragraph),
    ("signed-number", TextFormat::SignedNumber),
    ("number", TextFormat::Number),
    ("south-african-id", TextFormat::SouthAfricanId),
    ("phone-number", TextFormat::PhoneNumber),
    ("decimal-number", TextFormat::DecimalNumber),
    ("password", TextFormat::Password),
];

/// The media types of attachments.
pub const MEDIA_TYPES: [&str; 15] = [
    "any",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.ms-excel",
    "application/msword",
    "application/vnd.anritsu",
    "application/vnd.valvelink",
    "application/xml",
    "text/plain",
    "text/csv",
];
