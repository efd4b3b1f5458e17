//! One step after the other.

use frame_support::traits::{FindAuthor, KeyOwnerProofSystem};
use pallet_session::SessionInterface;
use pallet_verification::Trusts;
use pallet_workers::Call as WorkersCall;
use sp_consensus_babe::{
    AuthorityId, EquivocationProof, KEY_TYPE,
    digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
};
use sp_core::{Pair, ed25519, sr25519};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{Digest, DigestItem, traits::Header as _};
use sungrid_primitives::{
    attributes::TaskClass,
    policy::{RESULTS_PER_LIE, Trust},
    registration::registration_payload,
    suns::Resources,
    traits::CPU_1_ID,
};
use sungrid_runtime::{
    Babe, Balances, BlockNumber, Hash, Header, Historical, Market, Rewards, Runtime, RuntimeCall,
    RuntimeOrigin, Session, SessionKeys, System,
    constants::{
        currency::ISC,
        time::{EPOCH_DURATION_IN_SLOTS, HOURS},
    },
    genesis_config_presets::ENVIRONMENTS,
};

use crate::{
    calls::{self, By},
    cast::{Actor, Cast, Character, MACHINES},
    chain::{self, Chain, Outcome},
    coverage::Coverage,
    dice::Dice,
    finding::Finding,
    invariants, orders,
    proof::{self, Expected},
    suspects::Suspects,
    work,
};

/// What happens in a step.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// For some blocks every machine does what it does next, one after the other.
    Shift,
    /// A single machine does.
    Machine,
    /// Some calls by whom they are meant for.
    Calls,
    /// A call by somebody else.
    Stranger,
    /// Several calls of one signer, all or nothing or as far as they go.
    Together,
    /// A keeper plants the answer to an order that is made next.
    Canary,
    /// Some machines prove their capacity, or something else.
    Proof,
    /// A few blocks.
    Blocks,
    /// As many as a deadline is away, at work or in silence.
    Wait,
    /// As many as records are kept.
    Retention,
    /// The network is down for most of a session, or several.
    Outage,
    /// A validator is caught with two blocks in one slot.
    Equivocation,
    /// Somebody gets or gives up the keys that a validator needs.
    Keys,
    /// Money moves, down to the last of an account.
    Money,
    /// Waits that are longer than any case are over.
    Patience,
    /// Somebody asks the chain why, and how much.
    Question,
}

const KINDS: [(u64, Kind); 16] = [
    (300, Kind::Shift),
    (60, Kind::Machine),
    (450, Kind::Calls),
    (80, Kind::Stranger),
    (30, Kind::Together),
    (20, Kind::Canary),
    (14, Kind::Proof),
    (120, Kind::Blocks),
    (40, Kind::Wait),
    (3, Kind::Retention),
    (20, Kind::Outage),
    (16, Kind::Equivocation),
    (15, Kind::Keys),
    (20, Kind::Money),
    (30, Kind::Patience),
    (20, Kind::Question),
];

/// A history while it happens.
pub struct Play {
    chain: Chain,
    issued: u128,
    suspects: Suspects,
    /// What it reached.
    pub coverage: Coverage,
    /// Its calls, if they are wanted.
    pub log: Option<Vec<String>>,
}

impl Play {
    /// A market in which everybody is registered and nobody has ordered anything, `wait` slots later.
    pub fn begin(wait: u64) -> Self {
        let mut chain = Chain::prepared(prepare, wait);
        let issued = chain.state.execute_with(Balances::total_issuance);
        Self {
            chain,
            issued,
            suspects: Suspects::default(),
            coverage: Coverage::default(),
            log: None,
        }
    }

