//! Who may register what.

use frame_support::{assert_noop, assert_ok};
use sp_core::{H256, sr25519};
use sp_runtime::{DispatchError, TokenError};
use sungrid_primitives::{
    environment::EnvironmentId,
    suns::Resources,
    traits::{CPU_1_ID, ProfileId},
};

use crate::{Error, Event, WorkerState, mock::*};

#[test]
fn a_worker_joins() {
    scenario(|| {
        register("olga", "w1");
        System::assert_last_event(
            Event::WorkerRegistered {
                worker: account("w1"),
                operator: account("olga"),
                environment: ENVIRONMENT,
                profile: CPU_1_ID,
                capacity: SUNS,
                bond: BOND_PER_SUNS,
            }
            .into(),
        );
        let record = record("w1");
        assert_eq!(record.operator, account("olga"));
        assert_eq!(record.state, WorkerState::Active);
        assert_eq!(
            (record.capacity, record.committed, record.in_flight),
            (SUNS, 0, 0)
        );
        assert_eq!(held("olga"), BOND_PER_SUNS);
    });
}

#[test]
fn one_operator_bonds_several_workers() {
    scenario(|| {
        register("olga", "w1");
        register("olga", "w2");
        assert_eq!(held("olga"), 2 * BOND_PER_SUNS);
    });
}

#[test]
fn an_operator_may_serve_with_its_own_key() {
    scenario(|| {
        register("olga", "olga");
        assert_eq!(record("olga").operator, account("olga"));
    });
}

#[test]
fn another_s_key_cannot_be_taken() {
    scenario(|| {
        // Olga signs herself what the key should have signed.
        let forged = Registration {
            proof: proof("olga", "olga"),
            ..Registration::new("olga", "w1")
        };
        assert_noop!(forged.send(), Error::<Test>::BadProof);
        let none = Registration {
            proof: sr25519::Signature::from_raw([0; 64]),
            ..Registration::new("olga", "w1")
        };
        assert_noop!(none.send(), Error::<Test>::BadProof);
    });
}

#[test]
fn a_proof_is_good_for_one_operator_key_and_chain() {
    scenario(|| {
        for proof in [
            // Seen on chain, replayed by another operator.
            proof("w1", "oskar"),
            // Of another key to the same operator.
            proof("w2", "olga"),
            // Of the same key to the same operator on another chain.
            proof_on(H256::repeat_byte(4), "w1", "olga"),
        ] {
            let replay = Registration {
                proof,
                ..Registration::new("olga", "w1")
            };
            assert_noop!(replay.send(), Error::<Test>::BadProof);
        }
    });
}

#[test]
fn a_key_is_registered_once() {
    scenario(|| {
        register("olga", "w1");
        assert_noop!(
            Registration::new("olga", "w1").send(),
            Error::<Test>::AlreadyRegistered
        );
        assert_noop!(
            Registration::new("oskar", "w1").send(),
            Error::<Test>::AlreadyRegistered
        );
    });
}

#[test]
fn the_jurisdiction_must_exist() {
    scenario(|| {
        for code in [*b"XX", *b"de", *b"\0\0", *b"EU"] {
            let mut bogus = Registration::new("olga", "w1");
            bogus.attributes.jurisdiction = code;
            assert_noop!(bogus.send(), Error::<Test>::UnknownJurisdiction);
        }
    });
}

#[test]
fn environment_and_profile_must_be_known() {
    scenario(|| {
        let unknown = Registration {
            environment: EnvironmentId::zero(),
            ..Registration::new("olga", "w1")
        };
        assert_noop!(unknown.send(), Error::<Test>::UnknownEnvironment);
        let unknown = Registration {
            profile: ProfileId {
                version: 2,
                ..CPU_1_ID
            },
            ..Registration::new("olga", "w1")
        };
        assert_noop!(unknown.send(), Error::<Test>::UnknownProfile);
    });
}

#[test]
fn a_machine_that_lacks_a_resource_has_no_capacity() {
    scenario(|| {
        for resources in [
            Resources::default(),
            Resources {
                memory: 0,
                ..SUNS_1
            },
            Resources {
                fuel_per_second: 0,
                ..SUNS_1
            },
        ] {
            let lacking = Registration {
                resources,
                ..Registration::new("olga", "w1")
            };
            assert_noop!(lacking.send(), Error::<Test>::NoCapacity);
        }
    });
}

