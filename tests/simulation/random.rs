//! Choices from a seed.

use webhookc::time::{Entropy as _, SeededEntropy};

/// The same seed makes the same choices.
#[derive(Debug)]
pub struct Random(pub SeededEntropy);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)))
    }

    pub fn word(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Less than `bound`, which is not 0.
    pub fn below(&self, bound: usize) -> usize {
        usize::try_from(self.word() % bound as u64).unwrap()
    }

    /// True once in `times`.
    pub fn once_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }
}
