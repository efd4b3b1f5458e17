//! A runtime with nothing but this pallet.

use frame_support::{derive_impl, traits::ConstU64};
use frame_system::EnsureRoot;
use sp_runtime::BuildStorage;
use sungrid_primitives::{ISC, environment::EnvironmentId, suns::CPU_1, traits::CPU_1_ID};

use crate as pallet_suns;

type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Suns = pallet_suns;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
}

impl pallet_suns::Config for Test {
    type GovernanceOrigin = EnsureRoot<u64>;
    type SpotPeriod = ConstU64<PERIOD>;
    type WeightInfo = ();
}

/// The environment that the genesis accepts.
pub(crate) const ENVIRONMENT: EnvironmentId = EnvironmentId::repeat_byte(7);
/// The genesis' price floor of `Cpu/1`.
pub(crate) const FLOOR: u128 = 8 * ISC;
/// Blocks in which the spot price moves by an eighth at most.
pub(crate) const PERIOD: u64 = 50;

/// `Cpu/1` with its floor, one environment.
pub(crate) fn genesis() -> pallet_suns::GenesisConfig<Test> {
    pallet_suns::GenesisConfig {
        profiles: vec![(CPU_1_ID, CPU_1)],
        floors: vec![(CPU_1_ID, FLOOR)],
        environments: vec![ENVIRONMENT],
        ..Default::default()
    }
}

pub(crate) fn with_genesis(suns: pallet_suns::GenesisConfig<Test>) -> sp_io::TestExternalities {
    let genesis = RuntimeGenesisConfig {
        suns,
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("genesis builds").into();
    // Blocks from 1 on have events.
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a scenario on the usual genesis; the invariants must hold when it is over.
pub(crate) fn scenario(test: impl FnOnce()) {
    with_genesis(genesis()).execute_with(|| {
        test();
        Suns::do_try_state().expect("invariants hold");
    });
}

#[cfg(feature = "runtime-benchmarks")]
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    with_genesis(genesis())
}
