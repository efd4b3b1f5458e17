//! How the provider in charge of a large blob and its helpers share it, without a plan.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a helper takes at a time. Smaller ones cost a round trip each; larger ones keep the fast waiting for the slow.
pub(crate) const STRIPE: u64 = 4 << 20;

/// Where the provider in charge and its helpers meet, in bytes from the front.
pub(crate) struct Middle {
    open: Mutex<Range<u64>>,
}

impl Middle {
    pub(crate) fn new(size: u64) -> Self {
        Self {
            open: Mutex::new(0..size),
        }
    }

    fn open(&self) -> MutexGuard<'_, Range<u64>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The provider in charge has come to `at`; whether it has met the helpers.
    pub(crate) fn come_to(&self, at: u64) -> bool {
        let mut open = self.open();
        open.start = open.start.max(at);
        open.start >= open.end
    }

    /// The next stripe from the back; `None` when what is left is the one that is on its way from the front.
    pub(crate) fn take(&self) -> Option<Range<u64>> {
        let mut open = self.open();
        let end = open.end;
        let start = end.checked_sub(1)? / STRIPE * STRIPE;
        if start < open.start.saturating_add(STRIPE) {
            return None;
        }
        open.end = start;
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_and_back_meet_and_no_byte_is_taken_twice_or_left() {
        let size = 5 * STRIPE + 7;
        let middle = Middle::new(size);
        assert_eq!(middle.take(), Some(5 * STRIPE..size));
        assert!(!middle.come_to(1));
        assert_eq!(middle.take(), Some(4 * STRIPE..5 * STRIPE));
        assert!(!middle.come_to(STRIPE + 1));
        assert_eq!(middle.take(), Some(3 * STRIPE..4 * STRIPE));
        // Less than a stripe lies before the next one: it comes from the front.
        assert_eq!(middle.take(), None);
        assert!(!middle.come_to(3 * STRIPE - 1));
        assert!(middle.come_to(3 * STRIPE));
    }

    #[test]
    fn a_small_blob_is_left_to_the_front() {
        assert_eq!(Middle::new(0).take(), None);
        assert_eq!(Middle::new(STRIPE - 1).take(), None);
        assert_eq!(Middle::new(STRIPE).take(), None);
    }
}