    /// Carries a step out and checks what must hold after it.
    ///
    /// # Errors
    /// What did not.
    pub fn step(&mut self, step: u64) -> Result<(), Finding> {
        let mut dice = Dice::new(step);
        let kind = dice.weighted(&KINDS);
        match kind {
            Kind::Blocks => self.blocks(dice.within(1, 6)),
            Kind::Wait if dice.once_in(3) => self.blocks(dice.within(20, 210)),
            Kind::Wait => (0..dice.within(2, 12)).try_for_each(|_| {
                self.calls(Kind::Shift, &mut dice)?;
                self.blocks(9)
            }),
            Kind::Shift => (0..dice.within(1, 4)).try_for_each(|_| {
                self.calls(Kind::Shift, &mut dice)?;
                self.blocks(1)
            }),
            Kind::Proof => self.proof(&mut dice),
            Kind::Retention => self.blocks(HOURS + 2),
            Kind::Outage => {
                self.note(|| "the network is down".into());
                let slots = EPOCH_DURATION_IN_SLOTS * u64::from(dice.within(1, 4));
                self.next_block(slots - dice.below(10))
            }
            _ => self.calls(kind, &mut dice),
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(what());
        }
    }

    fn blocks(&mut self, count: BlockNumber) -> Result<(), Finding> {
        self.note(|| format!("{count} blocks"));
        (0..count).try_for_each(|_| self.next_block(1))
    }

    fn next_block(&mut self, slots: u64) -> Result<(), Finding> {
        let Self {
            chain,
            issued,
            suspects,
            coverage,
            ..
        } = self;
        chain.next_block(slots, || {
            coverage.note_block();
            invariants::check_block(*issued)?;
            suspects.check_block()?;
            *issued = Balances::total_issuance();
            Ok(())
        })
    }

    fn calls(&mut self, kind: Kind, dice: &mut Dice) -> Result<(), Finding> {
        self.on_stage(|stage| stage.perform(kind, dice))
    }

    fn on_stage(
        &mut self,
        act: impl FnOnce(&mut Stage) -> Result<(), Finding>,
    ) -> Result<(), Finding> {
        let Self {
            chain,
            coverage,
            log,
            ..
        } = self;
        chain.state.execute_with(|| {
            act(&mut Stage { coverage, log })?;
            invariants::check_state()
        })
    }

    /// Machines start together and commit when the chain takes it, mostly; some open what is drawn at once, the others when they
    /// come to it, if ever.
    fn proof(&mut self, dice: &mut Dice) -> Result<(), Finding> {
        let machines = proof::claimants(dice);
        while !self
            .chain
            .state
            .execute_with(|| chain::repeats(System::block_number()))
        {
            self.blocks(1)?;
        }
        self.each(&machines, |_| Some(pallet_capacity::Call::start {}.into()))?;
        self.blocks(if dice.once_in(6) {
            dice.within(1, 60)
        } else {
            dice.one_of(proof::SLOTS)
        })?;
        self.each(&machines, |machine| proof::commit(&machine.account, dice))?;
        if dice.once_in(2) {
            self.blocks(dice.within(4, 8))?;
            self.each(&machines, |machine| {
                let (openings, _) = proof::opened(&machine.account)?;
                Some(pallet_capacity::Call::open { openings }.into())
            })?;
        }
        if dice.once_in(12) {
            self.blocks(HOURS)?;
        }
        Ok(())
    }

    fn each(
        &mut self,
        machines: &[usize],
        mut call: impl FnMut(&Actor) -> Option<RuntimeCall>,
    ) -> Result<(), Finding> {
        self.on_stage(|stage| {
            machines.iter().try_for_each(|at| {
                let machine = &Cast::get().machines[*at];
                call(machine).map_or(Ok(()), |call| stage.transact(machine, call))
            })
        })
    }
}

/// Where calls are made.
struct Stage<'a> {
    coverage: &'a mut Coverage,
    log: &'a mut Option<Vec<String>>,
}

