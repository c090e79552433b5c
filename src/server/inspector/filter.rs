//! The words of the search field → what the store is asked for. `event:`, `object:`, `model:`, `endpoint:`, `status:`, `operation:` narrow
//! down, anything else is looked for in the bodies; quotation marks keep spaces together.

use crate::diagnostics::{one_of, suggestion};
use crate::ids::EndpointId;
use crate::server::request::different;
use crate::store::{DeliveryFilter, DeliveryState, SaveFilter};

/// What narrows down.
const KEYS: [&str; 6] = ["event", "object", "model", "endpoint", "status", "operation"];
/// Statuses that an answer can have.
const STATUSES: (u16, u16) = (100, 999);

/// Characters of a word: what is looked for must not be larger than a database takes.
const LONGEST_WORD: usize = 1_000;

/// A filter as it was written, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    event: Option<String>,
    object: Option<String>,
    model: Option<String>,
    endpoint: Option<String>,
    operation: Option<String>,
    state: Option<DeliveryState>,
    answered: Vec<(u16, u16)>,
    /// What is looked for.
    pub(super) texts: Vec<String>,
    /// What cannot be meant, a sentence each.
    pub(super) mistakes: Vec<String>,
}

impl Filter {
    pub(super) fn read(written: &str) -> Self {
        let mut filter = Self::default();
        let words = match different("the filter", words(written).iter().map(String::as_str)) {
            Ok(words) => words,
            Err(refused) => {
                filter.mistakes.push(refused.detail().to_owned());
                return filter;
            }
        };
        for word in words {
            let length = word.chars().count();
            if length > LONGEST_WORD {
                filter.mistakes.push(format!("a word of the filter has {length} characters, expected at most {LONGEST_WORD}"));
                continue;
            }
            match word.split_once(':') {
                Some((key, value)) if KEYS.contains(&key) => filter.narrow(key, value),
                Some((key, _)) if suggestion(key, KEYS).is_some() => {
                    let near = suggestion(key, KEYS).unwrap_or_default();
                    filter.mistakes.push(format!("`{key}:` is not a filter, did you mean `{near}:`?"));
                }
                _ => filter.texts.push(word),
            }
        }
        filter
    }

    fn narrow(&mut self, key: &str, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        match key {
            "event" => self.event = Some(value.to_owned()),
            "model" => self.model = Some(value.to_owned()),
            "endpoint" => self.endpoint = Some(value.to_owned()),
            "operation" => self.operation = Some(value.to_owned()),
            "object" => match value.split_once('/') {
                Some((model, id)) => (self.model, self.object) = (Some(model.to_owned()), Some(id.to_owned())),
                None => self.object = Some(value.to_owned()),
            },
            _ => match (DeliveryState::named(value), range(value)) {
                (Some(state), _) => self.state = Some(state),
                (None, Some(range)) => self.answered.push(range),
                (None, None) => {
                    let states = one_of(DeliveryState::ALL.map(DeliveryState::as_str));
                    self.mistakes.push(format!("`status:{value}` cannot be read, expected {states}, or such as `200`, `4xx`, `>=400`"));
                }
            },
        }
    }

    /// Of deliveries. An endpoint is known by its id, `ep_erp`, or its name.
    pub(super) fn deliveries(&self) -> DeliveryFilter {
        let endpoint = self.endpoint.as_ref().map(|name| if name.starts_with("ep_") { name.clone() } else { format!("ep_{name}") });
        DeliveryFilter {
            event: self.event.clone(),
            endpoint: endpoint.map(EndpointId::new),
            states: self.state.into_iter().collect(),
            model: self.model.clone(),
            object: self.object.clone(),
            answered: self.answered.clone(),
            text: self.texts.clone(),
            ..DeliveryFilter::default()
        }
    }

    /// Whether what it asks for is in no index, so that deliveries have to be looked at one by one.
    pub(super) fn looks_into_each(&self) -> bool {
        !self.texts.is_empty() || !self.answered.is_empty()
    }

    /// Of saves, as far as the store can tell.
    pub(super) fn saves(&self) -> SaveFilter {
        SaveFilter { model: self.model.clone(), object: self.object.clone(), operation: self.operation.clone(), sequence: None }
    }

