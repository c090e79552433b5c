//! A value for a field of each type, within what the type allows.

use serde_json::{Value, json};

use super::Dice;
use crate::program::{FieldType, Media, TextFormat};

const NAMES: [&str; 6] = ["Ada", "Grace", "Katherine", "Hedy", "Radia", "Barbara"];
const WORDS: [&str; 10] = ["pump", "valve", "north", "river", "blue", "station", "bridge", "tower", "field", "gate"];
const STREETS: [&str; 4] = ["Long Street", "Kloof Street", "Main Road", "Church Square"];

/// A value; `name` is the field's, for texts that say what they stand for.
pub(super) fn sample(field: &FieldType, name: &str, dice: &Dice) -> Value {
    match field {
        FieldType::Text(format) => text(*format, name, dice).into(),
        FieldType::Number => json!(f64::from(small(dice, 100_000)) / 100.0),
        FieldType::Integer => json!(small(dice, 1_000)),
        FieldType::Boolean => json!(dice.below(2) == 1),
        FieldType::Date => date(dice).into(),
        FieldType::Datetime => format!("{}T{:02}:{:02}:00Z", date(dice), dice.below(24), dice.below(60)).into(),
        FieldType::Location => location(dice),
        FieldType::Track => (0..2 + dice.below(3)).map(|_| location(dice)).collect(),
        FieldType::Attachment(media) => attachment(media, name, dice),
        FieldType::SingleChoice(options) => options.get(dice.below(options.len())).map_or(Value::Null, |option| Value::from(&*option.key)),
        FieldType::SingleChoiceInteger(options) => {
            options.get(dice.below(options.len())).map_or(Value::Null, |option| Value::from(option.key))
        }
        FieldType::MultipleChoice(options) => some(options, dice).map(|option| Value::from(&*option.key)).collect(),
        FieldType::MultipleChoiceInteger(options) => some(options, dice).map(|option| Value::from(option.key)).collect(),
    }
}

fn small(dice: &Dice, below: u32) -> u32 {
    u32::try_from(dice.below(below as usize)).unwrap_or_default()
}

/// At least one of a list, in its order, each once.
fn some<'o, T>(options: &'o [T], dice: &Dice) -> impl Iterator<Item = &'o T> {
    let sure = dice.below(options.len());
    let chosen: Vec<bool> = options.iter().enumerate().map(|(index, _)| index == sure || dice.below(2) == 0).collect();
    options.iter().zip(chosen).filter_map(|(option, chosen)| chosen.then_some(option))
}

fn digits(dice: &Dice, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + u8::try_from(dice.below(10)).unwrap_or_default())).collect()
}

fn text(format: TextFormat, name: &str, dice: &Dice) -> String {
    match format {
        TextFormat::Plain => format!("{} {}", dice.one(&WORDS), dice.one(&WORDS)),
        TextFormat::Email => format!("{}@example.com", dice.one(&NAMES).to_lowercase()),
        TextFormat::Address => format!("{} {}, Cape Town", small(dice, 200) + 1, dice.one(&STREETS)),
        TextFormat::Name => format!("{} {}", dice.one(&NAMES), digits(dice, 2)),
        TextFormat::Url => format!("https://example.com/{name}/{}", digits(dice, 4)),
        TextFormat::Paragraph => {
            format!("A {} by the {}.\nSecond line about the {}.", dice.one(&WORDS), dice.one(&WORDS), dice.one(&WORDS))
        }
        TextFormat::SignedNumber => format!("{}{}", if dice.below(2) == 0 { "-" } else { "" }, small(dice, 999) + 1),
        TextFormat::Number => (small(dice, 999) + 1).to_string(),
        TextFormat::SouthAfricanId => south_african_id(dice),
        TextFormat::PhoneNumber => format!("+2782{}", digits(dice, 7)),
        TextFormat::DecimalNumber => format!("{}.{}", small(dice, 999), digits(dice, 2)),
        TextFormat::Password => format!("not-a-secret-{}", digits(dice, 4)),
    }
}

/// Birthday, serial number, citizenship, 8, and the check digit of Luhn.
fn south_african_id(dice: &Dice) -> String {
    let birthday = format!("{:02}{:02}{:02}", 60 + dice.below(40), 1 + dice.below(12), 1 + dice.below(28));
    let first = format!("{birthday}{}08", digits(dice, 4));
    let sum: u32 = first
        .bytes()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte - b'0');
            if index % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    format!("{first}{}", (10 - sum % 10) % 10)
}

fn date(dice: &Dice) -> String {
    format!("2026-{:02}-{:02}", 1 + dice.below(12), 1 + dice.below(28))
}

fn location(dice: &Dice) -> Value {
    let part = |from: f64| from + f64::from(small(dice, 100_000)) / 100_000.0;
    json!({ "latitude": part(-34.0), "longitude": part(18.0), "altitude": small(dice, 200), "horizontal_accuracy": 5, "vertical_accuracy": 10 })
}

/// An attachment whose data has arrived.
fn attachment(media: &Media, name: &str, dice: &Dice) -> Value {
    let ending = match media {
        Media::Any => "bin",
        Media::Type(media) => match &**media {
            "image/png" => "png",
            "image/jpeg" => "jpg",
            "image/svg+xml" => "svg",
            "application/pdf" => "pdf",
            "text/plain" => "txt",
            "text/csv" => "csv",
            "application/xml" => "xml",
            _ => "dat",
        },
    };
    let id = format!("{name}-{}", digits(dice, 6));
    let original = format!("https://media.example.com/{id}.{ending}");
    json!({ "id": id, "state": "uploaded", "original": original })
}
