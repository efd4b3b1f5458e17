//! Feeless calls: for the worker key, within its bond and the block's budget, and only those that succeed.

use frame_support::{
    assert_ok,
    dispatch::{CheckIfFeeless, GetDispatchInfo},
    traits::Get,
    weights::RuntimeDbWeight,
};
use frame_system::limits::BlockWeights;
use sp_runtime::{
    traits::{Dispatchable, TransactionExtension, TxBaseImplication},
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidityError, ValidTransaction,
    },
};
use sungrid_primitives::{suns::Resources, traits::Workers as _};

use crate::{Call, ChargeUnlessFeeless, Config, Payment, mock::*};

type DbWeight = <Test as frame_system::Config>::DbWeight;
type Extension = ChargeUnlessFeeless<Test, ()>;

const FULL: TransactionValidityError =
    TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources);

/// Sends a call as a transaction; says whether it cost no fee, and what the pool thinks of it.
fn send(
    who: &str,
    call: impl Into<RuntimeCall>,
) -> Result<(bool, ValidTransaction), TransactionValidityError> {
    let call = call.into();
    let (info, extension) = (call.get_dispatch_info(), Extension::from(()));
    let source = TransactionSource::External;
    let (validity, val, origin) = extension.validate(
        signed(who),
        &call,
        &info,
        0,
        (),
        &TxBaseImplication(()),
        source,
    )?;
    let pre = extension.prepare(val, &origin, &call, &info, 0)?;
    let free = matches!(pre.0, Payment::Bond(()));
    let post = call.dispatch(origin).expect("the call succeeds");
    Extension::post_dispatch_details(pre, &info, &post, 0, &Ok(()))?;
    Ok((free, validity))
}

/// Free calls of a worker key until it has to wait.
fn free_calls(worker: &str) -> u32 {
    let mut calls = 0;
    while let Ok((free, _)) = send(worker, update(worker)) {
        assert!(free);
        calls += 1;
    }
    assert_eq!(Workers::feeless_calls_left(account(worker)), 0);
    calls
}

fn is_feeless(who: &str, call: Call<Test>) -> bool {
    RuntimeCall::Workers(call).is_feeless(&signed(who))
}

fn update(worker: &str) -> Call<Test> {
    Call::update {
        worker: account(worker),
        endpoint: endpoint(),
        attributes: attributes(),
    }
}

fn pause(worker: &str) -> Call<Test> {
    Call::pause {
        worker: account(worker),
    }
}

fn resume(worker: &str) -> Call<Test> {
    Call::resume {
        worker: account(worker),
    }
}

#[test]
fn a_bond_is_good_for_so_many_calls() {
    scenario(|| {
        register("olga", "w1");
        assert_eq!(Workers::feeless_calls_left(account("w1")), 5);
        assert_eq!(free_calls("w1"), 5);
        assert_eq!(send("w1", update("w1")), Err(FULL));
        // One call in two blocks from then on,
        at(2);
        assert_eq!(send("w1", pause("w1")), Err(FULL));
        at(3);
        assert_eq!(free_calls("w1"), 1);
        // and what is not used is kept for the window only.
        at(1_000);
        assert_eq!(free_calls("w1"), 5);
    });
}

#[test]
fn spreading_a_bond_over_many_workers_gains_no_calls() {
    let resources = |suns: u64| Resources {
        fuel_per_second: suns * SUNS_1.fuel_per_second,
        memory: suns * SUNS_1.memory,
        storage: suns * SUNS_1.storage,
        bandwidth: suns * SUNS_1.bandwidth,
        ..SUNS_1
    };
    scenario(|| {
        Registration {
            resources: resources(4),
            bond: 4 * BOND_PER_SUNS,
            ..Registration::new("olga", "w0")
        }
        .send()
        .expect("sound");
        let calls = |workers: &[&str]| {
            let mut calls = 0;
            // In blocks of their own, so that the budget of one is not what bounds them.
            for block in 1..=12 {
                at(System::block_number() + block % 2);
                for worker in workers {
                    while calls < 1_000 && send(worker, update(worker)).is_ok() {
                        calls += 1;
                    }
                }
            }
            calls
        };
        let one = calls(&["w0"]);
        at(1_000);
        let names = ["w1", "w2", "w3", "w4"];
        for name in names {
            register("oskar", name);
        }
        let many = calls(&names);
        assert!(many > 0 && many <= one, "{many} calls instead of {one}");
    });
}

