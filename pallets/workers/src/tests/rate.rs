//! Feeless calls: for the worker key, once per interval, and only those that succeed.

use frame_support::{assert_ok, dispatch::CheckIfFeeless};

use crate::{Call, mock::*};

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
fn one_call_per_interval_is_free() {
    scenario(|| {
        register("olga", "w1");
        assert!(is_feeless("w1", update("w1")));
        assert!(is_feeless("w1", pause("w1")));
        assert_ok!(Workers::update(
            signed("w1"),
            account("w1"),
            endpoint(),
            attributes()
        ));
        // All three calls share the rate.
        assert!(!is_feeless("w1", update("w1")));
        assert!(!is_feeless("w1", pause("w1")));
        at(FEELESS_INTERVAL);
        assert!(!is_feeless("w1", pause("w1")));
        at(FEELESS_INTERVAL + 1);
        assert!(is_feeless("w1", pause("w1")));
        assert_ok!(Workers::pause(signed("w1"), account("w1")));
        assert!(!is_feeless("w1", resume("w1")));
        at(2 * FEELESS_INTERVAL + 1);
        assert!(is_feeless("w1", resume("w1")));
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
        // The operator's calls leave the key's rate alone.
        assert_ok!(Workers::pause(signed("olga"), account("w1")));
        assert!(is_feeless("w1", resume("w1")));
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
