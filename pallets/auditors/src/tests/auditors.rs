//! Admission, bond, resignation, dismissal: where the bond is, and who may do what.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, Perbill, TokenError};

use crate::{Error, Event, NextAdmission, mock::*};

#[test]
fn an_auditor_is_admitted_bonds_resigns_and_goes() {
    scenario(|| {
        assert_ok!(Auditors::admit(RuntimeOrigin::root(), account("anna")));
        System::assert_last_event(
            Event::AuditorAdmitted {
                auditor: account("anna"),
                admission: 0,
            }
            .into(),
        );
        assert_ok!(Auditors::bond(signed("anna")));
        System::assert_last_event(
            Event::AuditorBonded {
                auditor: account("anna"),
                bond: AUDITOR_BOND,
            }
            .into(),
        );
        assert_eq!(held("anna"), AUDITOR_BOND);
        assert_noop!(
            Auditors::withdraw(signed("anna")),
            Error::<Test>::NotResigned
        );

        assert_ok!(Auditors::resign(signed("anna")));
        let until = 1 + PERIOD + COOLDOWN;
        System::assert_last_event(
            Event::AuditorResigned {
                auditor: account("anna"),
                until,
            }
            .into(),
        );
        assert_noop!(Auditors::resign(signed("anna")), Error::<Test>::Resigned);
        at(until - 1);
        assert_noop!(
            Auditors::withdraw(signed("anna")),
            Error::<Test>::CoolingDown
        );
        at(until);
        assert_ok!(Auditors::withdraw(signed("anna")));
        System::assert_last_event(
            Event::AuditorWithdrawn {
                auditor: account("anna"),
                bond: AUDITOR_BOND,
            }
            .into(),
        );
        assert_eq!(held("anna"), 0);
        assert_noop!(
            Auditors::withdraw(signed("anna")),
            Error::<Test>::NotAdmitted
        );
    });
}

#[test]
fn only_governance_admits_and_dismisses() {
    scenario(|| {
        for origin in [RuntimeOrigin::none(), signed("anna")] {
            assert_noop!(
                Auditors::admit(origin.clone(), account("anna")),
                DispatchError::BadOrigin
            );
            assert_noop!(
                Auditors::dismiss(origin, account("anna"), Perbill::one()),
                DispatchError::BadOrigin
            );
        }
        assert_noop!(
            Auditors::dismiss(RuntimeOrigin::root(), account("anna"), Perbill::one()),
            Error::<Test>::NotAdmitted
        );
        auditor("anna");
        assert_noop!(
            Auditors::admit(RuntimeOrigin::root(), account("anna")),
            Error::<Test>::AlreadyAdmitted
        );
    });
}

#[test]
fn nobody_attests_without_admission_and_bond() {
    scenario(|| {
        register("w1");
        let attest = || {
            let statement = statements()[0].clone();
            Auditors::attest(signed("anna"), account("w1"), statement)
        };
        assert_noop!(Auditors::bond(signed("anna")), Error::<Test>::NotAdmitted);
        assert_noop!(Auditors::resign(signed("anna")), Error::<Test>::NotAdmitted);
        assert_noop!(attest(), Error::<Test>::NotAdmitted);
        assert_ok!(Auditors::admit(RuntimeOrigin::root(), account("anna")));
        assert_noop!(Auditors::resign(signed("anna")), Error::<Test>::NotBonded);
        assert_noop!(attest(), Error::<Test>::NotBonded);
        assert_ok!(Auditors::bond(signed("anna")));
        assert_noop!(Auditors::bond(signed("anna")), Error::<Test>::AlreadyBonded);
        assert_ok!(attest());
        assert_ok!(Auditors::resign(signed("anna")));
        assert_noop!(attest(), Error::<Test>::Resigned);
    });
}

#[test]
fn who_cannot_pay_the_bond_does_not_bond() {
    scenario(|| {
        assert_ok!(Auditors::admit(RuntimeOrigin::root(), account("poor")));
        assert_noop!(Auditors::bond(signed("poor")), TokenError::FundsUnavailable);
    });
}

#[test]
fn a_fraud_costs_the_bond_to_the_last_planck() {
    scenario(|| {
        auditor("anna");
        let treasury = Balances::free_balance(TREASURY);
        assert_ok!(Auditors::dismiss(
            RuntimeOrigin::root(),
            account("anna"),
            Perbill::one()
        ));
        System::assert_last_event(
            Event::AuditorDismissed {
                auditor: account("anna"),
                slashed: AUDITOR_BOND,
                released: 0,
            }
            .into(),
        );
        assert_eq!(Balances::free_balance(TREASURY), treasury + AUDITOR_BOND);
        assert_eq!(
            (Balances::free_balance(account("anna")), held("anna")),
            (FUNDS - AUDITOR_BOND, 0)
        );
    });
}

#[test]
fn resigning_does_not_dodge_a_slash_and_a_part_rounds_up() {
    scenario(|| {
        auditor("anna");
        assert_ok!(Auditors::resign(signed("anna")));
        at(PERIOD + COOLDOWN);
        assert_ok!(Auditors::dismiss(
            RuntimeOrigin::root(),
            account("anna"),
            Perbill::from_percent(50)
        ));
        // Half of 5 001, rounded up.
        System::assert_last_event(
            Event::AuditorDismissed {
                auditor: account("anna"),
                slashed: 2_501,
                released: 2_500,
            }
            .into(),
        );
        assert_eq!(Balances::free_balance(account("anna")), FUNDS - 2_501);
        at(1 + PERIOD + COOLDOWN);
        assert_noop!(
            Auditors::withdraw(signed("anna")),
            Error::<Test>::NotAdmitted
        );
    });
}

#[test]
fn who_never_bonded_is_dismissed_without_a_slash() {
    scenario(|| {
        assert_ok!(Auditors::admit(RuntimeOrigin::root(), account("anna")));
        assert_ok!(Auditors::dismiss(
            RuntimeOrigin::root(),
            account("anna"),
            Perbill::one()
        ));
        assert_eq!(Balances::free_balance(account("anna")), FUNDS);
    });
}

#[test]
fn numbers_of_admissions_do_not_wrap() {
    scenario(|| {
        NextAdmission::<Test>::put(u32::MAX);
        assert_noop!(
            Auditors::admit(RuntimeOrigin::root(), account("anna")),
            Error::<Test>::TooManyAdmissions
        );
    });
}
