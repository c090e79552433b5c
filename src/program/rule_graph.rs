//! The webhooks of one model → its rule graph: equal conditions once, each with the webhooks that hang on it, and values that conditions
//! list found by the value. So a save looks at each property once, and at those webhooks only whose decisive condition holds. Absent:
//! conditions on related objects, and `when`, which are asked of the few that are left.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::decision_table::{Ask, DecisionTable, TableRow};
use super::{Condition, Literal, Operations, Program, Subject, Test, Through, Webhook};
use crate::ids::{ModelId, PropertyId, WebhookId};

/// What the webhooks of a model ask of an object itself.
#[derive(Debug, Default)]
pub struct RuleGraph {
    /// What is looked at.
    pub aspects: Vec<Aspect>,
    /// The webhooks of the model, in the order of the files.
    pub rules: Vec<Rule>,
    /// The number of different questions.
    pub questions: u32,
    /// Positions in `rules` of those that ask nothing of the object itself.
    pub unasking: Vec<u32>,
    /// By question, positions in `rules` of those of which it is the decisive one: the one that fewest others ask.
    pub decisive: Vec<Vec<u32>>,
    /// Whether a firing of any of them can wait for a related object.
    pub can_wait: bool,
    /// The same in words.
    pub table: Arc<DecisionTable>,
}

/// A webhook, as far as the object itself decides about it.
#[derive(Debug)]
pub struct Rule {
    /// Which.
    pub webhook: WebhookId,
    /// The operations it fires on.
    pub operations: Operations,
    /// The questions that must all be answered with yes.
    pub questions: Vec<u32>,
}

/// One side of a property, with the questions about it.
#[derive(Debug)]
pub struct Aspect {
    /// The property.
    pub property: PropertyId,
    /// Which side.
    pub side: Side,
    /// The number of its first question; the others follow.
    pub first: u32,
    /// The questions.
    pub tests: Vec<Test>,
    /// Those that list no values.
    pub plain: Vec<u32>,
    /// Questions that list values, by the value.
    pub listed: Listed,
}

/// A side of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What it is.
    Value,
    /// Whether the save changed it.
    Change,
}

/// Questions by the values that they list.
#[derive(Debug, Default)]
pub struct Listed {
    texts: FxHashMap<Box<str>, Vec<u32>>,
    integers: FxHashMap<i64, Vec<u32>>,
    /// By the bits, without a negative zero.
    numbers: FxHashMap<u64, Vec<u32>>,
    booleans: FxHashMap<bool, Vec<u32>>,
}

impl Listed {
    fn add(&mut self, literal: &Literal, question: u32) {
        let found = match literal {
            Literal::Text(text) => self.texts.entry(text.clone()).or_default(),
            Literal::Integer(integer) => self.integers.entry(*integer).or_default(),
            Literal::Number(number) => self.numbers.entry(bits(*number)).or_default(),
            Literal::Boolean(flag) => self.booleans.entry(*flag).or_default(),
        };
        if found.last() != Some(&question) {
            found.push(question);
        }
    }

    /// The questions that list this value. A multiple choice equals its only key.
    pub fn of(&self, value: &Value) -> impl Iterator<Item = u32> {
        let value = match value {
            Value::Array(items) => match items.as_slice() {
                [only] => only,
                _ => &Value::Null,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => value,
        };
        let texts = value.as_str().and_then(|text| self.texts.get(text));
        let integers = value.as_i64().and_then(|integer| self.integers.get(&integer));
        let numbers = value.as_f64().and_then(|number| self.numbers.get(&bits(number)));
        let booleans = value.as_bool().and_then(|flag| self.booleans.get(&flag));
        [texts, integers, numbers, booleans].into_iter().flatten().flatten().copied()
    }
}

fn bits(number: f64) -> u64 {
    if number == 0.0 { 0 } else { number.to_bits() }
}

impl RuleGraph {
    /// The rule graph of a model.
    #[must_use]
    pub fn of(program: &Program, model: ModelId) -> Self {
        let mut graph = Self::default();
        let mut interned = Interned::default();
        let mut table = DecisionTable::default();
        for &id in &program.model(model).webhooks {
            let webhook = program.webhook(id);
            let asked = webhook.conditions.iter().enumerate().filter_map(|(index, condition)| {
                let (property, test) = of_object(webhook, condition)?;
                let (aspect, question) = interned.question(&mut graph.aspects, property, test);
                let required = condition.test.required().into();
                Some(Ask { aspect, question, condition: index, name: condition.name.clone(), required })
            });
            let asks: Vec<Ask> = asked.collect();
            table.webhooks.push(TableRow { name: webhook.name.clone(), on: webhook.operations.to_string().into(), asks });
            webhook.each_embed(&mut |embed| graph.can_wait |= embed.required);
            graph.rules.push(Rule { webhook: id, operations: webhook.operations, questions: Vec::new() });
        }
        for aspect in &mut graph.aspects {
            aspect.first = graph.questions;
            graph.questions = graph.questions.saturating_add(u32::try_from(aspect.tests.len()).unwrap_or(u32::MAX));
            for (question, test) in (aspect.first..).zip(&aspect.tests) {
                match test.values() {
                    Some(values) => values.iter().for_each(|literal| aspect.listed.add(literal, question)),
                    None => aspect.plain.push(question),
                }
            }
        }
        for (rule, row) in graph.rules.iter_mut().zip(&table.webhooks) {
            let number = |ask: &Ask| graph.aspects.get(ask.aspect).map(|aspect| aspect.first.saturating_add(ask.question));
            rule.questions = row.asks.iter().filter_map(number).collect();
        }
        graph.table = Arc::new(table);
        graph.hang();
        graph
    }

