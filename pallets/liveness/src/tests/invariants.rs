//! Corrupted storage is noticed.

use pallet_workers::{WorkerState, Workers as Register};
use sp_runtime::TryRuntimeError;

use crate::{Draw, Draws, MemberAt, MemberCount, Members, mock::*};

fn broken(corrupt: impl FnOnce()) -> TryRuntimeError {
    new_test_ext().execute_with(|| {
        register("w0");
        register("w1");
        run_to(2 * ROUND);
        Liveness::do_try_state().expect("sound so far");
        corrupt();
        Liveness::do_try_state().expect_err("the corruption is noticed")
    })
}

fn with_w0(corrupt: impl FnOnce(&mut crate::MemberOf<Test>)) -> TryRuntimeError {
    broken(|| {
        Members::<Test>::mutate_extant(account("w0"), corrupt);
    })
}

#[test]
fn a_roster_that_differs_from_the_register_is_noticed() {
    let missing = broken(|| Members::<Test>::remove(account("w0")));
    assert_eq!(
        missing,
        "liveness 1: an active worker is not in the lottery".into()
    );
    let text = "liveness 1: somebody is in the lottery who is not active";
    let paused = broken(|| {
        Register::<Test>::mutate_extant(account("w0"), |record| {
            record.state = WorkerState::Paused;
        });
    });
    assert_eq!(paused, text.into());
}

#[test]
fn numbers_with_gaps_are_noticed() {
    let count = "liveness 2: there are not as many numbers as members";
    assert_eq!(broken(|| MemberCount::<Test>::put(3)), count.into());
    assert_eq!(broken(|| MemberAt::<Test>::remove(1)), count.into());
    let other = "liveness 2: a member has another's number";
    assert_eq!(with_w0(|member| member.index = 1), other.into());
    assert_eq!(with_w0(|member| member.index = 2), other.into());
}

#[test]
fn draws_out_of_time_are_noticed() {
    let text = "liveness 3: a draw that should not be there";
    for (block, workers) in [(ROUND, 1), (2 * ROUND + 1, 1), (2 * ROUND, 0)] {
        let seed = seed(block);
        let error = broken(|| Draws::<Test>::insert(block, Draw { seed, workers }));
        assert_eq!(error, text.into());
    }
}

#[test]
fn an_answer_to_the_future_is_noticed() {
    assert_eq!(
        with_w0(|member| member.answered = Some(2 * ROUND + 1)),
        "liveness 4: a draw yet to come was answered".into()
    );
}
