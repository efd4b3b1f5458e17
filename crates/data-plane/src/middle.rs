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

    /// The provider in charge has sent a piece; `None` if a helper has it, or else whether it is the last one before those that helpers have. What is here
    /// from former tries is not sent, so that it may come far in one step.
    pub(crate) fn come(&self, piece: Range<u64>) -> Option<bool> {
        let mut open = self.open();
        if piece.start >= open.end {
            return None;
        }
        open.start = open.start.max(piece.end);
        Some(open.start >= open.end)
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
        assert_eq!(middle.come(0..1), Some(false));
        assert_eq!(middle.take(), Some(4 * STRIPE..5 * STRIPE));
        assert_eq!(middle.come(1..STRIPE + 1), Some(false));
        assert_eq!(middle.take(), Some(3 * STRIPE..4 * STRIPE));
        // Less than a stripe lies before the next one: it comes from the front.
        assert_eq!(middle.take(), None);
        assert_eq!(middle.come(STRIPE + 1..3 * STRIPE - 1), Some(false));
        assert_eq!(middle.come(3 * STRIPE - 1..3 * STRIPE), Some(true));
    }

    #[test]
    fn what_comes_after_a_gap_is_not_taken_from_a_helper_that_has_it() {
        // GIVEN a blob of which all but a piece in front and the last two stripes is here
        let middle = Middle::new(4 * STRIPE);
        assert_eq!(middle.come(0..1), Some(false));
        assert_eq!(middle.take(), Some(3 * STRIPE..4 * STRIPE));
        assert_eq!(middle.take(), Some(2 * STRIPE..3 * STRIPE));
        // WHEN the provider in charge comes to the second, a helper has it already; or the other way round.
        assert_eq!(middle.come(2 * STRIPE..2 * STRIPE + 1), None);
        let middle = Middle::new(4 * STRIPE);
        assert_eq!(middle.take(), Some(3 * STRIPE..4 * STRIPE));
        assert_eq!(middle.come(2 * STRIPE..2 * STRIPE + 1), Some(false));
        assert_eq!(middle.take(), None);
    }

    #[test]
    fn a_small_blob_is_left_to_the_front() {
        assert_eq!(Middle::new(0).take(), None);
        assert_eq!(Middle::new(STRIPE - 1).take(), None);
        assert_eq!(Middle::new(STRIPE).take(), None);
    }
}