impl Stage<'_> {
    fn perform(&mut self, kind: Kind, dice: &mut Dice) -> Result<(), Finding> {
        let cast = Cast::get();
        match kind {
            Kind::Shift => self.shift(dice),
            Kind::Machine => {
                let machine = &cast.machines[dice.below(cast.machines.len() as u64) as usize];
                match work::next_call(machine, &work::flights(), dice) {
                    Some(call) => self.transact(machine, call),
                    None => Ok(()),
                }
            }
            Kind::Calls => (0..dice.within(1, 6)).try_for_each(|_| match calls::any(dice) {
                Some((by, call)) => self.call(by, call, dice),
                None => Ok(()),
            }),
            Kind::Stranger => match calls::any(dice) {
                Some((_, call)) => {
                    let stranger = by_anybody(dice);
                    self.call(stranger, call, dice)
                }
                None => Ok(()),
            },
            Kind::Together => self.together(dice),
            Kind::Canary => calls::canary::order(dice)
                .into_iter()
                .flatten()
                .try_for_each(|(by, call)| self.call(by, call, dice)),
            Kind::Equivocation => self.equivocation(dice),
            Kind::Keys => self.keys(dice),
            Kind::Money => {
                let by = by_anybody(dice);
                self.call(by, money(dice), dice)
            }
            Kind::Patience => {
                self.note(|| "the longest waits are over".into());
                patience();
                Ok(())
            }
            Kind::Question => {
                question(dice);
                Ok(())
            }
            Kind::Proof | Kind::Blocks | Kind::Wait | Kind::Retention | Kind::Outage => Ok(()),
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(what());
        }
    }

    fn made(&mut self, by: &dyn std::fmt::Debug, call: &RuntimeCall, outcome: Outcome) {
        self.coverage.note_call(call, outcome);
        self.note(|| format!("{by:?}: {call:?} -> {outcome:?}"));
    }

    fn transact(&mut self, who: &Actor, call: RuntimeCall) -> Result<(), Finding> {
        let expected = Expected::of(&who.account, &call);
        let outcome = chain::transact(who, call.clone())?;
        self.made(&who.account, &call, outcome);
        expected.check(outcome)
    }

    /// Three signed calls in four are transactions. The others are dispatched, so that what a poor account
    /// cannot pay for is tried as well.
    fn call(&mut self, by: By, call: RuntimeCall, dice: &mut Dice) -> Result<(), Finding> {
        let mut expected = Expected::Anything;
        let origin = match &by {
            By::Root => RuntimeOrigin::root(),
            By::Account(account) => {
                if let Some(actor) = Cast::get().of(account)
                    && !dice.once_in(4)
                {
                    return self.transact(actor, call);
                }
                expected = Expected::of(account, &call);
                RuntimeOrigin::signed(account.clone())
            }
        };
        let outcome = chain::dispatch(origin, call.clone())?;
        self.made(&by, &call, outcome);
        expected.check(outcome)
    }

    /// Machines see the flights as they were when the shift began, as machines that act at the same time do.
    fn shift(&mut self, dice: &mut Dice) -> Result<(), Finding> {
        let flights = work::flights();
        let machines = &Cast::get().machines;
        let first = dice.below(machines.len() as u64) as usize;
        for machine in machines.iter().cycle().skip(first).take(machines.len()) {
            if !pallet_workers::Workers::<Runtime>::contains_key(&machine.account) {
                continue;
            }
            if let Some(call) = work::next_call(machine, &flights, dice) {
                self.transact(machine, call)?;
            }
        }
        Ok(())
    }

    fn together(&mut self, dice: &mut Dice) -> Result<(), Finding> {
        let mut by = by_anybody(dice);
        let mut calls = Vec::new();
        for _ in 0..dice.within(1, 3) {
            if let Some((meant_for, call)) = calls::any(dice) {
                by = meant_for;
                calls.push(call);
            }
        }
        let call = match dice.below(3) {
            0 => pallet_utility::Call::batch { calls },
            1 => pallet_utility::Call::batch_all { calls },
            _ => pallet_utility::Call::force_batch { calls },
        };
        self.call(by, call.into(), dice)
    }

    fn equivocation(&mut self, dice: &mut Dice) -> Result<(), Finding> {
        let authorities = Babe::authorities();
        let index = dice.below(authorities.len() as u64) as usize;
        // BABE has an author that is disabled in its own block give the block up: nobody reports itself.
        let digest = System::digest();
        let before_runtime = digest.logs.iter().filter_map(DigestItem::as_pre_runtime);
        if Babe::find_author(before_runtime) == Some(index as u32) {
            return Ok(());
        }
        let Some(key) = babe_keys().find(|key| authorities[index].0 == key.public().into()) else {
            return Ok(());
        };
        let offender: AuthorityId = key.public().into();
        let Some(owner) = Historical::prove((KEY_TYPE, offender.clone())) else {
            return Ok(());
        };
        let slot = Babe::current_slot();
        let header = |salt| {
            let pre = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
                authority_index: index as u32,
                slot,
            });
            let mut header = Header::new(
                1,
                Hash::repeat_byte(salt),
                Default::default(),
                Default::default(),
                Digest {
                    logs: vec![DigestItem::babe_pre_digest(pre)],
                },
            );
            let seal = key.sign(header.hash().as_ref());
            header.digest_mut().push(DigestItem::babe_seal(seal.into()));
            header
        };
        let proof = EquivocationProof {
            offender,
            slot,
            first_header: header(1),
            second_header: header(2),
        };
        let call: RuntimeCall = pallet_babe::Call::report_equivocation_unsigned {
            equivocation_proof: Box::new(proof),
            key_owner_proof: owner,
        }
        .into();
        let outcome = chain::transact_bare(call.clone());
        self.made(&"nobody", &call, outcome);
        Ok(())
    }

    /// Not by `set_keys`, for which each key would have to sign; giving them up is a call.
    fn keys(&mut self, dice: &mut Dice) -> Result<(), Finding> {
        let at = dice.below(12) as usize;
        let person = &Cast::get().people[at];
        if dice.once_in(3) {
            return self.transact(person, pallet_session::Call::purge_keys {}.into());
        }
        let set = <Session as SessionInterface>::set_keys(&person.account, session_keys(at));
        self.note(|| format!("{:?} gets keys: {set:?}", person.account));
        Ok(())
    }
}

