//! Whether something is missing that the consumer has handed out: it numbers what it hands out. A message is missing that got lost on the
//! way, or was given up here after a long pause, and it comes again only when its time to be acknowledged is over. Until then nothing behind
//! it may be taken in, where saves of an object keep their order.

use async_nats::jetstream::Message;

use super::Stopped;

/// What is said of a gap.
const GAP: &str = "messages that were handed out have not come, as after a break of the connection or a long pause, or when somebody else reads the same \
                   consumer; they come again, and those behind them after them";

/// How many messages have been handed out, as far as they have come; `None`: others read, too.
pub(super) struct HandedOut(Option<u64>);

impl HandedOut {
    /// So many, and whatever comes from here on is for this node.
    pub(super) fn through(count: u64) -> Self {
        Self(Some(count))
    }

    /// To several, so that nobody knows.
    pub(super) fn by_several() -> Self {
        Self(None)
    }

    /// Removes what is behind a gap, and says so.
    pub(super) fn up_to_gap(&mut self, messages: &mut Vec<Message>) -> Result<Option<Stopped>, Stopped> {
        let numbers = messages.iter().map(|message| message.info().map(|info| info.consumer_sequence));
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        let whole = self.whole(&numbers);
        messages.truncate(whole);
        Ok((whole < numbers.len()).then(|| GAP.to_owned()))
    }

    /// How many of these follow each other.
    fn whole(&mut self, numbers: &[u64]) -> usize {
        let Some(last) = &mut self.0 else { return numbers.len() };
        let follows = |number: &&u64| {
            let is_next = **number == last.saturating_add(1);
            *last = if is_next { **number } else { *last };
            is_next
        };
        numbers.iter().take_while(follows).count()
    }
}

#[cfg(test)]
mod tests {
    use super::HandedOut;

    #[test]
    fn what_is_behind_a_gap_is_not_taken() {
        let mut one = HandedOut::through(4);
        assert_eq!([one.whole(&[5, 6]), one.whole(&[]), one.whole(&[7, 9, 10]), one.whole(&[9])], [2, 0, 1, 0]);
        assert_eq!(HandedOut::through(4).whole(&[3]), 0, "a server that was put back hands out what it had handed out");
        assert_eq!(HandedOut::by_several().whole(&[3, 9]), 2);
    }
}
