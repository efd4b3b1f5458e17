//! Corrupted storage is noticed.

use sp_runtime::TryRuntimeError;
use sungrid_primitives::attributes::PerAttribute;

use crate::{Attestation, Attested, AuditorRecordOf, Auditors as Records, NextAdmission, mock::*};

fn broken(corrupt: impl FnOnce()) -> TryRuntimeError {
    new_test_ext().execute_with(|| {
        register("w1");
        auditor("anna");
        auditor("arno");
        attest("anna", "w1");
        Auditors::do_try_state().expect("sound so far");
        corrupt();
        Auditors::do_try_state().expect_err("the corruption is noticed")
    })
}

fn with_anna(corrupt: impl FnOnce(&mut AuditorRecordOf<Test>)) -> TryRuntimeError {
    broken(|| {
        Records::<Test>::mutate_extant(account("anna"), corrupt);
    })
}

#[test]
fn a_bond_that_is_not_held_is_noticed() {
    assert_eq!(
        with_anna(|record| record.bond += 1),
        "auditors 1: a bond differs from what is held".into()
    );
}

#[test]
fn a_number_given_twice_is_noticed() {
    let text = "auditors 2: an admission has no number of its own";
    assert_eq!(with_anna(|record| record.admission = 1), text.into());
    assert_eq!(broken(|| NextAdmission::<Test>::put(1)), text.into());
}

#[test]
fn a_resignation_without_bond_is_noticed() {
    let error = broken(|| {
        Auditors::admit(RuntimeOrigin::root(), account("otto")).expect("not admitted");
        Records::<Test>::mutate_extant(account("otto"), |record| record.leaving = Some(9));
    });
    assert_eq!(
        error,
        "auditors 3: somebody resigned who never bonded".into()
    );
}

#[test]
fn attestations_of_nobody_or_nothing_are_noticed() {
    let text = "auditors 4: something is attested of nobody, or nothing of somebody";
    let of_nobody = broken(|| {
        let given = Attested::<Test>::get(account("w1")).expect("attested");
        Attested::<Test>::insert(account("w9"), given);
    });
    assert_eq!(of_nobody, text.into());
    let of_nothing = broken(|| {
        Attested::<Test>::insert(account("w1"), PerAttribute::default());
    });
    assert_eq!(of_nothing, text.into());
}

#[test]
fn an_impossible_attestation_is_noticed() {
    let text = "auditors 5: an attestation that nobody can have given";
    for (admission, until) in [(2, 2), (0, 2 + PERIOD)] {
        let error = broken(|| {
            Attested::<Test>::mutate_extant(account("w1"), |given| {
                given.carbon = Some(Attestation {
                    auditor: account("anna"),
                    admission,
                    until,
                });
            });
        });
        assert_eq!(error, text.into());
    }
}