#[test]
fn feeless_calls_take_their_share_of_a_block_and_no_more() {
    scenario(|| {
        // GIVEN an attacker with far more bonded workers than fit a block
        let names = ["w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7"];
        for name in names {
            register("olga", name);
        }
        let info = RuntimeCall::Workers(update("w0")).get_dispatch_info();
        let base = BlockWeights::default().get(info.class).base_extrinsic;
        let weight = info.total_weight() + base;
        let budget = <Test as Config>::FeelessBudget::get();
        let fitting = budget.ref_time() / weight.ref_time();
        assert!((2..40).contains(&fitting));
        for block in 1..4 {
            at(block);
            // WHEN all of them send what they can
            let sent: u64 = names
                .iter()
                .map(|name| u64::from(free_calls_of(name)))
                .sum();
            // THEN the block takes its budget, every block anew,
            assert_eq!(sent, fitting);
            // AND whoever pays gets in.
            let (free, _) = send("oskar", frame_system::Call::remark { remark: vec![] })
                .expect("the block has room");
            assert!(!free);
        }
    });
}

/// Free calls of a worker key until it or the block has no more.
fn free_calls_of(worker: &str) -> u32 {
    let mut calls = 0;
    while send(worker, update(worker)).is_ok() {
        calls += 1;
    }
    calls
}

#[test]
fn what_a_claim_has_paid_for_goes_first_and_always() {
    scenario(|| {
        register("olga", "w1");
        let (_, first) = send("w1", pause("w1")).expect("within the rate");
        // GIVEN a worker that has used everything up (the mock's follow-up is to resume)
        for _ in 0..4 {
            assert_ok!(send("w1", update("w1")));
        }
        assert_eq!(send("w1", update("w1")), Err(FULL));
        // THEN it can still follow up, in front of others, and is not charged again
        let (free, second) = send("w1", resume("w1")).expect("paid for already");
        assert!(free && second.priority > first.priority);
        at(3);
        assert_eq!(free_calls("w1"), 1);
    });
}

/// Or one call with a heavy worst case would crowd out many that are light in the end.
#[test]
fn what_a_feeless_call_did_not_use_is_there_for_others() {
    scenario(|| {
        register("olga", "w1");
        let call = RuntimeCall::Workers(update("w1"));
        let info = call.get_dispatch_info();
        let used = || crate::FeelessUsed::<Test>::get().ref_time;
        let take = |back: u64| {
            let before = used();
            let extension = Extension::from(());
            let source = TransactionSource::External;
            let implication = TxBaseImplication(());
            let checked =
                extension.validate(signed("w1"), &call, &info, 0, (), &implication, source);
            let (_, val, origin) = checked.expect("free");
            let pre = Extension::from(()).prepare(val, &origin, &call, &info, 0);
            let actual = info.total_weight().ref_time() - back;
            let post = frame_support::dispatch::PostDispatchInfo {
                actual_weight: Some(frame_support::weights::Weight::from_parts(actual, 0)),
                ..Default::default()
            };
            let pre = pre.expect("free");
            assert_ok!(Extension::post_dispatch_details(
                pre,
                &info,
                &post,
                0,
                &Ok(())
            ));
            used() - before
        };
        let (all, less) = (take(0), take(1_000));
        assert_eq!(all - less, 1_000);
    });
}

