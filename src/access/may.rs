//! Groups and verbs as types, so that what a handler needs stands in its signature and the compiler asks for it:
//! `Allowed<may::Webhooks, may::List>`.

use super::permission::{Group, Verb};

/// A group of permissions as a type.
pub trait GroupMarker: Send + Sync + 'static {
    /// Which.
    const GROUP: Group;
}

/// A verb as a type.
pub trait VerbMarker: Send + Sync + 'static {
    /// Which.
    const VERB: Verb;
}

macro_rules! markers {
    ($trait:ident, $constant:ident, $of:ident: $($name:ident),*) => {
        $(
            #[doc = concat!("[`", stringify!($of), "::", stringify!($name), "`] as a type.")]
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl $trait for $name {
                const $constant: $of = $of::$name;
            }
        )*
    };
}

markers!(GroupMarker, GROUP, Group: Objects, Webhooks, Deliveries, DivertedEvents, Keys, Node);
markers!(VerbMarker, VERB, Verb: Read, List, Write, Resend, Delete);