fn by_anybody(dice: &mut Dice) -> By {
    let cast = Cast::get();
    let actors = if dice.once_in(3) {
        &cast.machines
    } else {
        &cast.people
    };
    let at = dice.below(actors.len() as u64) as usize;
    By::Account(actors[at].account.clone())
}

/// A transfer of some or all, to somebody who is there or not, or into the pot.
fn money(dice: &mut Dice) -> RuntimeCall {
    let cast = Cast::get();
    let dest = match dice.below(4) {
        0 => Rewards::account_id(),
        1 => dice.bytes().into(),
        2 => cast.machines[dice.below(36) as usize].account.clone(),
        _ => cast.people[dice.below(14) as usize].account.clone(),
    }
    .into();
    if dice.once_in(10) {
        let keep_alive = dice.once_in(2);
        return pallet_balances::Call::transfer_all { dest, keep_alive }.into();
    }
    let value = u128::from(dice.below(2_000)) * ISC / 1_000;
    pallet_balances::Call::transfer_allow_death { dest, value }.into()
}

/// Auditors wait for a quarter of a year, validators for a week, and those who delegated for a day; no case lasts as
/// long.
fn patience() {
    let block = System::block_number();
    pallet_auditors::Auditors::<Runtime>::translate_values(
        |mut record: pallet_auditors::AuditorRecordOf<Runtime>| {
            record.leaving = record.leaving.map(|until| until.min(block));
            Some(record)
        },
    );
    pallet_delegation::Pools::<Runtime>::translate_values(
        |mut pool: pallet_delegation::PoolRecordOf<Runtime>| {
            if let Some(raise) = &mut pool.raise {
                raise.from = raise.from.min(block);
            }
            Some(pool)
        },
    );
    let now = Session::current_index();
    pallet_validators::Bonds::<Runtime>::translate_values(|mut bond: pallet_validators::Bond| {
        bond.free_from = bond.free_from.map(|session| session.min(now));
        Some(bond)
    });
}

