//! The grammar → an XML Schema (XSD 1.0), with which editors complete and check while one types. What XSD cannot say is left to
//! `webhookc check`.

use super::grammar::{Attribute, Content, DATA_MODEL, Element, Group, MAX_LIMIT, Times, Value};

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- Data models of webhookc, dialect 3.1. Printed by `webhookc schema xsd`. -->
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
    <xs:simpleType name="text">
        <xs:restriction base="xs:token">
            <xs:minLength value="1" />
        </xs:restriction>
    </xs:simpleType>
    <xs:simpleType name="name">
        <xs:restriction base="xs:string">
            <xs:pattern value="[A-Za-z][A-Za-z0-9_]*" />
        </xs:restriction>
    </xs:simpleType>
    <xs:simpleType name="path">
        <xs:restriction base="xs:string">
            <xs:pattern value="[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*" />
        </xs:restriction>
    </xs:simpleType>
    <xs:simpleType name="limit">
        <xs:restriction base="xs:unsignedShort">
            <xs:minInclusive value="1" />
            <xs:maxInclusive value="LIMIT" />
        </xs:restriction>
    </xs:simpleType>
"#;

/// Any number of times.
const ANY: &str = " minOccurs=\"0\" maxOccurs=\"unbounded\"";

/// The XML Schema of data models in dialect 3.1.
#[must_use]
pub fn xsd() -> String {
    let mut schema = Schema { text: HEAD.replace("LIMIT", &MAX_LIMIT.to_string()), depth: 1, kinds: Vec::new() };
    schema.kind(&DATA_MODEL);
    schema.element(&DATA_MODEL, "");
    schema.text.push_str("</xs:schema>\n");
    schema.text
}

struct Schema {
    text: String,
    depth: usize,
    /// The elements whose type is written.
    kinds: Vec<&'static str>,
}

impl Schema {
    /// Writes the type of an element, behind those of the elements in it. Types have names because the same element may stand at two
    /// places of another, and then has to be of the same type.
    fn kind(&mut self, element: &Element) {
        if self.kinds.contains(&element.kind) {
            return;
        }
        self.kinds.push(element.kind);
        element.content.groups().iter().flat_map(|group| group.elements).for_each(|child| self.kind(child));
        self.open(&format!("<xs:complexType name=\"{}\">", element.kind));
        match element.content {
            Content::Text => {
                self.open("<xs:simpleContent>");
                self.open("<xs:extension base=\"xs:string\">");
                self.attributes(&element.attributes);
                self.close("</xs:extension>");
                self.close("</xs:simpleContent>");
            }
            Content::Nothing => self.attributes(&element.attributes),
            Content::Groups(groups) => {
                self.open("<xs:sequence>");
                for group in groups {
                    self.group(group);
                }
                self.close("</xs:sequence>");
                self.attributes(&element.attributes);
            }
        }
        if element.kind == DATA_MODEL.kind {
            self.line("<xs:anyAttribute processContents=\"skip\" />");
        }
        self.close("</xs:complexType>");
    }

    fn element(&mut self, element: &Element, occurrence: &str) {
        self.open(&format!("<xs:element name=\"{}\" type=\"{}\"{occurrence}>", element.name, element.kind));
        self.about(element.about);
        self.close("</xs:element>");
    }

    fn group(&mut self, group: &Group) {
        match group.times {
            Times::AtLeastOnce => self.choice(group.elements, " maxOccurs=\"unbounded\""),
            Times::Any => self.choice(group.elements, ANY),
            // What is counted stands between two choices among the others; more XSD 1.0 cannot count.
            Times::AnyWithOne(kind) => self.counted(group.elements, kind, ""),
            Times::AnyWithOneAtMost(kind) => self.counted(group.elements, kind, " minOccurs=\"0\""),
        }
    }

    fn counted(&mut self, elements: &[&Element], kind: &str, times: &str) {
        let (counted, others): (Vec<&Element>, Vec<&Element>) = elements.iter().partition(|element| element.kind == kind);
        self.choice(&others, ANY);
        self.open(&format!("<xs:sequence{times}>"));
        for element in counted {
            self.element(element, "");
        }
        self.choice(&others, ANY);
        self.close("</xs:sequence>");
    }

