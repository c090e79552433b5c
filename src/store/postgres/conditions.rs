//! The conditions of a list, as far as they were asked for, with their values.

use tokio_postgres::types::ToSql;

/// A statement that grows.
pub(super) struct Conditions {
    pub sql: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Conditions {
    /// A condition about the tenant, which is `$1`.
    pub(super) fn of(condition: &str, tenant: i64) -> Self {
        Self { sql: condition.to_owned(), values: vec![Box::new(tenant)] }
    }

    /// The placeholder of one more value.
    pub(super) fn value(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.values.push(Box::new(value));
        format!("${}", self.values.len())
    }

    /// A condition in which `?` stands for the value.
    pub(super) fn and(&mut self, condition: &str, value: impl ToSql + Sync + Send + 'static) {
        let place = self.value(value);
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition.replace('?', &place));
    }

    /// A condition of a text, if there is one.
    pub(super) fn text(&mut self, condition: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.and(condition, text.to_owned());
        }
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

/// A pattern for `LIKE` that finds the text anywhere.
pub(super) fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
