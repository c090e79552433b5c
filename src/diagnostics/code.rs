//! The table of codes. A code is never reused; a row that goes away leaves its number behind.

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably not what was meant.
    Warning,
    /// Cannot be run.
    Error,
}

impl Severity {
    /// The word used in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

macro_rules! codes {
    ($($variant:ident $number:literal $name:literal $severity:ident,)*) => {
        /// A kind of diagnostic. Its page says what, why, a wrong and a right example.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!("`WH", $number, "` ", $name)] $variant,)*
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// `WH0203`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => concat!("WH", $number),)* }
            }

            /// `unknown-reference`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How bad it is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    AttributeWithoutValue "0001" "attribute-without-value" Error,
    UnquotedValue "0002" "unquoted-value" Error,
    UnexpectedCloseTag "0003" "unexpected-close-tag" Error,
    UnclosedTag "0004" "unclosed-tag" Error,
    DuplicateAttribute "0005" "duplicate-attribute" Error,
    BadEntityName "0006" "bad-entity-name" Error,
    BadCharacterReference "0007" "bad-character-reference" Error,
    MalformedComment "0008" "malformed-comment" Error,
    TextOutsideRoot "0009" "text-outside-root" Error,
    EmptyDocument "0010" "empty-document" Error,
    LtInAttribute "0011" "lt-in-attribute" Error,
    SecondRoot "0012" "second-root" Error,
    ControlCharacter "0013" "control-character" Error,
    DoctypeForbidden "0014" "doctype-forbidden" Error,
    NotUtf8 "0015" "not-utf8" Error,
    FileTooLarge "0016" "file-too-large" Error,
    NestingTooDeep "0017" "nesting-too-deep" Error,
    WrongRoot "0101" "wrong-root" Error,
    NoModel "0102" "no-model" Error,
    UnknownElement "0103" "unknown-element" Warning,
    UnexpectedText "0104" "unexpected-text" Warning,
    UnknownAttribute "0105" "unknown-attribute" Warning,
    MissingAttribute "0106" "missing-attribute" Error,
    BlankAttribute "0107" "blank-attribute" Error,
    InvalidValue "0108" "invalid-value" Error,
    ElementOrder "0109" "element-order" Error,
    DeprecatedAttribute "0110" "deprecated-attribute" Warning,
    InvalidName "0201" "invalid-name" Error,
    ReservedName "0202" "reserved-name" Error,
    UnknownReference "0203" "unknown-reference" Error,
    DuplicateDefinition "0204" "duplicate-definition" Error,
    NameCollision "0205" "name-collision" Error,
    UnknownType "0206" "unknown-type" Error,
    UnknownTextFormat "0207" "unknown-text-format" Error,
    MisplacedTextFormat "0208" "misplaced-text-format" Warning,
    MissingMedia "0209" "missing-media" Error,
    DiscouragedName "0210" "discouraged-name" Warning,
    IdSuffix "0211" "id-suffix" Warning,
    BooleanOptionKey "0212" "boolean-option-key" Error,
    BooleanOptionCount "0213" "boolean-option-count" Error,
    MissingOptionKey "0214" "missing-option-key" Error,
    BadIntegerKey "0215" "bad-integer-key" Error,
    NoOptions "0216" "no-options" Error,
    MissingInverse "0220" "missing-inverse" Error,
    AmbiguousInverse "0221" "ambiguous-inverse" Error,
    InverseTaken "0222" "inverse-taken" Error,
    InversePointsElsewhere "0223" "inverse-points-elsewhere" Error,
    WebhookType "0301" "webhook-type" Error,
    UnknownReceiver "0302" "unknown-receiver" Error,
    MissingAction "0303" "missing-action" Error,
    ActionWithoutReceiver "0304" "action-without-receiver" Error,
    BadBoolean "0305" "bad-boolean" Error,
    BadState "0306" "bad-state" Error,
    StateOnPlainField "0307" "state-on-plain-field" Warning,
    EmbedOnPlainField "0308" "embed-on-plain-field" Warning,
    NeverFires "0309" "never-fires" Error,
    UnboundedEmbed "0310" "unbounded-embed" Error,
    DuplicateEventName "0311" "duplicate-event-name" Error,
    EventNameNotAName "0312" "event-name-not-a-name" Warning,
    WebhookWithoutTarget "0313" "webhook-without-target" Warning,
    FiresOnEverySave "0314" "fires-on-every-save" Info,
    TemplateSyntax "0401" "template-syntax" Error,
    UnknownVariable "0402" "unknown-variable" Error,
    UnknownFilter "0403" "unknown-filter" Error,
    UnknownFunctionOrTest "0404" "unknown-function-or-test" Error,
    NotEmbedded "0405" "not-embedded" Error,
    TypeMismatch "0406" "type-mismatch" Error,
    MayBeMissing "0407" "may-be-missing" Warning,
    AlwaysMissing "0408" "always-missing" Error,
    TemplateNotFound "0409" "template-not-found" Error,
    TemplateTooCostly "0410" "template-too-costly" Error,
    UrlHostFromData "0501" "url-host-from-data" Error,
    InvalidUrl "0502" "invalid-url" Error,
    InsecureTarget "0503" "insecure-target" Warning,
    InvalidJsonBody "0504" "invalid-json-body" Error,
    HeaderInjection "0505" "header-injection" Error,
    ReservedHeader "0506" "reserved-header" Error,
    SecretInBody "0507" "secret-in-body" Error,
    UndeclaredVariable "0508" "undeclared-variable" Error,
    MissingDisplay "0601" "missing-display" Error,
    DuplicateDisplay "0602" "duplicate-display" Error,
    StrayBrace "0603" "stray-brace" Error,
    BadFormatSpec "0604" "bad-format-spec" Error,
    UnsupportedExpression "0605" "unsupported-expression" Error,
    FormatConditional "0606" "format-conditional" Error,
    DisplayRecursion "0607" "display-recursion" Error,
    NotIndexable "0702" "not-indexable" Error,
    BadDatabase "0703" "bad-database" Error,
    DuplicateIndexKey "0704" "duplicate-index-key" Error,
    NotifyFieldType "0711" "notify-field-type" Error,
    NotifyNotARelation "0712" "notify-not-a-relation" Error,
    BadBadgeField "0713" "bad-badge-field" Error,
    BadNotifyMessage "0714" "bad-notify-message" Error,
    TestSyntax "0801" "test-syntax" Error,
    UnknownTestKey "0802" "unknown-test-key" Error,
    BadTestValue "0803" "bad-test-value" Error,
    UnknownTestName "0804" "unknown-test-name" Error,
    BadTestSave "0805" "bad-test-save" Error,
    UnusedSuppression "0901" "unused-suppression" Warning,
    SuppressionWithoutReason "0902" "suppression-without-reason" Error,
}

impl Code {
    /// The code with this number (`WH0203`) or name (`unknown-reference`), in any case.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(text) || code.name().eq_ignore_ascii_case(text))
    }
}
