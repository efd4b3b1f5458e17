//! What came of it all.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident: $add:ident;)*) => {
        /// Counters of one machine, since its start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($field: AtomicU64,)*
        }

        /// Their values at a moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Counters {
            $(pub(crate) fn $add(&self) {
                self.$field.fetch_add(1, Ordering::Relaxed);
            })*

            /// Their values now.
            pub fn stats(&self) -> Stats {
                Stats { $($field: self.$field.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Messages that came.
    heard: heard;
    /// Of these, what was no hint for us, came too fast, or found no look left.
    refused: refused;
    /// Of these, what muted peers said.
    muted: muted;
    /// Of these, what was known.
    repeated: repeated;
    /// Looks at the chain for a hint.
    looked: looked;
    /// Hints that the chain confirmed.
    confirmed: confirmed;
    /// Hints that it did not, and forgeries.
    wrong: wrong;
    /// Times that a peer was muted.
    mutings: muting;
    /// Messages told on to others.
    forwarded: forward;
    /// Messages that requesters have taken.
    told: told;
}

impl Counters {
    pub(crate) fn forwarded(&self, count: usize) {
        for _ in 0..count {
            self.forward();
        }
    }
}
