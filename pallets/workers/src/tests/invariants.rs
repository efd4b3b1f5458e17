//! Corrupted storage is noticed; configuration that contradicts itself does not start.

use sp_runtime::TryRuntimeError;

use crate::{WorkerRecordOf, mock::*};

fn broken(corrupt: impl FnOnce(&mut WorkerRecordOf<Test>)) -> TryRuntimeError {
    new_test_ext().execute_with(|| {
        register("olga", "w1");
        crate::Workers::<Test>::mutate_extant(account("w1"), corrupt);
        Workers::do_try_state().expect_err("the corruption is noticed")
    })
}

#[test]
fn a_bond_that_is_not_held_is_noticed() {
    let text = "1: bonds differ from what is held";
    assert_eq!(broken(|record| record.bond += 1), text.into());
    assert_eq!(
        broken(|record| record.operator = account("oskar")),
        text.into()
    );
}

#[test]
fn capacity_in_excess_is_noticed() {
    let text = "2: more capacity is in use than there is";
    assert_eq!(
        broken(|record| record.committed = record.capacity + 1),
        text.into()
    );
    assert_eq!(broken(|record| record.capacity = 0), text.into());
}

#[test]
fn capacity_in_use_for_nothing_is_noticed() {
    let text = "3: capacity is in use without a batch in flight";
    assert_eq!(broken(|record| record.committed = 1), text.into());
}

#[test]
fn a_key_without_reference_is_noticed() {
    let error = new_test_ext().execute_with(|| {
        register("olga", "w1");
        System::dec_sufficients(&account("w1"));
        Workers::do_try_state().expect_err("the corruption is noticed")
    });
    assert_eq!(error, "4: a worker key has no reference".into());
}

#[test]
fn a_place_that_does_not_exist_is_noticed() {
    let text = "5: a jurisdiction does not exist";
    assert_eq!(
        broken(|record| record.attributes.jurisdiction = *b"XX"),
        text.into()
    );
}

#[test]
fn a_worker_without_a_class_is_noticed() {
    let text = "5: a worker serves no class, or one twice";
    assert_eq!(
        broken(|record| record.attributes.classes = Default::default()),
        text.into()
    );
}

#[test]
fn a_call_in_the_future_is_noticed() {
    let text = "6: a feeless call was made in the future";
    assert_eq!(broken(|record| record.allowance.at = 2), text.into());
}

#[test]
fn a_stake_without_shares_is_noticed() {
    let text = "7: more shares leave than there are, or a stake has none";
    let corrupt: [fn(&mut WorkerRecordOf<Test>); 2] = [
        |record| record.delegated.leaving = 1,
        |record| {
            // On hold, but nobody's.
            record.bond -= 1;
            record.delegated.stake = 1;
        },
    ];
    for corrupt in corrupt {
        assert_eq!(broken(corrupt), text.into());
    }
}

#[test]
fn a_rest_that_no_miss_explains_is_noticed() {
    let text = "9: a worker rests for longer than a miss or a fault costs";
    let corrupt: [fn(&mut WorkerRecordOf<Test>); 2] = [
        |record| record.rests_until = System::block_number() + MAX_MISS_REST + 1,
        |record| record.arrears = MAX_MISS_REST + 1,
    ];
    for corrupt in corrupt {
        assert_eq!(broken(corrupt), text.into());
    }
}

#[test]
fn a_part_that_is_not_there_to_leave_is_noticed() {
    let text = "10: more leaves than is bonded, or in another order than it left";
    let leaving = |parts: &[(u128, u64)]| {
        let parts: Vec<_> = parts
            .iter()
            .map(|&(amount, left)| crate::Unbonding { amount, left })
            .collect();
        broken(|record| record.unbonding = parts.try_into().expect("few"))
    };
    for parts in [
        &[(BOND_PER_SUNS + 1, 1)][..],
        &[(u128::MAX, 0), (u128::MAX, 1)],
        &[(0, 1)],
        &[(1, 2)],
        &[(1, 1), (1, 0)],
        &[(1, 1), (1, 1)],
    ] {
        assert_eq!(leaving(parts), text.into());
    }
}

#[test]
#[should_panic(expected = "shorter than the cool-down")]
fn a_longest_batch_too_short_does_not_start() {
    LongestBatch::set(COOLDOWN - 1);
    Workers::check_parameters();
}

#[test]
fn an_offer_of_nobody_is_noticed() {
    let error = new_test_ext().execute_with(|| {
        let offer = crate::Offer {
            to: account("oskar"),
            price: 1,
            from: 1,
        };
        crate::Offers::<Test>::insert(account("w9"), offer);
        Workers::do_try_state().expect_err("the corruption is noticed")
    });
    assert_eq!(error, "8: somebody is offered who is no worker".into());
}

#[test]
fn clients_can_list_workers() {
    scenario(|| {
        register("olga", "w1");
        assert_eq!(
            crate::Workers::<Test>::iter_keys().collect::<Vec<_>>(),
            [account("w1")]
        );
    });
}
