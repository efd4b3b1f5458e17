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
/// is a miss.
const DECLINE_MARGIN: BlockNumber = 5;

/// Blocks before a commit deadline in which nothing is sealed any more of a batch that is given back: fewer, and there is no time left
/// to hand it back should the chain not take the part; more, and finished units go unpaid.
const PART_MARGIN: BlockNumber = 10;

/// Why a batch is given back.
#[derive(Clone, Copy)]
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
    /// The unit before which others are known to have cut it.
    pub(super) ends: Option<UnitIndex>,
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
            ends: None,
            told: false,
            revealed: false,
        }
    }

    /// Whether a worker that drains has to wait for it.
    pub(super) fn is_owed(&self, goal: Goal) -> bool {
        match self.entry.stage {
            Stage::Claimed => true,
            Stage::Sealed(_) => goal == Goal::Settled || !self.revealed,
            Stage::Settled => false,
        }
    }

    pub(super) fn is_working(&self) -> bool {
        self.entry.stage == Stage::Claimed
    }

    /// Forgets what failed before a unit was finished: the time that a requester is given begins anew.
    pub(super) fn note_progress(&mut self) {
        if let Some(Activity::Working(_, progress)) = &self.activity
            && progress.has_advanced()
        {
            self.failures = 0;
            self.decline_from = None;
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

    /// Whether it is time to give it back, while there still is time: it waits for its input, or for what its job's units
    /// share.
    pub(super) fn is_to_be_declined(
        &self,
        now: BlockNumber,
        due: Option<BlockNumber>,
        is_preparing: bool,
    ) -> bool {
        let waits = match &self.activity {
            None => is_preparing || self.decline_from.is_some(),
            Some(Activity::Working(_, progress)) => progress.is_fetching(),
            Some(_) => false,
        };
        waits && (self.decline_from.is_some_and(|from| now >= from) || is_late(now, due))
    }

    pub(super) fn note_phase(&mut self, phase: Phase) {
        self.held |= self.is_working() && !phase.state.may_work();
    }

    /// Whether it is time to give it back for the machine's owner, while there still is time: at once when the policy says so, or
    /// when it stood still and cannot be in time any more.
    pub(super) fn is_to_be_vacated(
        &mut self,
        now: BlockNumber,
        due: Option<BlockNumber>,
        phase: Phase,
    ) -> bool {
        self.note_phase(phase);
        let is_ours = matches!(self.activity, None | Some(Activity::Working(..)));
        is_ours && self.held && (phase.state == State::Vacating || is_late(now, due))
    }

    /// Notes a failed step: twice the pause after each, so that a lasting fault does not fill the log.
    pub(super) fn failed(&mut self, now: BlockNumber) {
        self.activity = None;
        self.not_before = now.saturating_add(1 << self.failures.min(5));
        self.failures += 1;
    }
}

/// Whether there is time to seal a part of it, and to give it back all the same.
pub(super) fn is_time_for_a_part(now: BlockNumber, due: Option<BlockNumber>) -> bool {
    due.is_none_or(|due| now.saturating_add(PART_MARGIN) < due)
}

/// Whether a decline has to be sent now to be in time.
fn is_late(now: BlockNumber, due: Option<BlockNumber>) -> bool {
    due.is_some_and(|due| now.saturating_add(DECLINE_MARGIN) >= due)
}
