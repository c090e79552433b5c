//! Where the pages of a tenant are: links with every part escaped.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded::Serializer;

use crate::ids::{DeliveryId, Sequence, Tenant};

/// What is not escaped in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes links to the pages of one tenant.
#[derive(Clone, Debug)]
pub(super) struct Address(String);

impl Address {
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self(format!("/ui/{}", segment(tenant.as_str())))
    }

    /// A page with these parameters.
    pub(super) fn to(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.is_empty() { format!("{}{path}", self.0) } else { format!("{}{path}?{query}", self.0) }
    }

    /// The saves that a filter lets through.
    pub(super) fn saves(&self, filter: &str) -> String {
        self.to("", &[("q", filter)])
    }

    /// The deliveries that a filter lets through.
    pub(super) fn deliveries(&self, filter: &str) -> String {
        self.to("/deliveries", &[("q", filter)])
    }

    pub(super) fn delivery(&self, id: DeliveryId) -> String {
        format!("{}/deliveries/{id}", self.0)
    }

    pub(super) fn object(&self, model: &str, id: &str) -> String {
        format!("{}/objects/{}/{}", self.0, segment(model), segment(id))
    }

    /// A save of an object, on the object's page.
    pub(super) fn save(&self, model: &str, id: &str, sequence: Sequence) -> String {
        format!("{}?at={sequence}#s{sequence}", self.object(model, id))
    }

    pub(super) fn webhook(&self, name: &str) -> String {
        format!("{}/webhooks/{}", self.0, segment(name))
    }

    pub(super) fn diverted(&self, id: DeliveryId) -> String {
        format!("{}/diverted/{id}", self.0)
    }

    pub(super) fn endpoint(&self, id: &str) -> String {
        format!("{}/endpoints/{}", self.0, segment(id))
    }

    pub(super) fn sample(&self, model: &str) -> String {
        format!("{}/models/{}/sample", self.0, segment(model))
    }
}

/// A text as the value of a parameter.
pub(super) fn encoded(text: &str) -> String {
    segment(text)
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_link_escapes() {
        let address = Address::of(&Tenant::new("a"));
        assert_eq!(address.object("m", "../x?y#z\"<"), "/ui/a/objects/m/..%2Fx%3Fy%23z%22%3C");
        assert_eq!(address.deliveries("status:>=400 a&b"), "/ui/a/deliveries?q=status%3A%3E%3D400+a%26b");
        assert_eq!(address.saves(""), "/ui/a");
    }
}
