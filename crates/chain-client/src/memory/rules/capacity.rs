//! Capacity proofs: the same kernel and openings as on a real chain, with shorter waits.

use sungrid_primitives::capacity::{self, Opening};

use super::*;
use crate::{Standing, memory::hash_of};

/// Blocks from one run to the next.
const RUN_EVERY: BlockNumber = 4;
/// Blocks from a commitment to its draw.
const DRAW_DELAY: BlockNumber = 3;
/// Blocks in which what was drawn can be opened.
const OPEN_WINDOW: BlockNumber = 60;
/// Blocks for which a proof counts.
const VALIDITY: BlockNumber = 2_000;

impl State {
    fn seed(&self, worker: &AccountId, at: BlockNumber) -> H256 {
        capacity::seed(&hash_of(&self.genesis, at), worker.as_ref())
    }

    /// How a worker's capacity stands.
    pub(in crate::memory) fn standing(&self, worker: &AccountId) -> Option<Standing> {
        let record = self.workers.get(worker)?;
        let run = self.runs.get(worker).copied();
        let undecided = matches!(run, Some(Run::Committed { .. }));
        let may = self
            .next_runs
            .get(worker)
            .is_none_or(|next| *next <= self.number);
        Some(Standing {
            allowance: self.allowance,
            counted: record.counted,
            proven: self.fresh(worker),
            run,
            startable: record.state == WorkerState::Active && !undecided && may,
        })
    }

    fn fresh(&self, worker: &AccountId) -> Option<Proven<BlockNumber>> {
        let proof = self.proofs.get(worker).copied();
        proof.filter(|proof| proof.until >= self.number)
    }

    /// Brings what counts of everybody's capacity up to date.
    pub(super) fn count_capacity(&mut self) {
        let counted: Vec<_> = self
            .workers
            .iter()
            .map(|(id, worker)| {
                let proven = self.fresh(id).map_or(0, |proof| proof.capacity);
                (id.clone(), worker.capacity.min(proven.max(self.allowance)))
            })
            .collect();
        for (id, counted) in counted {
            if let Some(worker) = self.workers.get_mut(&id) {
                worker.counted = counted;
            }
        }
    }

    /// Draws what is to be opened of the commitments whose time has come.
    pub(super) fn draw_proofs(&mut self) {
        let (now, genesis) = (self.number, self.genesis);
        for run in self.runs.values_mut() {
            if let Run::Committed {
                seed,
                root,
                draw: draw @ None,
                until,
                ..
            } = run
                && now + OPEN_WINDOW >= *until
            {
                *draw = Some(capacity::draw(&hash_of(&genesis, now), seed, root));
            }
        }
        self.count_capacity();
    }

    pub(super) fn start_proof(&mut self, who: &AccountId) -> Dispatched {
        match self.standing(who) {
            Some(standing) if standing.startable => {}
            _ => return fail("Capacity", "TooSoon", "this worker may not start a run now"),
        }
        let at = self.number;
        self.runs.insert(who.clone(), Run::Running { at });
        self.next_runs.insert(who.clone(), at + RUN_EVERY);
        Ok(())
    }

    pub(super) fn commit_proof(
        &mut self,
        who: &AccountId,
        seed: H256,
        shape: Shape,
        root: H256,
    ) -> Dispatched {
        let Some(Run::Running { at }) = self.runs.get(who).copied() else {
            return fail("Capacity", "NotRunning", "start a run first");
        };
        if at >= self.number || seed != self.seed(who, at) || !shape.is_sound() {
            return fail("Capacity", "WrongSeed", "the run began in another block");
        }
        let run = Run::Committed {
            seed,
            shape,
            root,
            draw: None,
            until: self.number + DRAW_DELAY + OPEN_WINDOW,
        };
        self.runs.insert(who.clone(), run);
        Ok(())
    }

    pub(super) fn open_proof(&mut self, who: &AccountId, openings: &[Opening]) -> Dispatched {
        let Some(Run::Committed {
            seed,
            shape,
            root,
            draw: Some(draw),
            until,
        }) = self.runs.get(who).copied()
        else {
            return fail("Capacity", "NothingToOpen", "nothing is drawn");
        };
        if self.number > until || !capacity::all_hold(&seed, &shape, &root, &draw, openings) {
            return fail(
                "Capacity",
                "DoesNotHold",
                "these are not the segments that were drawn",
            );
        }
        self.runs.remove(who);
        // As if it had taken ten milliseconds: tests compute little.
        let fuel = shape.fuel_per_second(10);
        let capacity = u128::from(fuel) * 1_000_000 / u128::from(CPU_1.contains.fuel_per_second);
        let proof = Proven {
            capacity: capacity as u64,
            until: self.number + VALIDITY,
        };
        self.proofs.insert(who.clone(), proof);
        Ok(())
    }

    /// As on a real chain, but that it forgets at once: each false claim costs a tenth.
    pub(super) fn settle_proof(&mut self, who: &AccountId, worker: &AccountId) -> Dispatched {
        match self.runs.get(worker) {
            Some(Run::Committed { until, .. }) if *until < self.number => {}
            _ => return fail("Capacity", "NothingToSettle", "it can still be opened"),
        }
        self.runs.remove(worker);
        self.proofs.remove(worker);
        let Some(record) = self.workers.get_mut(worker) else {
            return Ok(());
        };
        let slashed = record.bond / 10;
        record.bond -= slashed;
        record.faults += 1;
        let operator = record.operator.clone();
        let is_its_own = who == worker || *who == operator;
        let bounty = if is_its_own { 0 } else { slashed / 10 };
        self.accounts.entry(operator).or_default().held -= slashed;
        self.accounts.entry(who.clone()).or_default().free += bounty;
        self.accounts.entry(TREASURY).or_default().free += slashed - bounty;
        self.events.push(Event::WorkerSlashed {
            worker: worker.clone(),
            amount: slashed,
        });
        Ok(())
    }
}