    /// The webhook that a save must have been decided about.
    pub(super) fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// Whether it asks for something that only deliveries have.
    pub(super) fn is_about_deliveries(&self) -> bool {
        self.endpoint.is_some() || self.state.is_some() || !self.answered.is_empty()
    }

    /// Whether it asks for something that only saves have.
    pub(super) fn is_about_saves(&self) -> bool {
        self.operation.is_some()
    }

    /// Whether it asks for a state.
    pub(super) fn state(&self) -> Option<DeliveryState> {
        self.state
    }
}

/// `200`, `4xx`, `>=400`, `<500` as the first and last status.
fn range(text: &str) -> Option<(u16, u16)> {
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (STATUSES.0..=STATUSES.1).contains(status));
    let (least, most) = STATUSES;
    if let Some(class) = text.strip_suffix("xx").and_then(|class| class.parse::<u16>().ok()).filter(|class| (1..=9).contains(class)) {
        return Some((class * 100, class * 100 + 99));
    }
    if let Some(rest) = text.strip_prefix(">=") {
        return Some((number(rest)?, most));
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return Some((least, number(rest)?));
    }
    if let Some(rest) = text.strip_prefix('>') {
        return Some((number(rest)?.saturating_add(1), most));
    }
    if let Some(rest) = text.strip_prefix('<') {
        return Some((least, number(rest)?.saturating_sub(1)));
    }
    number(text).map(|status| (status, status))
}

/// The words; what stands in quotation marks is one, or a part of one.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            character if character.is_whitespace() && !quoted => words.extend(word.take().filter(|word| !word.is_empty())),
            character => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word.filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MOST_WORDS;

    #[test]
    fn a_filter_is_read_in_the_words_that_people_write() {
        let filter = Filter::read("event:asset_ready object:asset/a1 status:>=400 \"north wing\" pump");
        let asked = filter.deliveries();
        assert_eq!(
            (asked.event.as_deref(), asked.model.as_deref(), asked.object.as_deref()),
            (Some("asset_ready"), Some("asset"), Some("a1"))
        );
        assert_eq!((asked.answered, asked.text), (vec![(400, 999)], vec!["north wing".to_owned(), "pump".to_owned()]));
        assert!(filter.mistakes.is_empty() && filter.is_about_deliveries());
        let of = |text: &str| Filter::read(&format!("status:{text}")).answered;
        assert_eq!(
            (of("4xx"), of("200"), of(">499"), of("<400")),
            (vec![(400, 499)], vec![(200, 200)], vec![(500, 999)], vec![(100, 399)])
        );
        assert_eq!(Filter::read("status:failed").state, Some(DeliveryState::Failed));
        assert_eq!(Filter::read("object:\"two words\"").object.as_deref(), Some("two words"));
        assert_eq!(Filter::read("endpoint:erp").deliveries().endpoint.unwrap().as_str(), "ep_erp");
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        assert_eq!(Filter::read("evnt:x").mistakes, ["`evnt:` is not a filter, did you mean `event:`?"]);
        assert!(Filter::read("status:fine").mistakes[0].starts_with("`status:fine` cannot be read, expected "));
        assert_eq!(Filter::read("https://a.example/").texts, ["https://a.example/"]);
        let long = "_".repeat(LONGEST_WORD + 1);
        assert_eq!(Filter::read(&long).mistakes, ["a word of the filter has 1001 characters, expected at most 1000"]);
        assert_eq!(Filter::read(&long[1..]).texts, [&long[1..]]);
    }

    #[test]
    fn a_filter_has_so_many_words_and_repeated_ones_count_once() {
        let many = |count: usize| Filter::read(&(0..2 * count).map(|number| format!("w{}", number % count)).collect::<Vec<_>>().join(" "));
        assert_eq!((many(MOST_WORDS).texts.len(), many(MOST_WORDS).mistakes), (MOST_WORDS, Vec::<String>::new()));
        let refused = many(MOST_WORDS + 1);
        assert_eq!(refused.mistakes, ["the filter has 65 different words, expected at most 64"]);
        assert!(refused.texts.is_empty() && !refused.looks_into_each());
        assert_eq!(Filter::read(&"status:200 ".repeat(1_100)).answered, [(200, 200)]);
    }
}
