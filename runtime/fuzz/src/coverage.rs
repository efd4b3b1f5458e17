//! What the histories reached: a case that never leaves the shallows proves nothing.

use std::collections::BTreeMap;

use codec::Encode;
use frame_support::traits::{GetCallMetadata, GetCallName};
use scale_info::{MetaType, PortableRegistry, Registry, TypeDef, TypeInfo, form::PortableForm};
use sp_runtime::DispatchError;
use sungrid_runtime::{Runtime, RuntimeCall, RuntimeError, RuntimeEvent, System};

use crate::{chain::Outcome, work::true_root};

/// How calls of one kind ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// With success.
    pub done: u64,
    /// With an error.
    pub failed: u64,
    /// Before they were in the block.
    pub refused: u64,
}

/// Index of a pallet in the runtime and of a variant of its events or errors.
type Variant = (u8, u8);

/// What was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Blocks made.
    pub blocks: u64,
    /// Batches settled.
    pub settled: u64,
    /// Of them, with a result that is wrong: hostile replicas met.
    pub wrong: u64,
    /// Slashes that fell on delegated stake, too.
    pub shared_slashes: u64,
    calls: BTreeMap<(&'static str, &'static str), Calls>,
    events: BTreeMap<Variant, u64>,
    errors: BTreeMap<Variant, u64>,
}

impl Coverage {
    pub(crate) fn note_call(&mut self, call: &RuntimeCall, outcome: Outcome) {
        let name = call.get_call_metadata();
        let calls = self
            .calls
            .entry((name.pallet_name, name.function_name))
            .or_default();
        match outcome {
            Outcome::Done => calls.done += 1,
            Outcome::Failed(error) => {
                calls.failed += 1;
                if let DispatchError::Module(error) = error {
                    *self
                        .errors
                        .entry((error.index, error.error[0]))
                        .or_default() += 1;
                }
            }
            Outcome::Refused(_) => calls.refused += 1,
        }
    }

    /// Counts the events of the block that has just ended.
    pub(crate) fn note_block(&mut self) {
        self.blocks += 1;
        for record in System::read_events_no_consensus() {
            match &record.event {
                RuntimeEvent::Market(pallet_market::Event::BatchSettled {
                    job,
                    batch,
                    root,
                    ..
                }) => {
                    self.settled += 1;
                    self.wrong += u64::from(*root != true_root(*job, *batch));
                }
                RuntimeEvent::Workers(pallet_workers::Event::WorkerSlashed {
                    delegated, ..
                }) => self.shared_slashes += u64::from(*delegated > 0),
                _ => {}
            }
            let bytes = record.event.encode();
            *self.events.entry((bytes[0], bytes[1])).or_default() += 1;
        }
    }

    /// Adds what other histories reached.
    pub fn add(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.settled += other.settled;
        self.wrong += other.wrong;
        self.shared_slashes += other.shared_slashes;
        for (name, calls) in other.calls {
            let sum = self.calls.entry(name).or_default();
            sum.done += calls.done;
            sum.failed += calls.failed;
            sum.refused += calls.refused;
        }
        for (sum, more) in [
            (&mut self.events, other.events),
            (&mut self.errors, other.errors),
        ] {
            for (variant, count) in more {
                *sum.entry(variant).or_default() += count;
            }
        }
    }

    /// Every call of our own pallets, by pallet and name, reached or not.
    pub fn calls(&self) -> BTreeMap<(&'static str, &'static str), Calls> {
        let named = own_calls().into_iter();
        named
            .map(|name| (name, self.calls.get(&name).copied().unwrap_or_default()))
            .collect()
    }

    /// Every event of our own pallets, as `Pallet::Event`, with how often it was emitted.
    pub fn events(&self) -> BTreeMap<String, u64> {
        counted::<RuntimeEvent>(&self.events)
    }

    /// Every error of our own pallets, as `Pallet::Error`, with how often a call failed with it.
    pub fn errors(&self) -> BTreeMap<String, u64> {
        counted::<RuntimeError>(&self.errors)
    }
}

/// Pallets of ours, by their names in the runtime.
pub const OWN: [&str; 12] = [
    "Auditors",
    "Canaries",
    "Capacity",
    "Delegation",
    "Images",
    "Liveness",
    "Market",
    "Rewards",
    "Suns",
    "Validators",
    "Verification",
    "Workers",
];

fn own_calls() -> Vec<(&'static str, &'static str)> {
    fn of<Call: GetCallName>(
        pallet: &'static str,
    ) -> impl Iterator<Item = (&'static str, &'static str)> {
        Call::get_call_names()
            .iter()
            .map(move |name| (pallet, *name))
    }
    of::<pallet_auditors::Call<Runtime>>("Auditors")
        .chain(of::<pallet_canaries::Call<Runtime>>("Canaries"))
        .chain(of::<pallet_capacity::Call<Runtime>>("Capacity"))
        .chain(of::<pallet_delegation::Call<Runtime>>("Delegation"))
        .chain(of::<pallet_images::Call<Runtime>>("Images"))
        .chain(of::<pallet_liveness::Call<Runtime>>("Liveness"))
        .chain(of::<pallet_market::Call<Runtime>>("Market"))
        .chain(of::<pallet_rewards::Call<Runtime>>("Rewards"))
        .chain(of::<pallet_suns::Call<Runtime>>("Suns"))
        .chain(of::<pallet_validators::Call<Runtime>>("Validators"))
        .chain(of::<pallet_verification::Call<Runtime>>("Verification"))
        .chain(of::<pallet_workers::Call<Runtime>>("Workers"))
        .collect()
}

/// Names what `counts` counts, by the variants of the runtime's enum of all pallets' enums.
fn counted<Outer: TypeInfo + 'static>(counts: &BTreeMap<Variant, u64>) -> BTreeMap<String, u64> {
    let mut registry = Registry::new();
    let outer = registry.register_type(&MetaType::new::<Outer>()).id;
    let registry = PortableRegistry::from(registry);
    let mut names = BTreeMap::new();
    for pallet in variants(&registry, outer) {
        if !OWN.contains(&pallet.name.as_str()) {
            continue;
        }
        for field in &pallet.fields {
            for inner in variants(&registry, field.ty.id) {
                // FRAME's own placeholder for the type parameter.
                if inner.name.starts_with("__") {
                    continue;
                }
                let count = counts.get(&(pallet.index, inner.index)).copied();
                let name = format!("{}::{}", pallet.name, inner.name);
                names.insert(name, count.unwrap_or_default());
            }
        }
    }
    names
}

fn variants(registry: &PortableRegistry, id: u32) -> &[scale_info::Variant<PortableForm>] {
    match registry.resolve(id).map(|ty| &ty.type_def) {
        Some(TypeDef::Variant(variant)) => &variant.variants,
        _ => &[],
    }
}
