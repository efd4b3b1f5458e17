//! What machines compute to prove their capacity, and what those do that would prove more than they have.
//!
//! The least that a proof shows takes an optimised core seconds, so it is computed once in a process for each of the few
//! machines that compute at all, by the kernel that workers run: [blocks of some numbers](crate::chain::repeats) have the
//! same hash in every case, and what is computed follows from that and the worker's key.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use codec::Encode;
use frame_support::{dispatch::CheckIfFeeless, traits::fungible::Inspect};
use pallet_capacity::{Event, Proofs, Runs, Stage};
use sp_core::H256;
use sp_crypto_hashing::blake2_256;
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};
use sungrid_executor::{Engine, Limits, Module, PROOF_KERNEL, Task};
use sungrid_primitives::{
    capacity::{self, Frontier, Opening, Openings, Path, Run, STATE_BYTES, STRETCH, Shape, State},
    merkle,
};
use sungrid_runtime::{
    AccountId, Balances, Capacity, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, System,
    Treasury, constants::time::SLOT_DURATION,
};

use crate::{
    cast::{Cast, Character},
    chain::{self, Outcome},
    dice::Dice,
    finding::Finding,
};

/// The machines that compute. The others can only pretend to.
const PROVERS: [usize; 2] = [0, 22];
/// Slots from start to commitment for which a lane shows enough: the least that the chain takes, and one more.
pub const SLOTS: [u32; 2] = [10, 11];
/// Segments of a claim: as many as [`SLOTS`] ask of a lane.
const SEGMENTS: u32 = {
    let millis = SLOTS[1] as u64 * SLOT_DURATION;
    let fuel = millis / 1_000 * 2 * sungrid_primitives::suns::LANE_FUEL_PER_SECOND;
    let segments = fuel.div_ceil(capacity::STEPS as u64 * capacity::STEP_FUEL) as u32;
    segments.next_multiple_of(STRETCH)
};
/// Segments that somebody computes who leaves out a tenth.
const MOST: u32 = SEGMENTS / 10 * 9;
const SHAPE: Shape = Shape {
    lanes: 1,
    segments: SEGMENTS,
};

/// One lane of a claim, and the tree over it.
struct Lane {
    /// Before the first segment, and after each.
    states: Vec<State>,
    /// From the leaves up.
    levels: Vec<Vec<H256>>,
}

impl Lane {
    fn new(states: Vec<State>) -> Self {
        let mut levels = vec![states[1..].iter().map(capacity::leaf).collect::<Vec<_>>()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(merkle::parents(level));
        }
        Self { states, levels }
    }

    fn root(&self) -> H256 {
        self.levels[self.levels.len() - 1][0]
    }

    /// The siblings of the leaf of a segment on its way up.
    fn path(&self, segment: u32) -> Path {
        let mut at = segment as usize;
        let mut path = Vec::new();
        for level in &self.levels {
            path.extend(level.get(at ^ 1));
            at /= 2;
        }
        Path::truncate_from(path)
    }

    fn open(&self, (_, segment): (u32, u32)) -> Opening {
        Opening {
            start: self.states[segment as usize],
            before: segment
                .checked_sub(1)
                .map(|before| self.path(before))
                .unwrap_or_default(),
            after: self.path(segment),
        }
    }
}

/// What follows from a seed: computed, and with the last tenth made up.
struct Claims {
    computed: Lane,
    cut: Lane,
}

/// The states after each segment of a stretch.
fn stretch(kernel: &(Engine, Module), start: &State, salt: u64) -> Vec<State> {
    let mut stdin = capacity::to_bytes(start).to_vec();
    stdin.extend(salt.to_le_bytes());
    stdin.extend(STRETCH.to_le_bytes());
    let task = Task {
        stdin: stdin.into(),
        ..Task::default()
    };
    let limits = Limits {
        fuel: 128 * u64::from(STRETCH) * u64::from(capacity::STEPS),
        ..Limits::default()
    };
    let (engine, module) = kernel;
    let outcome = engine
        .run(module, &task, &limits)
        .expect("the kernel runs here");
    assert_eq!(outcome.stdout.len(), STRETCH as usize * STATE_BYTES);
    capacity::from_bytes(&outcome.stdout).collect()
}