#[test]
fn what_a_claim_has_paid_for_weighs_no_write_of_its_worker() {
    scenario(|| {
        let weight = |call| Extension::from(()).weight(&RuntimeCall::Workers(call));
        let db: RuntimeDbWeight = DbWeight::get();
        assert_eq!(weight(resume("w1")), db.reads(1));
        assert_eq!(weight(update("w1")), db.reads_writes(1, 1));
        // AND so it is: the worker's record is as before.
        register("olga", "w1");
        assert_ok!(send("w1", pause("w1")));
        let debt = || crate::Workers::<Test>::get(account("w1")).map(|record| record.allowance);
        let before = debt();
        assert_ok!(send("w1", resume("w1")));
        assert_eq!(debt(), before);
    });
}

#[test]
fn who_is_no_worker_pays() {
    scenario(|| {
        register("olga", "w1");
        let (free, _) = send("olga", update("w1")).expect("the operator pays");
        assert!(!free);
        assert_eq!(Workers::feeless_calls_left(account("w1")), 5);
        assert_eq!(Workers::feeless_calls_left(account("olga")), 0);
    });
}

#[test]
fn a_slashed_bond_is_good_for_fewer_calls() {
    scenario(|| {
        register("olga", "w1");
        for _ in 0..20 {
            Workers::slash(&account("w1"), &[]);
        }
        assert_eq!(Workers::feeless_calls_left(account("w1")), 0);
        assert_eq!(send("w1", update("w1")), Err(FULL));
    });
}

#[test]
fn who_pays_a_fee_does_not_pay_for_the_check() {
    scenario(|| {
        let call: RuntimeCall = frame_system::Call::remark { remark: vec![] }.into();
        let extension = Extension::from(());
        assert_eq!(
            extension.weight(&call),
            <DbWeight as Get<RuntimeDbWeight>>::get().reads_writes(1, 1)
        );
        let info = call.get_dispatch_info();
        let pre = Extension::from(()).prepare(Payment::Fee(()), &signed("oskar"), &call, &info, 0);
        let refund = Extension::post_dispatch_details(
            pre.expect("nothing refuses it"),
            &info,
            &Default::default(),
            0,
            &Ok(()),
        );
        assert_eq!(refund, Ok(extension.weight(&call)));
    });
}

#[test]
fn a_call_that_would_fail_is_not_free() {
    scenario(|| {
        register("olga", "w1");
        assert!(!is_feeless("w1", resume("w1")));
        let mut bogus = attributes();
        bogus.jurisdiction = *b"XX";
        let bogus = Call::update {
            worker: account("w1"),
            endpoint: endpoint(),
            attributes: bogus,
        };
        assert!(!is_feeless("w1", bogus));
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        assert!(!is_feeless("w1", pause("w1")));
    });
}

#[test]
fn only_the_worker_key_is_served_for_free() {
    scenario(|| {
        register("olga", "w1");
        register("olga", "w2");
        for call in [update("w1"), pause("w1")] {
            for who in ["olga", "oskar", "w2"] {
                assert!(!is_feeless(who, call.clone()));
            }
            let call = RuntimeCall::Workers(call);
            assert!(!call.is_feeless(&RuntimeOrigin::none()));
            assert!(!call.is_feeless(&RuntimeOrigin::root()));
        }
        // Nor anybody for a worker that is not there.
        assert!(!is_feeless("w9", update("w9")));
        // What the operator paused, its key does not resume.
        assert_ok!(Workers::pause(signed("olga"), account("w1")));
        assert!(!is_feeless("w1", resume("w1")));
    });
}

#[test]
fn other_calls_are_never_free() {
    scenario(|| {
        register("olga", "olga");
        let worker = account("olga");
        for call in [
            Call::leave {
                worker: worker.clone(),
            },
            Call::bond_more {
                worker: worker.clone(),
                amount: 1,
            },
            Call::set_capacity {
                worker: worker.clone(),
                resources: SUNS_1,
            },
            Call::set_environment {
                worker,
                environment: NEXT_ENVIRONMENT,
            },
        ] {
            assert!(!is_feeless("olga", call));
        }
    });
}
