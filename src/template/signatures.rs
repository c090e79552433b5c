//! The one table of filters and tests: name, what goes in, what comes out, and a line for people. The checker, the documentation and
//! the evaluator read it; what is not in it cannot run. `changed("field")` is the only function, and is typed where calls are.

use super::ty::Classes;

/// A filter or a test.
#[derive(Debug)]
pub struct Signature<K: 'static> {
    /// As it is written after `|` or `is`.
    pub name: &'static str,
    /// What it does, one sentence.
    pub about: &'static str,
    pub(super) kind: K,
    pub(super) input: Classes,
    pub(super) parameters: &'static [Parameter],
}

/// A parameter; arguments are given in order or by name.
#[derive(Debug)]
pub(super) struct Parameter {
    pub name: &'static str,
    pub allowed: Classes,
    pub required: bool,
}

/// What a filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `abs`
    Abs,
    /// `capitalize`
    Capitalize,
    /// `date`
    Date,
    /// `default`
    Default,
    /// `first`
    First,
    /// `float`
    Float,
    /// `int`
    Int,
    /// `join`
    Join,
    /// `last`
    Last,
    /// `length`
    Length,
    /// `lower`
    Lower,
    /// `map`
    Map,
    /// `replace`
    Replace,
    /// `reverse`
    Reverse,
    /// `round`
    Round,
    /// `sort`
    Sort,
    /// `split`
    Split,
    /// `string`
    String,
    /// `title`
    Title,
    /// `tojson`
    ToJson,
    /// `trim`
    Trim,
    /// `truncate`
    Truncate,
    /// `unique`
    Unique,
    /// `upper`
    Upper,
    /// `urlencode`
    UrlEncode,
}

/// What a test asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// `defined`
    Defined,
    /// `undefined`
    Undefined,
    /// `none`
    None,
    /// `string`
    String,
    /// `number`
    Number,
    /// `integer`
    Integer,
    /// `boolean`
    Boolean,
    /// `even`
    Even,
    /// `odd`
    Odd,
    /// `startingwith`
    StartingWith,
    /// `endingwith`
    EndingWith,
    /// `containing`
    Containing,
}

const fn required(name: &'static str, allowed: Classes) -> Parameter {
    Parameter { name, allowed, required: true }
}

const fn optional(name: &'static str, allowed: Classes) -> Parameter {
    Parameter { name, allowed, required: false }
}

const fn filter(
    name: &'static str,
    kind: Filter,
    input: Classes,
    parameters: &'static [Parameter],
    about: &'static str,
) -> Signature<Filter> {
    Signature { name, about, kind, input, parameters }
}

const fn test(name: &'static str, kind: Test, input: Classes, parameters: &'static [Parameter], about: &'static str) -> Signature<Test> {
    Signature { name, about, kind, input, parameters }
}

const TEXT: Classes = Classes::TEXT;
const TEXTUAL: Classes = Classes::TEXTUAL;
const NUMERIC: Classes = Classes::NUMERIC;
const LIST: Classes = Classes::LIST;
const SEQUENCE: Classes = TEXTUAL.or(LIST);
const ANYTHING: Classes = Classes::VALUE.or(Classes::SECRET);

/// Every filter, by name.
pub const FILTERS: &[Signature<Filter>] = &[
    filter("abs", Filter::Abs, NUMERIC, &[], "the number without its sign"),
    filter("capitalize", Filter::Capitalize, TEXT, &[], "first letter upper case, the rest lower case"),
    filter(
        "date",
        Filter::Date,
        Classes::DATE,
        &[required("format", TEXT)],
        "a date or time in a strftime format such as `%d.%m.%Y`, in UTC",
    ),
    filter(
        "default",
        Filter::Default,
        ANYTHING,
        &[required("value", Classes::VALUE), optional("boolean", Classes::BOOLEAN)],
        "the value, or another one where it is null or undefined; with `true` also where it is false, 0 or empty",
    ),
    filter("first", Filter::First, SEQUENCE, &[], "the first item or character; null when there is none"),
    filter("float", Filter::Float, Classes::SCALAR, &[], "as a number; null when the text is none"),
    filter("int", Filter::Int, Classes::SCALAR, &[], "as an integer, a fraction is cut off; null when the text is none"),
    filter("join", Filter::Join, LIST, &[optional("separator", TEXT)], "the items as one text"),
    filter("last", Filter::Last, SEQUENCE, &[], "the last item or character; null when there is none"),
    filter("length", Filter::Length, SEQUENCE.or(Classes::MAP), &[], "how many items or characters"),
    filter("lower", Filter::Lower, TEXT, &[], "in lower case"),
    filter("map", Filter::Map, LIST, &[required("attribute", TEXT)], "one attribute of each item, as a list"),
    filter("replace", Filter::Replace, TEXTUAL, &[required("from", TEXT), required("to", TEXT)], "every `from` replaced by `to`"),
    filter("reverse", Filter::Reverse, SEQUENCE, &[], "in the opposite order"),
    filter("round", Filter::Round, NUMERIC, &[optional("precision", Classes::INTEGER)], "rounded half away from zero, to so many digits"),
    filter("sort", Filter::Sort, LIST, &[], "the items in ascending order"),
    filter("split", Filter::Split, TEXTUAL, &[optional("separator", TEXT)], "the parts between separators, or between white space"),
    filter("string", Filter::String, Classes::SCALAR, &[], "as text"),
    filter("title", Filter::Title, TEXT, &[], "the first letter of each word in upper case"),
    filter("tojson", Filter::ToJson, Classes::VALUE, &[], "as JSON text"),
    filter("trim", Filter::Trim, TEXT, &[], "without white space around it"),
    filter(
        "truncate",
        Filter::Truncate,
        TEXTUAL,
        &[required("length", Classes::INTEGER)],
        "at most so many characters, the last one `…` when it was cut",
    ),
    filter("unique", Filter::Unique, LIST, &[], "each item once, in order of first appearance"),
    filter("upper", Filter::Upper, TEXT, &[], "in upper case"),
    filter("urlencode", Filter::UrlEncode, Classes::SCALAR, &[], "percent-encoded; a URL template does this by itself"),
];

/// Every test, by name.
pub const TESTS: &[Signature<Test>] = &[
    test("boolean", Test::Boolean, ANYTHING, &[], "true or false"),
    test("containing", Test::Containing, TEXTUAL, &[required("text", TEXT)], "the other text is in it"),
    test("defined", Test::Defined, ANYTHING, &[], "not undefined; null is defined"),
    test("endingwith", Test::EndingWith, TEXTUAL, &[required("text", TEXT)], "ends with the other text"),
    test("even", Test::Even, Classes::INTEGER, &[], "divisible by two"),
    test("integer", Test::Integer, ANYTHING, &[], "an integer"),
    test("none", Test::None, ANYTHING, &[], "null or undefined"),
    test("number", Test::Number, ANYTHING, &[], "an integer or a number"),
    test("odd", Test::Odd, Classes::INTEGER, &[], "not divisible by two"),
    test("startingwith", Test::StartingWith, TEXTUAL, &[required("text", TEXT)], "starts with the other text"),
    test("string", Test::String, ANYTHING, &[], "text"),
    test("undefined", Test::Undefined, ANYTHING, &[], "undefined: an attribute of something missing"),
];

/// Every function, by name.
pub const FUNCTIONS: &[&str] = &["changed"];

/// The row of this name.
pub(super) fn named<K>(table: &'static [Signature<K>], name: &str) -> Option<&'static Signature<K>> {
    table.iter().find(|signature| signature.name == name)
}
