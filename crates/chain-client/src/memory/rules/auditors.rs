//! Auditors, whom nobody has to admit here: a test does, by giving them a record.

use super::*;

/// What an auditor bonds, planck.
const AUDITOR_BOND: Balance = 1_000 * ISC;
/// Blocks for which an attestation counts.
const ATTESTATION_PERIOD: BlockNumber = 1_000;

impl State {
    /// The auditor of this account, if it may attest.
    fn acting_auditor(&mut self, who: &AccountId) -> Result<&mut Auditor, SubmitError> {
        match self.auditors.get_mut(who) {
            None => fail("Auditors", "NotAdmitted", ""),
            Some(auditor) if auditor.bond == 0 => fail("Auditors", "NotBonded", ""),
            Some(auditor) if auditor.leaving.is_some() => fail("Auditors", "Resigned", ""),
            Some(auditor) => Ok(auditor),
        }
    }

    pub(super) fn bond_auditor(&mut self, who: &AccountId) -> Dispatched {
        match self.auditors.get(who) {
            None => return fail("Auditors", "NotAdmitted", ""),
            Some(auditor) if auditor.bond > 0 => return fail("Auditors", "AlreadyBonded", ""),
            Some(_) => {}
        }
        self.hold(who, AUDITOR_BOND)?;
        if let Some(auditor) = self.auditors.get_mut(who) {
            auditor.bond = AUDITOR_BOND;
        }
        Ok(())
    }

    pub(super) fn attest_attribute(
        &mut self,
        who: &AccountId,
        worker: AccountId,
        statement: &Statement,
    ) -> Dispatched {
        let admission = self.acting_auditor(who)?.admission;
        let until = self.number.saturating_add(ATTESTATION_PERIOD);
        match self.workers.get_mut(&worker) {
            None => return fail("Auditors", "UnknownWorker", ""),
            Some(record) if !statement.agrees_with(&record.attributes) => {
                return fail("Auditors", "NotDeclared", "");
            }
            Some(record) => *record.tiers.of_mut(statement) = Tier::Attested,
        }
        let said = self.attested.entry(worker).or_default();
        *said.of_mut(statement) = Some(Attestation {
            auditor: who.clone(),
            admission,
            until,
        });
        Ok(())
    }

    pub(super) fn retract_attestation(
        &mut self,
        who: &AccountId,
        worker: &AccountId,
        attributes: PerAttribute<bool>,
    ) -> Dispatched {
        let (Some(said), Some(record)) =
            (self.attested.get_mut(worker), self.workers.get_mut(worker))
        else {
            return fail("Auditors", "NothingToRetract", "");
        };
        let mut retracted = false;
        let mut take = |marked: bool, said: &mut Option<Attestation>, tier: &mut Tier| {
            if marked && said.as_ref().is_some_and(|said| said.auditor == *who) {
                (*said, *tier, retracted) = (None, Tier::Declared, true);
            }
        };
        let tiers = &mut record.tiers;
        take(
            attributes.jurisdiction,
            &mut said.jurisdiction,
            &mut tiers.jurisdiction,
        );
        take(attributes.region, &mut said.region, &mut tiers.region);
        take(
            attributes.architecture,
            &mut said.architecture,
            &mut tiers.architecture,
        );
        take(attributes.energy, &mut said.energy, &mut tiers.energy);
        take(attributes.carbon, &mut said.carbon, &mut tiers.carbon);
        match retracted {
            true => Ok(()),
            false => fail("Auditors", "NothingToRetract", ""),
        }
    }

    pub(super) fn resign_auditor(&mut self, who: &AccountId) -> Dispatched {
        let until = self.number.saturating_add(ATTESTATION_PERIOD + COOLDOWN);
        self.acting_auditor(who)?.leaving = Some(until);
        Ok(())
    }

    pub(super) fn withdraw_auditor(&mut self, who: &AccountId) -> Dispatched {
        let bond = match self.auditors.get(who) {
            None => return fail("Auditors", "NotAdmitted", ""),
            Some(auditor) => match auditor.leaving {
                None => return fail("Auditors", "NotResigned", ""),
                Some(until) if self.number < until => {
                    return fail("Auditors", "CoolingDown", "");
                }
                Some(_) => auditor.bond,
            },
        };
        self.auditors.remove(who);
        self.release(who, bond);
        Ok(())
    }
}