    /// Hangs each webhook on its decisive question.
    fn hang(&mut self) {
        let mut askers = vec![0_u32; self.questions as usize];
        for question in self.rules.iter().flat_map(|rule| &rule.questions) {
            if let Some(count) = askers.get_mut(*question as usize) {
                *count += 1;
            }
        }
        self.decisive = vec![Vec::new(); self.questions as usize];
        for (position, rule) in (0..).zip(&self.rules) {
            let rarest = rule.questions.iter().min_by_key(|question| askers.get(**question as usize).copied());
            match rarest.and_then(|question| self.decisive.get_mut(*question as usize)) {
                Some(hanging) => hanging.push(position),
                None => self.unasking.push(position),
            }
        }
    }
}

/// What a condition asks of the object itself; `None` when only related objects can tell.
fn of_object<'w>(webhook: &Webhook, condition: &'w Condition) -> Option<(PropertyId, &'w Test)> {
    match &condition.subject {
        Subject::Property(property) => Some((*property, &condition.test)),
        Subject::Embed(path) => {
            let embed = path.first().and_then(|&index| webhook.embeds.get(index))?;
            let Through::BelongsTo(property) = embed.through else { return None };
            match condition.test {
                // A path says that it changed when the relation it begins with points elsewhere: the rest was not saved now.
                Test::Changed => Some((property, &Test::Changed)),
                Test::Set | Test::Uploaded | Test::Equals(_) | Test::OneOf(_) => Some((property, &Test::Set)),
            }
        }
    }
}

/// Where aspects and questions are, while a graph is made.
#[derive(Default)]
struct Interned {
    aspects: FxHashMap<(PropertyId, Side), usize>,
    questions: FxHashMap<(usize, TestKey), u32>,
}

/// A test as a key.
#[derive(PartialEq, Eq, Hash)]
enum TestKey {
    Set,
    Uploaded,
    Changed,
    Equals(LiteralKey),
    OneOf(Vec<LiteralKey>),
}

#[derive(PartialEq, Eq, Hash)]
enum LiteralKey {
    Text(Box<str>),
    Integer(i64),
    Number(u64),
    Boolean(bool),
}

impl Interned {
    /// The position of the aspect, and that of the question among those about it.
    fn question(&mut self, aspects: &mut Vec<Aspect>, property: PropertyId, test: &Test) -> (usize, u32) {
        let side = if *test == Test::Changed { Side::Change } else { Side::Value };
        let place = *self.aspects.entry((property, side)).or_insert_with(|| {
            aspects.push(Aspect { property, side, first: 0, tests: Vec::new(), plain: Vec::new(), listed: Listed::default() });
            aspects.len() - 1
        });
        let Some(aspect) = aspects.get_mut(place) else { return (place, 0) };
        let question = *self.questions.entry((place, key(test))).or_insert_with(|| {
            aspect.tests.push(test.clone());
            u32::try_from(aspect.tests.len() - 1).unwrap_or(u32::MAX)
        });
        (place, question)
    }
}

fn key(test: &Test) -> TestKey {
    let literal = |literal: &Literal| match literal {
        Literal::Text(words) => LiteralKey::Text(words.clone()),
        Literal::Integer(integer) => LiteralKey::Integer(*integer),
        Literal::Number(number) => LiteralKey::Number(bits(*number)),
        Literal::Boolean(flag) => LiteralKey::Boolean(*flag),
    };
    match test {
        Test::Set => TestKey::Set,
        Test::Uploaded => TestKey::Uploaded,
        Test::Changed => TestKey::Changed,
        Test::Equals(value) => TestKey::Equals(literal(value)),
        Test::OneOf(values) => TestKey::OneOf(values.iter().map(literal).collect()),
    }
}