/// Answers are for reading; what matters is that they come.
fn question(dice: &mut Dice) {
    for job in pallet_market::Jobs::<Runtime>::iter_keys().take(3) {
        let _ = Market::explain(job);
    }
    let images: Vec<_> = pallet_images::Images::<Runtime>::iter_keys().collect();
    let image = dice.pick(&images).copied().unwrap_or_default();
    let _ = Market::quote(&orders::spec(image, dice));
}

/// Keys of blocks, of the genesis' authorities and of everybody who may become one.
fn babe_keys() -> impl Iterator<Item = sr25519::Pair> {
    let genesis = [Sr25519Keyring::Alice, Sr25519Keyring::Bob];
    genesis
        .into_iter()
        .map(Sr25519Keyring::pair)
        .chain((0..12).map(babe_key))
}

fn babe_key(person: usize) -> sr25519::Pair {
    sr25519::Pair::from_seed(&[person as u8 + 1; 32])
}

fn session_keys(person: usize) -> SessionKeys {
    SessionKeys {
        grandpa: ed25519::Pair::from_seed(&[person as u8 + 1; 32])
            .public()
            .into(),
        babe: babe_key(person).public().into(),
    }
}

/// Registers the machines, some of which are trusted, publishes images, admits auditors, and gives everybody a
/// validator's keys.
fn prepare(chain: &mut Chain) {
    let cast = Cast::get();
    chain.state.execute_with(|| {
        let genesis = System::block_hash(0);
        let must = |origin, call| {
            let outcome = chain::dispatch(origin, call);
            assert_eq!(outcome, Ok(Outcome::Done), "the market begins");
        };
        for (at, machine) in cast.machines.iter().take(MACHINES).enumerate() {
            let mut dice = Dice::new(at as u64);
            let operator = cast.operator(at);
            let payload = registration_payload(
                &genesis,
                operator.account.as_ref(),
                machine.account.as_ref(),
            );
            let mut attributes = orders::attributes(&mut dice);
            attributes.jurisdiction = *b"DE";
            attributes.classes = frame_support::BoundedVec::truncate_from(TaskClass::ALL.to_vec());
            let one = sungrid_primitives::suns::CPU_1.contains;
            let call = WorkersCall::register {
                worker: machine.account.clone(),
                endpoint: frame_support::BoundedVec::truncate_from(vec![1]),
                attributes,
                environment: ENVIRONMENTS[0],
                profile: CPU_1_ID,
                resources: Resources { ..one },
                bond: 200 * ISC,
                proof: machine.key.sign(&payload),
            };
            must(RuntimeOrigin::signed(operator.account.clone()), call.into());
            // Honest machines have nothing; the others can pay for calls that fail.
            if cast.character(&machine.account) != Character::Honest {
                let call = pallet_balances::Call::transfer_allow_death {
                    dest: machine.account.clone().into(),
                    value: ISC,
                };
                must(RuntimeOrigin::signed(operator.account.clone()), call.into());
            }
        }
        for (at, class) in TaskClass::ALL.into_iter().enumerate() {
            let developer = RuntimeOrigin::signed(cast.people[at].account.clone());
            let manifest = Hash::repeat_byte(at as u8 + 1);
            let call = pallet_images::Call::publish { manifest, class };
            must(developer, call.into());
        }
        for (at, person) in cast.people.iter().enumerate().take(12) {
            <Session as SessionInterface>::set_keys(&person.account, session_keys(at))
                .expect("nobody has these keys");
        }
        for (at, person) in cast.people.iter().enumerate().take(3) {
            let auditor = person.account.clone();
            let origin = RuntimeOrigin::signed(auditor.clone());
            must(
                RuntimeOrigin::root(),
                pallet_auditors::Call::admit { auditor }.into(),
            );
            if at > 0 {
                must(origin, pallet_auditors::Call::bond {}.into());
            }
        }
        for machine in cast.machines.iter().step_by(3) {
            let trust = Trust {
                // Half of its single results stand.
                streak: RESULTS_PER_LIE as u32,
                score: 30,
            };
            Trusts::<Runtime>::insert(&machine.account, ENVIRONMENTS[0], trust);
        }
    });
}