#[test]
fn the_bond_follows_the_capacity_and_has_a_minimum() {
    scenario(|| {
        let low = Registration {
            bond: BOND_PER_SUNS - 1,
            ..Registration::new("olga", "w1")
        };
        assert_noop!(low.send(), Error::<Test>::BondTooLow);
        // An eighth of a SUNS would cost 500; the minimum is 1 000.
        let small = |bond| Registration {
            resources: LANE,
            bond,
            ..Registration::new("olga", "w1")
        };
        assert_noop!(small(MIN_BOND - 1).send(), Error::<Test>::BondTooLow);
        assert_ok!(small(MIN_BOND).send());

        assert_eq!(Workers::required_bond(CPU_1_ID, LANE), Some(MIN_BOND));
        assert_eq!(
            Workers::required_bond(CPU_1_ID, SUNS_1),
            Some(BOND_PER_SUNS)
        );
        // One µSUNS more costs one planck more: rounded up.
        let more = Resources {
            fuel_per_second: SUNS_1.fuel_per_second + 8_000,
            memory: SUNS_1.memory * 2,
            storage: SUNS_1.storage * 2,
            bandwidth: SUNS_1.bandwidth * 2,
            ..SUNS_1
        };
        assert_eq!(
            Workers::required_bond(CPU_1_ID, more),
            Some(BOND_PER_SUNS + 1)
        );
        assert_eq!(Workers::required_bond(CPU_1_ID, Resources::default()), None);
        assert_eq!(
            Workers::required_bond(
                ProfileId {
                    version: 9,
                    ..CPU_1_ID
                },
                LANE
            ),
            None
        );
    });
}

#[test]
fn a_machine_of_absurd_size_needs_an_absurd_bond() {
    scenario(|| {
        let resources = Resources {
            fuel_per_second: u64::MAX,
            memory: u64::MAX,
            storage: u64::MAX,
            bandwidth: u64::MAX,
            gpu_flops: u64::MAX,
            gpu_memory: u64::MAX,
            gpu_bandwidth: u64::MAX,
            addresses: u64::MAX,
        };
        let bond = Workers::required_bond(CPU_1_ID, resources).expect("profile exists");
        assert!(bond > FUNDS);
        let huge = |bond| Registration {
            resources,
            bond,
            ..Registration::new("olga", "w1")
        };
        assert_noop!(huge(FUNDS / 2).send(), Error::<Test>::BondTooLow);
        assert_noop!(huge(u128::MAX).send(), TokenError::FundsUnavailable);
    });
}

#[test]
fn a_bond_must_be_there() {
    scenario(|| {
        // The whole balance cannot be held: the account has to stay.
        for (operator, bond) in [("olga", FUNDS), ("nobody", BOND_PER_SUNS)] {
            let poor = Registration {
                bond,
                ..Registration::new(operator, "w1")
            };
            assert_noop!(poor.send(), TokenError::FundsUnavailable);
        }
    });
}

#[test]
fn an_endpoint_that_is_too_long_is_no_call_at_all() {
    use crate::Endpoint;
    use codec::{Decode, Encode};
    assert!(Endpoint::decode(&mut &vec![0u8; 256].encode()[..]).is_ok());
    assert!(Endpoint::decode(&mut &vec![0u8; 257].encode()[..]).is_err());
}

#[test]
fn registration_needs_a_signature() {
    scenario(|| {
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            assert_noop!(
                Workers::register(
                    origin,
                    account("w1"),
                    endpoint(),
                    attributes(),
                    ENVIRONMENT,
                    CPU_1_ID,
                    SUNS_1,
                    BOND_PER_SUNS,
                    proof("w1", "olga"),
                ),
                DispatchError::BadOrigin
            );
        }
    });
}

#[test]
fn a_worker_key_without_a_planck_transacts() {
    use frame_system::CheckNonce;
    use sp_runtime::{
        traits::{AsTransactionAuthorizedOrigin, DispatchTransaction},
        transaction_validity::InvalidTransaction,
    };

    scenario(|| {
        let admitted = |name: &str| {
            let origin = signed(name);
            assert!(origin.is_transaction_authorized());
            let call = RuntimeCall::Workers(crate::Call::pause {
                worker: account(name),
            });
            let info = frame_support::dispatch::GetDispatchInfo::get_dispatch_info(&call);
            CheckNonce::<Test>(0)
                .validate_and_prepare(origin, &call, &info, 0, 0)
                .map(|_| ())
        };
        assert_eq!(admitted("w1"), Err(InvalidTransaction::Payment.into()));
        register("olga", "w1");
        assert_eq!(Balances::free_balance(account("w1")), 0);
        assert_eq!(admitted("w1"), Ok(()));
    });
}
