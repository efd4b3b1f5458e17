//! A batch in hand: what is being done for it, and when it is time to give it back.

use std::sync::Arc;

use sungrid_chain_client::BlockNumber;
use sungrid_idle::State;
use sungrid_primitives::UnitIndex;
use tokio::task::AbortHandle;

use crate::{
    control::Goal,
    idle::Phase,
    journal::{Entry, Stage},
    work::{Progress, WorkError},
};

/// Blocks in which an input that cannot be fetched is tried again before the batch is declined. Fewer, and a requester
/// that starts its machine anew is paused; more, and this machine waits as long for other work.
const FETCH_PATIENCE: BlockNumber = 20;
/// Blocks before a commit deadline in which a decline that is due has to be sent: fewer, and it may come too late, which
/// is a miss. As many before the chain has who declines rest.
const DECLINE_MARGIN: BlockNumber = 5;

/// Blocks before a commit deadline in which nothing is sealed any more of a batch that is given back: fewer, and there is no time left
/// to hand it back should the chain not take the part; more, and finished units go unpaid.
const PART_MARGIN: BlockNumber = 10;
/// Blocks before a commit deadline in which a batch that stands still for the machine's owner is given back. Fewer, and a block that is not seen leaves no
/// time for a part; more, and an owner who leaves in time finds nothing to go on with.
const STILL_MARGIN: BlockNumber = PART_MARGIN + 4;

/// Why a batch is given back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenBack {
    /// Its input is not to be had.
    NoInput,
    /// The machine's owner needs it.
    Vacated,
}

/// What is being done for a batch right now.
pub(super) enum Activity {
    Working(AbortHandle, Arc<Progress>),
    Declining,
    Committing,
    /// Sent; looked at again when this block has come.
    CommitSent(BlockNumber),
    Revealing,
}

/// A batch in hand, with what need not survive a restart.
pub(super) struct InHand {
    pub(super) entry: Entry,
    pub(super) activity: Option<Activity>,
    /// Tries that failed, and the block from which on the next is made.
    pub(super) failures: u32,
    pub(super) not_before: BlockNumber,
    /// The block from which on it is declined, as its input is not to be had.
    pub(super) decline_from: Option<BlockNumber>,
    /// Since when the chain does not know that we have it.
    pub(super) missing_since: Option<BlockNumber>,
    /// Whether it stood still for the machine's owner.
    pub(super) held: bool,
    /// Whether it can be handed back for its owner, as far as was seen.
    pub(super) may_hand_back: bool,
    /// Whether what is finished of it can be sealed then, as far as was seen.
    pub(super) may_cut: bool,
    /// Why a part of it was sealed, if one was. That is not in the journal: a process after this one hands back.
    pub(super) parted_for: GivenBack,
    /// Whether the first of its units is finished, as far as was seen.
    pub(super) has_first: bool,
    /// The first of its units whose input the last run did not get.
    pub(super) missing: Option<UnitIndex>,
    /// The unit before which others are known to have cut it.
    pub(super) ends: Option<UnitIndex>,
    /// The block after whose finality nothing can take its end back, while it can.
    pub(super) ended_at: Option<BlockNumber>,
    pub(super) told: bool,
    /// The chain has our reveal: nothing of it is left to do but to wait.
    pub(super) revealed: bool,
}

impl InHand {
    pub(super) fn new(entry: Entry) -> Self {
        Self {
            entry,
            activity: None,
            failures: 0,
            not_before: 0,
            decline_from: None,
            missing_since: None,
            held: false,
            may_hand_back: true,
            may_cut: true,
            parted_for: GivenBack::Vacated,
            has_first: false,
            missing: None,
            ends: None,
            ended_at: None,
            told: false,
            revealed: false,
        }
    }

    /// Whether a worker that drains has to wait for it.
    pub(super) fn is_owed(&self, goal: Goal) -> bool {
        match self.entry.stage {
            Stage::Claimed => true,
            Stage::Sealed(_) => goal == Goal::Settled || !self.revealed,
            Stage::Settled | Stage::Left => false,
        }
    }

    pub(super) fn is_working(&self) -> bool {
        self.entry.stage == Stage::Claimed
    }

    /// Forgets what failed before a unit was finished: the time that a requester is given begins anew.
    pub(super) fn note_progress(&mut self) {
        if let Some(Activity::Working(_, progress)) = &self.activity {
            self.has_first |= progress.has_first();
            self.missing = progress.missing();
            if progress.has_advanced() {
                self.failures = 0;
                self.decline_from = None;
            }
        }
    }

    /// Notes why it was not computed: a requester that withholds its input is given some time, one that serves nonsense,
    /// or more than this worker takes, none.
    pub(super) fn not_computed(&mut self, now: BlockNumber, error: &WorkError) {
        if !error.is_reason_to_decline() {
            self.decline_from = None;
        } else if error.is_retryable() {
            self.decline_from
                .get_or_insert(now.saturating_add(FETCH_PATIENCE));
        } else {
            self.decline_from = Some(now);
        }
    }

