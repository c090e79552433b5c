//! How often each path, and each message at it, has come. The oldest are forgotten first.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::Turn;

/// Paths and messages that are counted at once; at 300 bytes each about 1 MiB.
const MOST: usize = 4096;
/// Characters of a `webhook-id` that are looked at; ours have 36.
const LONGEST_ID: usize = 128;

/// A path, and a message at it; an empty one stands for all.
type Key = (String, String);

#[derive(Debug, Default)]
pub(super) struct Counts {
    of: FxHashMap<Key, u64>,
    order: VecDeque<Key>,
}

impl Counts {
    /// Counts a request.
    pub(super) fn count(&mut self, path: &str, message: &str) -> Turn {
        let of_path = self.add((path.to_owned(), String::new()));
        let message: String = message.chars().take(LONGEST_ID).collect();
        // What has no id is a message of its own.
        let of_message = if message.is_empty() { 1 } else { self.add((path.to_owned(), message)) };
        Turn { of_path, of_message }
    }

    /// Begins anew for a path.
    pub(super) fn forget(&mut self, path: &str) {
        self.of.retain(|(of, _), _| of != path);
        self.order.retain(|(of, _)| of != path);
    }

    fn add(&mut self, key: Key) -> u64 {
        if let Some(count) = self.of.get_mut(&key) {
            *count += 1;
            return *count;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.of.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.of.insert(key, 1);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_messages_are_counted_apart_and_the_oldest_forgotten() {
        let mut counts = Counts::default();
        let turn = |of_path, of_message| Turn { of_path, of_message };
        assert_eq!(counts.count("erp", "m1"), turn(1, 1));
        assert_eq!(counts.count("erp", "m1"), turn(2, 2));
        assert_eq!(counts.count("erp", "m2"), turn(3, 1));
        assert_eq!(counts.count("other", "m1"), turn(1, 1));
        assert_eq!(counts.count("erp", ""), turn(4, 1));
        counts.forget("erp");
        assert_eq!(counts.count("erp", "m1"), turn(1, 1));
        assert_eq!(counts.count("other", "m1"), turn(2, 2));
        for n in 0..2 * MOST {
            counts.count("flood", &n.to_string());
        }
        assert!(counts.of.len() <= MOST && counts.order.len() <= MOST);
        assert_eq!(counts.count("other", "m1"), turn(1, 1));
    }
}
