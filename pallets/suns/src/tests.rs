//! Every call, every error, every invariant.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TryRuntimeError};
use sungrid_primitives::{
    environment::EnvironmentId,
    suns::{CPU_1, Profile, Resources},
    traits::{CPU_1_ID, Pricing, ProfileId, ProfileKind},
};

use crate::{
    Environments, Error, Event, Latest, PriceFloors, Profiles,
    mock::{
        ENVIRONMENT, FLOOR, RuntimeOrigin, Suns, System, Test, genesis, scenario, with_genesis,
    },
};

const GPU_1_ID: ProfileId = ProfileId {
    kind: ProfileKind::Gpu,
    version: 1,
};
const GPU_1: Profile = Profile {
    contains: Resources {
        fuel_per_second: 0,
        memory: 0,
        storage: 0,
        bandwidth: 0,
        gpu_flops: 1_000_000_000_000,
        gpu_memory: 16 << 30,
        gpu_bandwidth: 0,
    },
};
const OTHER: EnvironmentId = EnvironmentId::repeat_byte(8);

mod calls {
    use super::*;

    #[test]
    fn the_genesis_is_what_it_says() {
        scenario(|| {
            assert_eq!(<Suns as Pricing>::profile(CPU_1_ID), Some(CPU_1));
            assert_eq!(<Suns as Pricing>::floor(CPU_1_ID), FLOOR);
            assert!(<Suns as Pricing>::accepts(&ENVIRONMENT));
            assert!(!<Suns as Pricing>::accepts(&OTHER));
        });
    }

    #[test]
    fn versions_of_a_kind_follow_each_other_and_never_change() {
        scenario(|| {
            assert_ok!(Suns::add_profile(
                RuntimeOrigin::root(),
                ProfileKind::Gpu,
                GPU_1
            ));
            System::assert_last_event(
                Event::ProfileAdded {
                    id: GPU_1_ID,
                    profile: GPU_1,
                }
                .into(),
            );
            let bigger = Profile {
                contains: Resources {
                    gpu_memory: 32 << 30,
                    ..GPU_1.contains
                },
            };
            assert_ok!(Suns::add_profile(
                RuntimeOrigin::root(),
                ProfileKind::Gpu,
                bigger
            ));
            let second = ProfileId {
                version: 2,
                ..GPU_1_ID
            };
            assert_eq!(Profiles::<Test>::get(second), Some(bigger));
            assert_eq!(Profiles::<Test>::get(GPU_1_ID), Some(GPU_1));
            assert_eq!(Profiles::<Test>::get(CPU_1_ID), Some(CPU_1));
        });
    }

    #[test]
    fn a_profile_must_contain_something() {
        scenario(|| {
            let empty = Profile {
                contains: Resources::default(),
            };
            assert_noop!(
                Suns::add_profile(RuntimeOrigin::root(), ProfileKind::Cpu, empty),
                Error::<Test>::EmptyProfile
            );
        });
    }

    #[test]
    fn versions_end() {
        scenario(|| {
            Latest::<Test>::insert(ProfileKind::Gpu, u16::MAX);
            assert_noop!(
                Suns::add_profile(RuntimeOrigin::root(), ProfileKind::Gpu, GPU_1),
                Error::<Test>::NoVersionLeft
            );
            Latest::<Test>::remove(ProfileKind::Gpu);
        });
    }