    /// Notes that it is about to be given back.
    pub(super) fn note_given_up(&mut self, why: GivenBack, now: BlockNumber) {
        if why == GivenBack::NoInput {
            // Should this try be lost, the next does not wait any more.
            self.decline_from.get_or_insert(now);
        }
    }

    /// Whether it waits for its input, or for what its job's units share, and nothing else can be done for it.
    fn waits(&self, is_preparing: bool) -> bool {
        match &self.activity {
            None => is_preparing || self.decline_from.is_some(),
            Some(Activity::Working(_, progress)) => progress.is_fetching(),
            Some(_) => false,
        }
    }

    /// Whether it is time to give it back, while there still is time: it waits, and has waited for long, or there is no time left.
    pub(super) fn is_to_be_declined(
        &self,
        now: BlockNumber,
        time: &Time,
        is_preparing: bool,
    ) -> bool {
        let waits = self.waits(is_preparing);
        let is_due = self.decline_from.is_some_and(|from| now >= from);
        waits && (is_due || time.is_up_for_who_waits(now, self.has_part()))
    }

    /// Whether something of it may be sealed when it is given back.
    fn has_part(&self) -> bool {
        self.has_first && self.may_cut && self.may_hand_back
    }

    pub(super) fn note_phase(&mut self, phase: Phase) {
        self.held |= self.is_working() && !phase.state.may_work();
    }

    /// Whether it is time to give it back for the machine's owner, while there still is time: at once when the policy says so, or
    /// when it stood still and cannot be in time any more.
    pub(super) fn is_to_be_vacated(
        &mut self,
        now: BlockNumber,
        time: &Time,
        phase: Phase,
        is_preparing: bool,
    ) -> bool {
        self.note_phase(phase);
        let is_ours = matches!(self.activity, None | Some(Activity::Working(..)));
        let is_up = match phase.state.may_work() {
            true => time.is_up(now),
            false => time.is_up_for_who_stands_still(now),
        };
        let waits = self.waits(is_preparing) && time.is_up_for_who_waits(now, self.has_part());
        is_ours && self.held && (phase.state == State::Vacating || is_up || waits)
    }

    /// Notes a failed step: twice the pause after each, so that a lasting fault does not fill the log.
    pub(super) fn failed(&mut self, now: BlockNumber) {
        self.activity = None;
        self.not_before = now.saturating_add(1 << self.failures.min(5));
        self.failures += 1;
    }
}

/// By when a batch has to be sealed.
pub(super) struct Time {
    /// The last block for that.
    pub(super) due: Option<BlockNumber>,
    /// Blocks that a batch of its job takes at its limits: who gives it back when fewer are left rests for that.
    pub(super) takes: BlockNumber,
}

impl Time {
    fn is_within(&self, now: BlockNumber, margin: BlockNumber) -> bool {
        self.due
            .is_some_and(|due| now.saturating_add(margin) >= due)
    }

    /// Whether there is time to seal a part of it, and to give it back all the same.
    pub(super) fn is_there_for_a_part(&self, now: BlockNumber) -> bool {
        !self.is_within(now, PART_MARGIN)
    }

    /// Whether a decline has to be sent now to be in time.
    fn is_up(&self, now: BlockNumber) -> bool {
        self.is_within(now, DECLINE_MARGIN)
    }

    fn is_up_for_who_stands_still(&self, now: BlockNumber) -> bool {
        self.is_within(now, STILL_MARGIN)
    }

    /// Whether who waits for somebody else gives up: in time to rest for nothing, or, where it is too late for that, for nothing to be missed;
    /// who has a part to seal, for that.
    fn is_up_for_who_waits(&self, now: BlockNumber, has_part: bool) -> bool {
        // By the next block, the first that it can be in.
        let is_free = !self.is_within(now, self.takes);
        let is_soon = self.is_within(now, self.takes.saturating_add(DECLINE_MARGIN));
        let is_up = match has_part {
            true => self.is_within(now, STILL_MARGIN),
            false => self.is_up(now),
        };
        is_up || (is_free && is_soon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_gives_up_in_time_to_rest_for_nothing_or_else_at_the_last_moment() {
        let time = Time {
            due: Some(200),
            takes: 30,
        };
        let blocks = (0..=200).filter(|now| time.is_up_for_who_waits(*now, false));
        // In a block up to 170 it is in time, by the chain's rule; what is sent in one is in the next at the earliest.
        let expected = (165..170).chain(195..=200);
        assert_eq!(blocks.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        // With a part, in time for the chain's word on that.
        let blocks = (0..=200).filter(|now| time.is_up_for_who_waits(*now, true));
        let expected = (165..170).chain(186..=200);
        assert_eq!(blocks.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        assert!(time.is_there_for_a_part(186));
        let without = Time { due: None, ..time };
        assert!(
            !(0..=u32::MAX - 1)
                .step_by(1 << 20)
                .any(|now| without.is_up_for_who_waits(now, true))
        );
        let endless = Time {
            due: Some(u32::MAX),
            takes: u32::MAX,
        };
        assert!(!endless.is_up_for_who_waits(0, true));
        assert!(endless.is_up_for_who_waits(u32::MAX, false));
    }
}
