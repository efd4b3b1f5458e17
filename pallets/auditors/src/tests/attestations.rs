//! What lifts a tier, and everything that lets it fall.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::Perbill;
use sungrid_primitives::attributes::{
    EnergySource, PerAttribute, Statement, TaskClass, Tier, Tiers,
};

use crate::{Attested, Error, Event, mock::*};

fn all() -> Tiers {
    Tiers::default().map(|_| Tier::Attested)
}

#[test]
fn an_attestation_lifts_one_attribute_until_it_expires() {
    scenario(|| {
        register("w1");
        auditor("anna");
        let statement = Statement::Energy(EnergySource::Solar);
        assert_eq!(tiers("w1"), Tiers::default());
        assert_ok!(Auditors::attest(
            signed("anna"),
            account("w1"),
            statement.clone()
        ));
        System::assert_last_event(
            Event::AttributeAttested {
                worker: account("w1"),
                auditor: account("anna"),
                statement,
                until: 1 + PERIOD,
            }
            .into(),
        );
        let energy = Tiers {
            energy: Tier::Attested,
            ..Tiers::default()
        };
        assert_eq!(tiers("w1"), energy);
        at(PERIOD);
        assert_eq!(tiers("w1"), energy);
        at(1 + PERIOD);
        assert_eq!(tiers("w1"), Tiers::default());
    });
}

#[test]
fn only_what_is_declared_can_be_attested() {
    scenario(|| {
        register("w1");
        auditor("anna");
        for lie in [
            Statement::Jurisdiction(*b"FR"),
            Statement::Region(Default::default()),
            Statement::Energy(EnergySource::Wind),
            Statement::Carbon(19),
        ] {
            assert_noop!(
                Auditors::attest(signed("anna"), account("w1"), lie),
                Error::<Test>::NotDeclared
            );
        }
        assert_noop!(
            Auditors::attest(signed("anna"), account("w9"), statements()[0].clone()),
            Error::<Test>::UnknownWorker
        );
        // An operator that changes its word before the call arrives gains nothing.
        declare("w1", |declared| declared.carbon = 0);
        assert_noop!(
            Auditors::attest(signed("anna"), account("w1"), Statement::Carbon(20)),
            Error::<Test>::NotDeclared
        );
    });
}

#[test]
fn a_change_revokes_what_changed_and_nothing_else() {
    scenario(|| {
        register("w1");
        auditor("anna");
        attest("anna", "w1");
        assert_eq!(tiers("w1"), all());
        declare("w1", |declared| {
            declared.carbon = 0;
            declared.jurisdiction = *b"AT";
        });
        let changed = PerAttribute {
            jurisdiction: true,
            carbon: true,
            ..Default::default()
        };
        System::assert_has_event(
            Event::AttestationsRevoked {
                worker: account("w1"),
                attributes: changed,
            }
            .into(),
        );
        let expected = Tiers {
            jurisdiction: Tier::Declared,
            carbon: Tier::Declared,
            ..all()
        };
        assert_eq!(tiers("w1"), expected);
        // Changing it back does not bring the auditor's word back.
        declare("w1", |_| {});
        assert_eq!(tiers("w1"), expected);
    });
}

#[test]
fn another_address_or_class_revokes_nothing() {
    scenario(|| {
        register("w1");
        auditor("anna");
        attest("anna", "w1");
        declare("w1", |declared| {
            declared.classes = vec![TaskClass::Media].try_into().expect("one");
        });
        assert_eq!(tiers("w1"), all());
    });
}

#[test]
fn all_attestations_of_a_fraud_fall_at_once() {
    scenario(|| {
        // GIVEN two auditors and three workers
        for worker in ["w1", "w2", "w3"] {
            register(worker);
        }
        auditor("anna");
        auditor("arno");
        attest("anna", "w1");
        attest("anna", "w2");
        attest("arno", "w3");
        // WHEN one of them is found out
        assert_ok!(Auditors::dismiss(
            RuntimeOrigin::root(),
            account("anna"),
            Perbill::one()
        ));
        // THEN all that it attested has fallen, and nothing else; not one entry had to be touched
        assert_eq!(tiers("w1"), Tiers::default());
        assert_eq!(tiers("w2"), Tiers::default());
        assert_eq!(tiers("w3"), all());
        assert_eq!(Attested::<Test>::iter().count(), 3);
        // AND a second admission does not raise them from the dead
        auditor("anna");
        assert_eq!(tiers("w1"), Tiers::default());
        attest("anna", "w1");
        assert_eq!(tiers("w1"), all());
        assert_eq!(tiers("w2"), Tiers::default());
    });
}

#[test]
fn a_resigned_auditor_s_word_counts_until_it_expires() {
    scenario(|| {
        register("w1");
        auditor("anna");
        attest("anna", "w1");
        assert_ok!(Auditors::resign(signed("anna")));
        assert_eq!(tiers("w1"), all());
        // When the bond can go, nothing counts any more that it answered for.
        at(1 + PERIOD);
        assert_eq!(tiers("w1"), Tiers::default());
    });
}

#[test]
fn an_auditor_takes_back_its_own_word_only() {
    scenario(|| {
        register("w1");
        auditor("anna");
        auditor("arno");
        attest("anna", "w1");
        let everything = PerAttribute::<()>::default().map(|()| true);
        assert_noop!(
            Auditors::retract(signed("arno"), account("w1"), everything),
            Error::<Test>::NothingToRetract
        );
        assert_noop!(
            Auditors::retract(signed("anna"), account("w1"), PerAttribute::default()),
            Error::<Test>::NothingToRetract
        );
        // Arno stands for the energy source now; Anna's word for the rest goes.
        let energy = Statement::Energy(EnergySource::Solar);
        assert_ok!(Auditors::attest(signed("arno"), account("w1"), energy));
        assert_ok!(Auditors::retract(signed("anna"), account("w1"), everything));
        let expected = Tiers {
            energy: Tier::Attested,
            ..Tiers::default()
        };
        assert_eq!(tiers("w1"), expected);
        assert_ok!(Auditors::retract(signed("arno"), account("w1"), everything));
        assert!(!Attested::<Test>::contains_key(account("w1")));
        assert_noop!(
            Auditors::retract(signed("arno"), account("w1"), everything),
            Error::<Test>::NothingToRetract
        );
    });
}

#[test]
fn another_key_starts_without_attestations() {
    scenario(|| {
        register("w1");
        auditor("anna");
        attest("anna", "w1");
        assert_ok!(Workers::rotate_key(
            signed("olga"),
            account("w1"),
            account("w2"),
            proof("w2", "olga")
        ));
        assert_eq!(tiers("w2"), Tiers::default());
        assert!(!Attested::<Test>::contains_key(account("w1")));
    });
}

#[test]
fn a_withdrawn_worker_leaves_nothing_behind() {
    scenario(|| {
        register("w1");
        auditor("anna");
        attest("anna", "w1");
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        at(1 + COOLDOWN);
        assert_ok!(Workers::withdraw(signed("olga"), account("w1")));
        assert!(!Attested::<Test>::contains_key(account("w1")));
        // The same key, registered again, is nobody whom anybody vouched for.
        register("w1");
        assert_eq!(tiers("w1"), Tiers::default());
    });
}