    #[test]
    fn a_floor_changes_and_needs_its_profile() {
        scenario(|| {
            assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), CPU_1_ID, 5));
            System::assert_last_event(
                Event::PriceFloorSet {
                    id: CPU_1_ID,
                    price: 5,
                }
                .into(),
            );
            assert_eq!(<Suns as Pricing>::floor(CPU_1_ID), 5);
            assert_noop!(
                Suns::set_price_floor(RuntimeOrigin::root(), GPU_1_ID, 5),
                Error::<Test>::UnknownProfile
            );
        });
    }

    #[test]
    fn a_profile_without_a_floor_is_not_free() {
        scenario(|| {
            assert_ok!(Suns::add_profile(
                RuntimeOrigin::root(),
                ProfileKind::Gpu,
                GPU_1
            ));
            assert_eq!(<Suns as Pricing>::floor(GPU_1_ID), u128::MAX);
            assert_eq!(Suns::price_floor(GPU_1_ID), None);
            // A floor of zero, on the other hand, is a decision.
            assert_ok!(Suns::set_price_floor(RuntimeOrigin::root(), GPU_1_ID, 0));
            assert_eq!(<Suns as Pricing>::floor(GPU_1_ID), 0);
        });
    }

    #[test]
    fn environments_come_and_go() {
        scenario(|| {
            assert_noop!(
                Suns::set_environment(RuntimeOrigin::root(), ENVIRONMENT, true),
                Error::<Test>::AlreadyAccepted
            );
            assert_noop!(
                Suns::set_environment(RuntimeOrigin::root(), OTHER, false),
                Error::<Test>::NotAccepted
            );
            assert_ok!(Suns::set_environment(RuntimeOrigin::root(), OTHER, true));
            System::assert_last_event(Event::EnvironmentAccepted { id: OTHER }.into());
            assert!(<Suns as Pricing>::accepts(&OTHER));
            assert_ok!(Suns::set_environment(
                RuntimeOrigin::root(),
                ENVIRONMENT,
                false
            ));
            System::assert_last_event(Event::EnvironmentRevoked { id: ENVIRONMENT }.into());
            assert!(!<Suns as Pricing>::accepts(&ENVIRONMENT));
        });
    }

    #[test]
    fn only_governance_decides() {
        scenario(|| {
            for origin in [RuntimeOrigin::signed(1), RuntimeOrigin::none()] {
                assert_noop!(
                    Suns::add_profile(origin.clone(), ProfileKind::Gpu, GPU_1),
                    DispatchError::BadOrigin
                );
                assert_noop!(
                    Suns::set_price_floor(origin.clone(), CPU_1_ID, 0),
                    DispatchError::BadOrigin
                );
                assert_noop!(
                    Suns::set_environment(origin, OTHER, true),
                    DispatchError::BadOrigin
                );
            }
        });
    }

    #[test]
    fn views_compute_with_the_stored_profile() {
        scenario(|| {
            let lane = Resources {
                fuel_per_second: 1_000_000_000,
                ..Default::default()
            };
            assert_eq!(Suns::capacity(CPU_1_ID, CPU_1.contains), Some(1_000_000));
            assert_eq!(Suns::charge(CPU_1_ID, lane), Some(125_000));
            assert_eq!(Suns::price_floor(CPU_1_ID), Some(FLOOR));
            // A resource that the profile lacks, and a profile that does not exist.
            assert_eq!(
                Suns::charge(
                    CPU_1_ID,
                    Resources {
                        gpu_memory: 1,
                        ..lane
                    }
                ),
                None
            );
            assert_eq!(Suns::capacity(GPU_1_ID, lane), None);
            assert_eq!(Suns::charge(GPU_1_ID, lane), None);
        });
    }

    #[test]
    fn sizes_beyond_reason_saturate() {
        scenario(|| {
            let all = Resources {
                fuel_per_second: u64::MAX,
                memory: u64::MAX,
                storage: u64::MAX,
                bandwidth: u64::MAX,
                ..Default::default()
            };
            let capacity = Suns::capacity(CPU_1_ID, all).expect("profile exists");
            let charge = Suns::charge(CPU_1_ID, all).expect("all are in the profile");
            assert!(capacity <= charge);
        });
    }
}

mod genesis_checks {
    use super::*;

    #[test]
    #[should_panic(expected = "empty or out of order")]
    fn versions_must_be_in_order() {
        let mut genesis = genesis();
        genesis.profiles.push((
            ProfileId {
                version: 3,
                ..CPU_1_ID
            },
            CPU_1,
        ));
        with_genesis(genesis);
    }

    #[test]
    #[should_panic(expected = "which does not exist")]
    fn a_floor_needs_its_profile() {
        let mut genesis = genesis();
        genesis.floors.push((GPU_1_ID, 1));
        with_genesis(genesis);
    }

    #[test]
    #[should_panic(expected = "listed twice")]
    fn an_environment_is_listed_once() {
        let mut genesis = genesis();
        genesis.environments.push(ENVIRONMENT);
        with_genesis(genesis);
    }
}

mod invariants {
    use super::*;

    fn broken(corrupt: impl FnOnce()) -> TryRuntimeError {
        with_genesis(genesis()).execute_with(|| {
            corrupt();
            Suns::do_try_state().expect_err("the corruption is noticed")
        })
    }

    #[test]
    fn an_empty_profile_is_noticed() {
        let empty = Profile {
            contains: Resources::default(),
        };
        let error = broken(|| Profiles::<Test>::insert(CPU_1_ID, empty));
        assert_eq!(error, "1: a profile contains nothing".into());
    }

    #[test]
    fn gaps_and_strangers_among_versions_are_noticed() {
        let error = broken(|| Latest::<Test>::insert(ProfileKind::Cpu, 2));
        assert_eq!(error, "2: a version of a profile is missing".into());
        let error = broken(|| Profiles::<Test>::insert(GPU_1_ID, GPU_1));
        assert_eq!(error, "2: a profile has a version beyond the latest".into());
    }

    #[test]
    fn a_floor_without_profile_is_noticed() {
        let error = broken(|| PriceFloors::<Test>::insert(GPU_1_ID, 1));
        assert_eq!(error, "3: a price floor belongs to no profile".into());
    }

    #[test]
    fn storage_is_as_declared() {
        // Clients list these maps: a hasher that hides the key would break them.
        scenario(|| {
            assert_eq!(
                Profiles::<Test>::iter_keys().collect::<Vec<_>>(),
                [CPU_1_ID]
            );
            assert_eq!(
                Environments::<Test>::iter_keys().collect::<Vec<_>>(),
                [ENVIRONMENT]
            );
        });
    }
}