    fn choice(&mut self, elements: &[&Element], times: &str) {
        if let [single] = elements {
            self.element(single, times);
            return;
        }
        self.open(&format!("<xs:choice{times}>"));
        for element in elements {
            self.element(element, "");
        }
        self.close("</xs:choice>");
    }

    fn attributes(&mut self, attributes: &[Attribute]) {
        for attribute in attributes {
            let usage = if attribute.required { " use=\"required\"" } else { "" };
            let named = match attribute.value {
                Value::Text => Some("text"),
                Value::Name => Some("name"),
                Value::Path => Some("path"),
                Value::Limit => Some("limit"),
                Value::Words(_) | Value::FieldType | Value::List(_) => None,
            };
            let kind = named.map(|kind| format!(" type=\"{kind}\"")).unwrap_or_default();
            self.open(&format!("<xs:attribute name=\"{}\"{kind}{usage}>", attribute.name));
            self.about(attribute.about);
            match attribute.value {
                Value::Words(_) | Value::FieldType => self.words(&attribute.value.words()),
                Value::List(words) => self.list(words),
                Value::Text | Value::Name | Value::Path | Value::Limit => {}
            }
            self.close("</xs:attribute>");
        }
    }

    fn words(&mut self, words: &[String]) {
        self.open("<xs:simpleType>");
        self.open("<xs:restriction base=\"xs:string\">");
        for word in words {
            self.line(&format!("<xs:enumeration value=\"{word}\" />"));
        }
        self.close("</xs:restriction>");
        self.close("</xs:simpleType>");
    }

    fn list(&mut self, words: &[&str]) {
        let word = words.join("|");
        self.open("<xs:simpleType>");
        self.open("<xs:restriction base=\"xs:token\">");
        self.line(&format!("<xs:pattern value=\"[ ,]*({word})([ ,]+({word}))*[ ,]*\" />"));
        self.close("</xs:restriction>");
        self.close("</xs:simpleType>");
    }

    fn about(&mut self, text: &str) {
        self.open("<xs:annotation>");
        self.line(&format!("<xs:documentation>{text}</xs:documentation>"));
        self.close("</xs:annotation>");
    }

    fn open(&mut self, tag: &str) {
        self.line(tag);
        self.depth += 1;
    }

    fn close(&mut self, tag: &str) {
        self.depth -= 1;
        self.line(tag);
    }

    fn line(&mut self, line: &str) {
        self.text.extend(std::iter::repeat_n("    ", self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::diagnostics::{Code, Diagnostics};
    use crate::schema::declare;
    use crate::syntax::parse;
    use crate::text::SourceMap;

    /// An element with one attribute of the table written, in what it stands in.
    fn each_use(element: &Element, path: &[&'static str], visit: &mut dyn FnMut(&str)) {
        let mut path = path.to_vec();
        path.push(element.name);
        for attribute in &element.attributes {
            let mut text = String::new();
            for (depth, name) in path.iter().enumerate() {
                let last = depth + 1 == path.len();
                let attribute = if last { format!(" {}='true'", attribute.name) } else { String::new() };
                write!(text, "<{name}{attribute}>").unwrap();
            }
            path.iter().rev().for_each(|name| write!(text, "</{name}>").unwrap());
            visit(&text);
        }
        element.content.groups().iter().flat_map(|group| group.elements).for_each(|child| each_use(child, &path, visit));
    }

    #[test]
    fn what_the_table_holds_is_read() {
        let mut uses = 0;
        each_use(&DATA_MODEL, &[], &mut |text| {
            uses += 1;
            let (mut sources, mut found) = (SourceMap::default(), Diagnostics::default());
            let file = sources.add("schema.xml", text.as_bytes().to_vec());
            let _schema = declare(&parse(file, sources.file(file), &mut found), None, &mut found);
            for found in &found {
                assert!(!matches!(found.code, Code::UnknownElement | Code::UnknownAttribute), "{text}: {}", found.message);
            }
        });
        assert!(uses > 40, "{uses}");
    }
}
