//! The liveness lottery: who has to show that it is there (protocol section 4, requirements S10 X4).

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_crypto_hashing::blake2_256;

/// Workers drawn per block, with repetition. The cost of the lottery, whatever the size of the fleet: fewer, and a
/// dead worker of a large fleet is found later; more, and answers take up the block.
pub const DRAWS: u32 = 20;

/// One block's draw.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Draw {
    /// What the tickets are made from.
    pub seed: H256,
    /// Workers that there were: they had the indices below.
    pub workers: u32,
}

impl Draw {
    /// The indices of the workers that are drawn; one may come up twice.
    pub fn tickets(&self) -> impl Iterator<Item = u32> + '_ {
        // Without workers nobody is drawn.
        let draws = if self.workers == 0 { 0 } else { DRAWS };
        (0..draws).map(|ticket| {
            let hash = blake2_256(&(self.seed, ticket).encode());
            // 64 bits over at most 2^32 workers leave no bias to speak of.
            let number = hash
                .iter()
                .take(8)
                .fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
            (number % u64::from(self.workers)) as u32
        })
    }

    /// Whether the worker with this index is drawn.
    pub fn has(&self, index: u32) -> bool {
        self.tickets().any(|ticket| ticket == index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, workers: u32) -> Draw {
        Draw {
            seed: H256::from_low_u64_be(seed),
            workers,
        }
    }

    #[test]
    fn nobody_is_drawn_of_none_and_the_only_one_always() {
        assert_eq!(draw(1, 0).tickets().count(), 0);
        assert!(!draw(1, 0).has(0));
        assert!(draw(1, 1).tickets().all(|ticket| ticket == 0));
    }

    #[test]
    fn every_index_comes_up_about_equally_often() {
        let workers = 100;
        let mut seen = vec![0u32; workers as usize];
        for seed in 0..1_000 {
            let draw = draw(seed, workers);
            for ticket in draw.tickets() {
                assert!(draw.has(ticket));
                seen[ticket as usize] += 1;
            }
        }
        // 200 expected each; a fair draw strays beyond ±80 once in a million runs.
        assert!(seen.iter().all(|count| (120..280).contains(count)));
    }
}
