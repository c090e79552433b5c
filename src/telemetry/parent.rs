//! The span of a trace in which a client makes its request, as it says in the header `traceparent` (W3C Trace Context). Read whether or not
//! spans are sent anywhere: the header costs a look-up, and the work that it belongs to goes on in other tasks.

use std::num::{NonZeroU64, NonZeroU128};

tokio::task_local! {
    static PARENT: Parent;
}

/// A client's span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The trace that it belongs to.
    pub trace: NonZeroU128,
    /// The span.
    pub span: NonZeroU64,
    /// Whether its trace is recorded.
    pub sampled: bool,
}

impl Parent {
    /// The value of a header `traceparent`: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. One that is not of this form is
    /// left out of account, as the standard asks.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = hex(version, 2)?;
        // Later versions may have more parts, the first one has not.
        if version == 0xff || version == 0 && parts.next().is_some() {
            return None;
        }
        let span = NonZeroU64::new(u64::try_from(hex(span, 16)?).ok()?)?;
        Some(Self { trace: NonZeroU128::new(hex(trace, 32)?)?, span, sampled: hex(flags, 2)? & 1 == 1 })
    }
}

/// A number of so many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let plain = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// Does the work of a client's request.
pub async fn within<F: Future>(parent: Option<Parent>, work: F) -> F::Output {
    match parent {
        Some(parent) => PARENT.scope(parent, work).await,
        None => work.await,
    }
}

/// What the client is doing whose request this task works for, if it says so.
#[must_use]
pub fn parent() -> Option<Parent> {
    PARENT.try_with(|parent| *parent).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_or_left_out_of_account() {
        let parent = Parent::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!((parent.trace.get(), parent.span.get()), (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7));
        assert!(parent.sampled);
        assert!(Parent::read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what").is_some_and(|parent| !parent.sampled));
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Parent::read(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_parent_is_that_of_the_work_and_of_nothing_else() {
        let of_a_client = Parent::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(within(of_a_client, async { parent() }).await, of_a_client);
        assert_eq!(within(of_a_client, within(None, async { parent() })).await, of_a_client);
        assert_eq!(parent(), None);
    }
}