fn compute(seed: &H256) -> Claims {
    static KERNEL: OnceLock<(Engine, Module)> = OnceLock::new();
    let kernel = KERNEL.get_or_init(|| {
        let engine = Engine::new(None).expect("an engine");
        let module = engine.compile(PROOF_KERNEL).expect("the kernel compiles");
        (engine, module)
    });
    let mut states = vec![capacity::lane_start(seed, 0)];
    let mut frontier = Frontier::default();
    for number in 0..SEGMENTS / STRETCH {
        let salt = capacity::salt(0, number, &frontier.lefts());
        let last = states[states.len() - 1];
        let ends = stretch(kernel, &last, salt);
        frontier.push(merkle::root_of(ends.iter().map(capacity::leaf).collect()));
        states.extend(ends);
    }
    let computed = Lane::new(states.clone());
    for state in &mut states[1 + MOST as usize..] {
        state[0] ^= 1;
    }
    Claims {
        computed,
        cut: Lane::new(states),
    }
}

/// The claims of a seed, which one thread computes while the others that want the same wait.
fn claims(seed: H256) -> Arc<Claims> {
    type Known = BTreeMap<H256, Arc<OnceLock<Arc<Claims>>>>;
    static KNOWN: Mutex<Known> = Mutex::new(Known::new());
    let cell = KNOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(seed)
        .or_default()
        .clone();
    cell.get_or_init(|| Arc::new(compute(&seed))).clone()
}

/// What nobody has computed.
fn made_up(worker: &AccountId) -> H256 {
    H256(blake2_256(&("made up", worker).encode()))
}

/// Whether a machine computes in a run that began in this block.
fn computes(worker: &AccountId, began: u32) -> bool {
    let machines = &Cast::get().machines;
    chain::repeats(began) && PROVERS.iter().any(|at| machines[*at].account == *worker)
}

fn seed(worker: &AccountId, began: u32) -> H256 {
    capacity::seed(&System::block_hash(began), worker.as_ref())
}

/// A commitment to what was computed, to nine tenths of that, or to nothing.
pub fn commit(worker: &AccountId, dice: &mut Dice) -> Option<RuntimeCall> {
    let began = Runs::<Runtime>::get(worker)?.at;
    let seed = seed(worker, began);
    let (shape, root) = if computes(worker, began) {
        let claims = claims(seed);
        let lane = if dice.once_in(3) {
            &claims.cut
        } else {
            &claims.computed
        };
        (SHAPE, lane.root())
    } else {
        let lanes = dice.within(1, 64);
        (Shape { lanes, ..SHAPE }, made_up(worker))
    };
    Some(pallet_capacity::Call::commit { seed, shape, root }.into())
}

/// How far a machine's proof is.
enum Claim {
    /// The clock runs.
    Begun,
    /// Segments are drawn and can be opened. With what was computed, if anything was, and whether the commitment is to all of it.
    Drawn {
        draw: H256,
        shape: Shape,
        lane: Option<(Arc<Claims>, bool)>,
    },
}

fn claim(worker: &AccountId) -> Option<Claim> {
    let began = match Runs::<Runtime>::get(worker)? {
        run if run.stage == Stage::Over => return None,
        run => run.at,
    };
    match Capacity::standing(worker.clone())?.run? {
        Run::Running { .. } => Some(Claim::Begun),
        Run::Committed {
            seed,
            shape,
            root,
            draw,
            until,
        } => {
            let draw = draw.filter(|_| System::block_number() <= until)?;
            let lane = (computes(worker, began) && root != made_up(worker)).then(|| {
                let claims = claims(seed);
                let is_cut = root == claims.cut.root();
                (claims, is_cut)
            });
            Some(Claim::Drawn { draw, shape, lane })
        }
    }
}

