//! Corrupted storage is noticed.

use sp_core::H256;
use sp_runtime::TryRuntimeError;

use crate::{Beacons, FalseClaims, Proofs, ProverAt, ProverCount, Runs, mock::*};

fn broken(corrupt: impl FnOnce()) -> TryRuntimeError {
    new_test_ext().execute_with(|| {
        register("w0");
        register("w1");
        prove("w0");
        prove("w1");
        let work = compute("w0", SHAPE, |_, _| false);
        work.commit("w0").expect("commits");
        Capacity::do_try_state().expect("sound so far");
        corrupt();
        Capacity::do_try_state().expect_err("the corruption is noticed")
    })
}

#[test]
fn runs_and_proofs_of_nobody_are_noticed() {
    let run = broken(|| {
        let run = Runs::<Test>::get(account("w1")).expect("a run");
        Runs::<Test>::insert(account("nora"), run);
    });
    assert_eq!(
        run,
        "capacity 1: somebody has a run who is no worker".into()
    );
    let proof = broken(|| {
        Capacity::note_proof(&account("nora"), 1, 1, 1);
    });
    assert_eq!(
        proof,
        "capacity 1: somebody has a proof who is no worker".into()
    );
    let claim = broken(|| FalseClaims::<Test>::insert(account("nora"), 1));
    assert_eq!(
        claim,
        "capacity 1: somebody has a false claim who is no worker".into()
    );
}

#[test]
fn numbers_with_gaps_are_noticed() {
    let count = "capacity 2: there are not as many numbers as proofs";
    assert_eq!(broken(|| ProverCount::<Test>::put(3)), count.into());
    assert_eq!(broken(|| ProverAt::<Test>::remove(1)), count.into());
    let other = broken(|| {
        Proofs::<Test>::mutate_extant(account("w0"), |proof| proof.index = 1);
    });
    assert_eq!(other, "capacity 2: a proof has another's number".into());
}

#[test]
fn a_commitment_that_nothing_answers_for_is_noticed() {
    let free = broken(|| {
        pallet_workers::Workers::<Test>::mutate_extant(account("w0"), |record| {
            record.in_flight = 0;
        });
    });
    assert_eq!(
        free,
        "capacity 3: an undecided commitment is not in flight".into()
    );
}

#[test]
fn what_is_yet_to_come_is_noticed() {
    let future = broken(|| Runs::<Test>::mutate_extant(account("w1"), |run| run.at = 1_000_000));
    assert_eq!(future, "capacity 4: a run is of a block yet to come".into());
    let false_claim = broken(|| FalseClaims::<Test>::insert(account("w1"), 1_000_000));
    assert_eq!(
        false_claim,
        "capacity 4: a claim was false in a block yet to come".into()
    );
    let old = broken(|| Beacons::<Test>::insert(0, H256::zero()));
    assert_eq!(old, "capacity 5: a beacon that should not be there".into());
}