/// What a machine opens of what was drawn, and whether that holds: whether it has computed every one of these segments.
pub fn opened(worker: &AccountId) -> Option<(Openings, bool)> {
    let Claim::Drawn { draw, shape, lane } = claim(worker)? else {
        return None;
    };
    let samples = shape.samples(&draw);
    let Some((claims, is_cut)) = lane else {
        let nothing = Opening {
            start: [0; 8],
            before: Path::default(),
            after: Path::default(),
        };
        let openings = samples.iter().map(|_| nothing.clone()).collect();
        return Some((Openings::truncate_from(openings), false));
    };
    let lane = if is_cut {
        &claims.cut
    } else {
        &claims.computed
    };
    let openings = samples.iter().map(|sample| lane.open(*sample)).collect();
    let all_computed = !is_cut || samples.iter().all(|(_, segment)| *segment < MOST);
    Some((Openings::truncate_from(openings), all_computed))
}

/// What a machine does for its proof, in a shift: whoever pretends to compute opens nothing, and some who stall do not either.
pub fn next_call(worker: &AccountId, character: Character, dice: &mut Dice) -> Option<RuntimeCall> {
    let stalls = matches!(character, Character::Staller | Character::Withholder);
    let call = match claim(worker)? {
        Claim::Begun => commit(worker, dice)?,
        Claim::Drawn { .. } if !stalls => {
            let (openings, _) = opened(worker)?;
            pallet_capacity::Call::open { openings }.into()
        }
        Claim::Drawn { .. } => return None,
    };
    // Whoever looks first does not send what would fail; one in forty does not look.
    let looks = !dice.once_in(40);
    let fits = || call.is_feeless(&RuntimeOrigin::signed(worker.clone()));
    (!looks || fits()).then_some(call)
}

/// What must become of a call, by what its signer has computed.
pub enum Expected {
    /// It is about something else.
    Anything,
    /// Whether this opens what was drawn.
    Opened(bool),
    /// If it succeeds, the worker is slashed, and all of that goes to the treasury.
    Settled {
        /// The worker.
        worker: AccountId,
        /// Who says so.
        by: AccountId,
        /// What the treasury and who says so had before, planck.
        had: [u128; 2],
    },
}

fn wealth(by: &AccountId) -> [u128; 2] {
    [&Treasury::account_id(), by].map(Balances::total_balance)
}

impl Expected {
    /// What must become of this call, if it is about a proof.
    pub fn of(by: &AccountId, call: &RuntimeCall) -> Self {
        match call {
            RuntimeCall::Capacity(pallet_capacity::Call::open { openings }) => {
                let own = opened(by);
                Self::Opened(own.is_some_and(|(own, holds)| holds && own == *openings))
            }
            RuntimeCall::Capacity(pallet_capacity::Call::settle { worker }) => Self::Settled {
                worker: worker.clone(),
                by: by.clone(),
                had: wealth(by),
            },
            _ => Self::Anything,
        }
    }

    /// Whether it did.
    ///
    /// # Errors
    /// A finding, if not.
    pub fn check(self, outcome: Outcome) -> Result<(), Finding> {
        let full = TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources);
        match (self, outcome) {
            (Self::Opened(false), Outcome::Done) => Err(Finding::new(
                "what nobody computed was proven",
                "an opening that cannot hold",
            )),
            (Self::Opened(true), Outcome::Failed(_) | Outcome::Refused(_))
                if outcome != Outcome::Refused(full) =>
            {
                Err(Finding::new(
                    "what was computed could not be proven",
                    format!("{outcome:?}"),
                ))
            }
            (Self::Settled { worker, by, had }, Outcome::Done) => settled(&worker, &by, had),
            _ => Ok(()),
        }
    }
}

fn settled(worker: &AccountId, by: &AccountId, had: [u128; 2]) -> Result<(), Finding> {
    let slashed = System::read_events_no_consensus()
        .filter_map(|record| match record.event {
            RuntimeEvent::Capacity(Event::ClaimFalse {
                worker,
                slashed,
                bounty,
            }) => Some((worker, slashed, bounty)),
            _ => None,
        })
        .last();
    let [treasury, has] = wealth(by);
    // Who settles may have paid a fee, or be the one who is slashed.
    let fits = slashed.as_ref().is_some_and(|(of, slashed, bounty)| {
        of == worker
            && *bounty <= slashed / 10
            && treasury == had[0] + slashed - bounty
            && has <= had[1] + bounty
    });
    if !fits {
        return Err(Finding::new(
            "a false claim is not paid for to the treasury, but for a tenth to who settled it",
            format!(
                "{worker}: {slashed:?}, {had:?} became {:?}",
                [treasury, has]
            ),
        ));
    }
    let over = Runs::<Runtime>::get(worker).is_some_and(|run| run.stage == Stage::Over);
    if !over || Proofs::<Runtime>::contains_key(worker) {
        return Err(Finding::new(
            "who claimed falsely has a proof",
            worker.to_string(),
        ));
    }
    Ok(())
}

/// Machines that start a proof together, most of them some that compute.
pub fn claimants(dice: &mut Dice) -> Vec<usize> {
    let mut machines: Vec<usize> = PROVERS.to_vec();
    machines.retain(|_| !dice.once_in(4));
    for _ in 0..dice.within(0, 2) {
        let other = dice.below(Cast::get().machines.len() as u64) as usize;
        if !machines.contains(&other) {
            machines.push(other);
        }
    }
    machines
}

#[cfg(test)]
mod tests {
    use frame_support::traits::fungible::Mutate;
    use sungrid_runtime::constants::currency::ISC;

    use super::*;

    #[test]
    fn what_was_computed_holds_and_what_was_left_out_does_not() {
        let seed = H256::repeat_byte(5);
        let claims = claims(seed);
        let holds = |lane: &Lane, segment: u32| {
            let place = (0, segment);
            capacity::holds(&seed, &SHAPE, &lane.root(), place, &lane.open(place))
        };
        for segment in [0, 1, STRETCH, MOST - 1, MOST, MOST + 1, SEGMENTS - 1] {
            assert!(holds(&claims.computed, segment), "{segment}");
            assert_eq!(holds(&claims.cut, segment), segment < MOST, "{segment}");
        }
    }

    #[test]
    fn an_opening_must_come_to_what_it_should() {
        let refused = Outcome::Refused(InvalidTransaction::Payment.into());
        let full = Outcome::Refused(InvalidTransaction::ExhaustsResources.into());
        let of = |holds, outcome| Expected::Opened(holds).check(outcome).is_ok();
        assert!(of(true, Outcome::Done) && of(false, refused) && of(true, full));
        assert!(!of(false, Outcome::Done) && !of(true, refused));
    }

    #[test]
    fn a_false_claim_must_be_paid_for_to_the_treasury_but_for_a_bounty() {
        let (worker, by) = (AccountId::new([1; 32]), AccountId::new([2; 32]));
        let settles = |slashed, bounty, to_treasury, to_whoever, stage| {
            sp_io::TestExternalities::default().execute_with(|| {
                System::set_block_number(1);
                let give = |to: &AccountId, amount| {
                    let _ = <Balances as Mutate<_>>::mint_into(to, amount);
                };
                give(&by, ISC);
                give(&Treasury::account_id(), ISC);
                let call = pallet_capacity::Call::settle {
                    worker: worker.clone(),
                };
                let expected = Expected::of(&by, &call.into());
                give(&by, to_whoever);
                give(&Treasury::account_id(), to_treasury);
                let run = pallet_capacity::RunRecord {
                    at: 0,
                    time: 0,
                    stage,
                };
                Runs::<Runtime>::insert(&worker, run);
                let worker = worker.clone();
                System::deposit_event(RuntimeEvent::Capacity(Event::ClaimFalse {
                    worker,
                    slashed,
                    bounty,
                }));
                expected.check(Outcome::Done).is_ok()
            })
        };
        let (all, part) = (10 * ISC, 9 * ISC);
        assert!(settles(all, 0, all, 0, Stage::Over));
        assert!(settles(all, ISC, part, ISC, Stage::Over));
        assert!(!settles(all, 0, part, ISC, Stage::Over), "not announced");
        assert!(
            !settles(all, 2 * ISC, 8 * ISC, 2 * ISC, Stage::Over),
            "much"
        );
        assert!(!settles(all, 0, part, 0, Stage::Over), "burnt");
        assert!(!settles(all, ISC, part, 2 * ISC, Stage::Over), "minted");
        assert!(!settles(all, 0, all, 0, Stage::Running));
    }
}
