//! Checks of a worker's bundle: who signed what, and what it comes to. Needs neither chain nor network
//! (requirement X3).

use std::fmt;

use serde::Serialize;
use sp_core::H256;
use sungrid_chain_client::{AccountId, JobSpec};
use sungrid_manifest::{Bundle, JobInput, Manifest, ManifestError, UnitOutput};
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, UnitIndex,
    environment::EnvironmentId,
    job::{Cut, Layout},
    merkle::UnitLeaf,
    receipt::{BatchSummary, SignedReceipt},
    suns::Profile,
};

use sungrid_seal::{JobKey, OpenError};

use crate::before::Before;

/// What the receipts of a bundle must say. `None` accepts whatever they agree on among themselves.
#[derive(Clone, Debug, Default)]
pub struct Expected<'a> {
    /// Genesis hash of the chain.
    pub genesis: Option<H256>,
    /// The job.
    pub job: Option<JobId>,
    /// The job's terms: image, environment, limits, and which units stand in which batch.
    pub spec: Option<&'a JobSpec>,
    /// Its batches that were cut.
    pub cuts: &'a [Cut],
    /// The job's inputs.
    pub input: Option<&'a JobInput>,
    /// The key under which the inputs are named, if the job is encrypted.
    pub key: Option<&'a JobKey>,
    /// The outputs of the job that it comes after.
    pub before: Option<&'a Before>,
    /// The batch.
    pub batch: Option<BatchIndex>,
    /// The worker key.
    pub worker: Option<[u8; 32]>,
}

/// What is wrong with a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Not signed by the key it names.
    #[error("the signature does not match the worker key")]
    Signature,
    /// Signed by another worker than the rest, or than the one asked for.
    #[error("signed by another worker")]
    Worker,
    /// Made for another chain.
    #[error("made for another chain (genesis differs)")]
    Genesis,
    /// Made for another job.
    #[error("made for another job")]
    Job,
    /// Ran another image.
    #[error("ran another image")]
    Image,
    /// Ran in another environment.
    #[error("ran in another environment")]
    Environment,
    /// Not the unit that stands here.
    #[error("is for another unit")]
    Unit,
    /// Ran on another input.
    #[error("ran on another input")]
    Input,
    /// Its output manifest is another one.
    #[error("names another output than the one in the bundle")]
    Output,
    /// The exit code differs from its output manifest's.
    #[error("gives another exit code than its output")]
    Exit,
    /// More fuel than the job allows.
    #[error("claims more fuel than the job allows")]
    Fuel,
    /// More memory than the job allows.
    #[error("claims more memory than the job allows")]
    Memory,
    /// Other bytes than its input has that count.
    #[error("claims other bytes of input than it got")]
    BytesIn,
    /// Other bytes than its output has.
    #[error("claims other bytes of output than it left")]
    BytesOut,
    /// More bytes in and out than the job allows.
    #[error("claims more bytes in and out than the job allows")]
    Traffic,
}

/// One receipt and what is wrong with it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Verdict {
    /// The unit that it is for.
    pub unit: UnitIndex,
    /// What is wrong; `None`: it is valid.
    pub fault: Option<Fault>,
}

/// A bundle after its check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The worker key that signed.
    pub worker: AccountId,
    /// Its batch, if the job's terms are known.
    pub batch: Option<BatchIndex>,
    /// The receipts, in order.
    pub receipts: Vec<SignedReceipt>,
    /// One verdict per receipt.
    pub verdicts: Vec<Verdict>,
}

/// A bundle that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What it names does not open.
    #[error("what its units left does not open: {0}")]
    Sealed(#[from] OpenError),
    /// It has more or fewer units than its batch.
    #[error("the bundle has {found} units, its batch {expected}")]
    Units {
        /// Units in the bundle.
        found: usize,
        /// Units in the batch.
        expected: u32,
    },
    /// The job has no such batch.
    #[error("unit {0} starts no batch of this job")]
    NoSuchBatch(UnitIndex),
    /// A receipt is not valid.
    #[error("the receipt of unit {unit} {fault}")]
    Receipt {
        /// The unit.
        unit: UnitIndex,
        /// What is wrong.
        fault: Fault,
    },
    /// The profile cannot charge what was metered.
    #[error("the profile of the job cannot charge these figures")]
    NoCharge,
    /// The leaves do not come to the summary on chain.
    #[error(
        "these results come to root {:?}, {} fuel, {} µSUNS·s; the chain accepted root {:?}, {} fuel, {} µSUNS·s",
        found.root, found.fuel, found.charge, expected.root, expected.fuel, expected.charge
    )]
    NotAccepted {
        /// What the leaves come to.
        found: Box<BatchSummary>,
        /// What the chain accepted.
        expected: Box<BatchSummary>,
    },
}

impl Checked {
    /// Number of valid receipts.
    pub fn valid(&self) -> usize {
        self.verdicts.iter().filter(|v| v.fault.is_none()).count()
    }

    /// The leaves, in order.
    pub fn leaves(&self) -> Vec<UnitLeaf> {
        self.receipts.iter().map(|r| r.receipt.leaf()).collect()
    }

    /// Itself, if every receipt is valid.
    ///
    /// # Errors
    /// [`VerifyError::Receipt`] with the first that is not.
    pub fn all_valid(self) -> Result<Self, VerifyError> {
        match self
            .verdicts
            .iter()
            .find_map(|v| v.fault.map(|fault| (v.unit, fault)))
        {
            None => Ok(self),
            Some((unit, fault)) => Err(VerifyError::Receipt { unit, fault }),
        }
    }

    /// Root and totals.
    ///
    /// # Errors
    /// [`VerifyError::NoCharge`].
    pub fn summary(&self, profile: &Profile) -> Result<BatchSummary, VerifyError> {
        BatchSummary::of(&self.leaves(), profile).ok_or(VerifyError::NoCharge)
    }

    /// Root and totals, if they are the ones that the chain accepted.
    ///
    /// # Errors
    /// [`VerifyError::NotAccepted`] if they are not, [`VerifyError::NoCharge`].
    pub fn accepted(
        &self,
        profile: &Profile,
        expected: BatchSummary,
    ) -> Result<BatchSummary, VerifyError> {
        let found = self.summary(profile)?;
        if found == expected {
            Ok(found)
        } else {
            Err(VerifyError::NotAccepted {
                found: found.into(),
                expected: expected.into(),
            })
        }
    }
}

/// Checks every receipt of a bundle against its output and against what is expected.
///
/// # Errors
/// [`VerifyError`] if the bundle as a whole cannot be one of the job's batches; faults of single
/// receipts are in [`Checked::verdicts`].
pub fn check(bundle: &Bundle, expected: &Expected<'_>) -> Result<Checked, VerifyError> {
    let receipts = bundle.receipts()?;
    // `validate` refuses an empty bundle, but a value built here may be one.
    let Some(first) = receipts.first().map(|r| r.receipt) else {
        return Err(VerifyError::Units {
            found: 0,
            expected: 1,
        });
    };
    let (mut batch, mut start) = (None, first.unit);
    if let Some(spec) = expected.spec {
        let layout = Layout {
            units: spec.units,
            batch_size: spec.batch_size,
            cuts: expected.cuts,
        };
        let (index, (from, count)) = expected
            .batch
            .or_else(|| layout.batch_of(first.unit))
            .and_then(|index| Some((index, layout.range(index)?)))
            .ok_or(VerifyError::NoSuchBatch(first.unit))?;
        if expected.batch.is_none() && from != first.unit {
            return Err(VerifyError::NoSuchBatch(first.unit));
        }
        if receipts.len() != count as usize {
            return Err(VerifyError::Units {
                found: receipts.len(),
                expected: count,
            });
        }
        (batch, start) = (Some(index), from);
    }
    let worker = expected.worker.unwrap_or(receipts[0].worker);
    let common = Common {
        worker,
        genesis: expected.genesis.unwrap_or(first.genesis),
        job: expected.job.unwrap_or(first.job),
        image: expected.spec.map_or(first.image, |spec| spec.image),
        environment: expected
            .spec
            .map_or(first.environment, |spec| spec.environment),
    };
    let mut verdicts = Vec::with_capacity(receipts.len());
    for (at, (receipt, output)) in receipts.iter().zip(&bundle.outputs).enumerate() {
        // A bundle has at most 1,024 units, so `at` fits; a first unit near the end of the range must not wrap.
        let unit = start.saturating_add(at as u32);
        let input = match expected.input {
            None => None,
            Some(job) => Some(match job.unit(unit) {
                None => return Err(VerifyError::NoSuchBatch(unit)),
                Some(mut input) => {
                    if let Some(before) = expected.before {
                        before.add_to(&mut input);
                    }
                    let bytes = expected.spec.map(|spec| input.traffic(spec.batch_size));
                    let input = input.encode()?;
                    let under = |key: &JobKey| key.input_hash(&input.bytes);
                    let hash = expected.key.map_or(input.hash, under);
                    Input { hash, bytes }
                }
            }),
        };
        let fault = fault(receipt, unit, &common, output, input, expected.spec)?;
        verdicts.push(Verdict { unit, fault });
    }
    Ok(Checked {
        worker: AccountId::new(worker),
        batch,
        receipts,
        verdicts,
    })
}

struct Common {
    worker: [u8; 32],
    genesis: H256,
    job: JobId,
    image: ContentHash,
    environment: EnvironmentId,
}

/// What a unit got.
struct Input {
    hash: ContentHash,
    /// Bytes that count, if the job's terms are known.
    bytes: Option<u64>,
}

fn fault(
    signed: &SignedReceipt,
    unit: UnitIndex,
    common: &Common,
    output: &UnitOutput,
    input: Option<Input>,
    spec: Option<&JobSpec>,
) -> Result<Option<Fault>, ManifestError> {
    let receipt = &signed.receipt;
    let (hash, bytes) = input
        .map(|input| (input.hash, input.bytes))
        .unwrap_or((receipt.input, None));
    let rules = [
        (receipt.genesis == common.genesis, Fault::Genesis),
        (receipt.job == common.job, Fault::Job),
        (receipt.unit == unit, Fault::Unit),
        (receipt.image == common.image, Fault::Image),
        (
            receipt.environment == common.environment,
            Fault::Environment,
        ),
        (receipt.input == hash, Fault::Input),
        (receipt.output == output.encode()?.hash, Fault::Output),
        (receipt.exit == output.exit, Fault::Exit),
        (
            bytes.is_none_or(|bytes| receipt.bytes_in == bytes),
            Fault::BytesIn,
        ),
        (receipt.bytes_out == output.size(), Fault::BytesOut),
        (
            spec.is_none_or(|spec| receipt.fuel <= spec.fuel_limit),
            Fault::Fuel,
        ),
        (
            spec.is_none_or(|spec| receipt.peak_memory <= spec.memory_limit),
            Fault::Memory,
        ),
        (
            spec.is_none_or(|spec| receipt.leaf().traffic() <= spec.traffic_limit),
            Fault::Traffic,
        ),
        (signed.worker == common.worker, Fault::Worker),
        (signed.verify(), Fault::Signature),
    ];
    let broken = rules.into_iter().find(|(holds, _)| !holds);
    Ok(broken.map(|(_, fault)| fault))
}

/// What verified work comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// Fuel, all replicas.
    pub fuel: u128,
    /// Charge, µSUNS·s, all replicas.
    pub charge: u128,
    /// Planck: each replica of each batch is rounded by itself, as the chain does.
    pub planck: u128,
    /// Replicas of batches.
    pub replicas: u32,
}

impl Bill {
    /// Adds one replica of one batch, which costs so many planck.
    pub fn add(&mut self, summary: &BatchSummary, cost: u128) {
        self.fuel = self.fuel.saturating_add(summary.fuel);
        self.charge = self.charge.saturating_add(summary.charge);
        self.planck = self.planck.saturating_add(cost);
        self.replicas += 1;
    }
}

impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in {} replicas of batches, {} µSUNS·s, {}",
            crate::units::fuel(self.fuel),
            self.replicas,
            self.charge,
            crate::units::isc(self.planck)
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use sp_core::{Pair, sr25519};
    use sungrid_chain_client::{Constraints, Policy};
    use sungrid_manifest::{Blob, File, UnitSpec, hash};
    use sungrid_primitives::{receipt::Receipt, suns::CPU_1, traits::CPU_1_ID};

    pub(crate) fn spec() -> JobSpec {
        JobSpec {
            image: H256::repeat_byte(1),
            input: H256::repeat_byte(2),
            units: 5,
            batch_size: 2,
            price: 1_000_000_000_000,
            fuel_limit: 1_000,
            memory_limit: 1 << 20,
            traffic_limit: 1_000,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: H256::repeat_byte(3),
            deadline: 100,
            endpoint: vec![],
            constraints: Constraints::default(),
            after: None,
        }
    }

    /// 101 bytes for all units, 50 for each.
    fn input() -> JobInput {
        let file = |name, size| File::new(name, hash(b"content"), size);
        let unit = UnitSpec {
            args: vec![],
            files: vec![file("own", 50)],
        };
        JobInput::new(vec![file("shared", 101)], vec![unit; 5])
    }

    /// 7 bytes on stdout.
    fn output(unit: u32) -> UnitOutput {
        let stdout = Blob {
            hash: hash(b"content"),
            size: 7,
        };
        UnitOutput::new(unit, Some(stdout), None, vec![])
    }

    fn receipt(unit: u32) -> Receipt {
        Receipt {
            genesis: H256::repeat_byte(9),
            job: 7,
            unit,
            image: spec().image,
            input: input().unit(unit).unwrap().encode().unwrap().hash,
            output: output(unit).encode().unwrap().hash,
            fuel: 10,
            peak_memory: 1 << 16,
            // Of what is shared, half in batches of two, rounded up.
            bytes_in: 50 + 51,
            bytes_out: 7,
            exit: unit,
            environment: spec().environment,
            anchor: H256::zero(),
        }
    }

    fn key() -> sr25519::Pair {
        sr25519::Pair::from_seed(&[1; 32])
    }

    fn bundle(units: &[u32]) -> Bundle {
        Bundle::new(
            units
                .iter()
                .map(|u| (SignedReceipt::sign(receipt(*u), &key()), output(*u))),
        )
    }

    fn expected<'a>(spec: &'a JobSpec, input: &'a JobInput) -> Expected<'a> {
        Expected {
            genesis: Some(H256::repeat_byte(9)),
            job: Some(7),
            spec: Some(spec),
            input: Some(input),
            ..Default::default()
        }
    }

    fn fault_of(edit: impl Fn(&mut Receipt)) -> Option<Fault> {
        let mut receipt = receipt(2);
        edit(&mut receipt);
        let second = SignedReceipt::sign(super::tests::receipt(3), &key());
        let bundle = Bundle::new([
            (SignedReceipt::sign(receipt, &key()), output(2)),
            (second, output(3)),
        ]);
        let (spec, input) = (spec(), input());
        let expected = Expected {
            batch: Some(1),
            ..expected(&spec, &input)
        };
        let checked = check(&bundle, &expected).expect("a batch of the job");
        assert_eq!(checked.verdicts[1].fault, None);
        checked.verdicts[0].fault
    }

    #[test]
    fn honest_bundles_of_every_batch_hold() {
        let (spec, input) = (spec(), input());
        for (batch, units) in [(0, &[0, 1][..]), (1, &[2, 3]), (2, &[4])] {
            let checked = check(&bundle(units), &expected(&spec, &input)).unwrap();
            assert_eq!((checked.valid(), checked.batch), (units.len(), Some(batch)));
            let summary = checked.summary(&CPU_1).unwrap();
            assert_eq!(checked.accepted(&CPU_1, summary), Ok(summary));
            assert_eq!(summary.fuel, 10 * units.len() as u128);
            let others = [
                BatchSummary {
                    root: H256::zero(),
                    ..summary
                },
                BatchSummary {
                    fuel: summary.fuel + 1,
                    ..summary
                },
                BatchSummary {
                    charge: summary.charge - 1,
                    ..summary
                },
            ];
            for other in others {
                let refused = checked.accepted(&CPU_1, other);
                assert!(matches!(refused, Err(VerifyError::NotAccepted { .. })));
            }
        }
    }

    #[test]
    fn each_lie_has_its_name() {
        assert_eq!(fault_of(|_| {}), None);
        assert_eq!(fault_of(|r| r.genesis = H256::zero()), Some(Fault::Genesis));
        assert_eq!(fault_of(|r| r.job = 8), Some(Fault::Job));
        assert_eq!(fault_of(|r| r.unit = 3), Some(Fault::Unit));
        assert_eq!(fault_of(|r| r.image = H256::zero()), Some(Fault::Image));
        assert_eq!(
            fault_of(|r| r.environment = H256::zero()),
            Some(Fault::Environment)
        );
        assert_eq!(fault_of(|r| r.input = H256::zero()), Some(Fault::Input));
        assert_eq!(fault_of(|r| r.output = H256::zero()), Some(Fault::Output));
        assert_eq!(fault_of(|r| r.exit = 9), Some(Fault::Exit));
        assert_eq!(fault_of(|r| r.fuel = 1_001), Some(Fault::Fuel));
        assert_eq!(fault_of(|r| r.peak_memory = 1 << 21), Some(Fault::Memory));
        // More bytes than there are, and fewer.
        assert_eq!(fault_of(|r| r.bytes_in += 1), Some(Fault::BytesIn));
        assert_eq!(fault_of(|r| r.bytes_in = 151), Some(Fault::BytesIn));
        assert_eq!(fault_of(|r| r.bytes_in = 50), Some(Fault::BytesIn));
        assert_eq!(fault_of(|r| r.bytes_out += 1), Some(Fault::BytesOut));
        assert_eq!(fault_of(|r| r.bytes_out = 0), Some(Fault::BytesOut));
    }

    #[test]
    fn bytes_beyond_the_limit_are_found_and_those_of_the_output_without_any_terms() {
        let (terms, input) = (spec(), input());
        let (traffic, bundle) = (101 + 7, bundle(&[4]));
        for (limit, fault) in [(traffic, None), (traffic - 1, Some(Fault::Traffic))] {
            let terms = JobSpec {
                traffic_limit: limit,
                ..terms.clone()
            };
            let checked = check(&bundle, &expected(&terms, &input)).unwrap();
            assert_eq!(checked.verdicts[0].fault, fault, "limit {limit}");
        }
        // A bundle alone shows what its units left, and charges what it says that they got.
        let mut padded = receipt(4);
        padded.bytes_in = 1_000_000;
        let sign = |receipt| Bundle::new([(SignedReceipt::sign(receipt, &key()), output(4))]);
        let loose = check(&sign(padded), &Expected::default()).unwrap();
        assert_eq!(loose.valid(), 1);
        assert_eq!(loose.summary(&CPU_1).unwrap().charge, 400_003);
        padded.bytes_out += 1;
        let loose = check(&sign(padded), &Expected::default()).unwrap();
        assert_eq!(loose.verdicts[0].fault, Some(Fault::BytesOut));
        // Terms that were cut count shared files as they were ordered.
        let cuts = [Cut { batch: 0, first: 1 }];
        let cut = Expected {
            cuts: &cuts,
            ..expected(&terms, &input)
        };
        let part = check(&self::bundle(&[1]), &cut).expect("a part");
        assert_eq!((part.valid(), part.batch), (1, Some(3)));
    }

    #[test]
    fn a_receipt_that_was_changed_or_signed_by_another_is_found() {
        let (spec, input) = (spec(), input());
        let mut changed = SignedReceipt::sign(receipt(4), &key());
        changed.receipt.fuel = 11;
        let checked = check(
            &Bundle::new([(changed, output(4))]),
            &expected(&spec, &input),
        )
        .unwrap();
        assert_eq!(
            checked.all_valid().unwrap_err(),
            VerifyError::Receipt {
                unit: 4,
                fault: Fault::Signature
            }
        );
        let other = sr25519::Pair::from_seed(&[2; 32]);
        let foreign = Bundle::new([
            (SignedReceipt::sign(receipt(0), &key()), output(0)),
            (SignedReceipt::sign(receipt(1), &other), output(1)),
        ]);
        let checked = check(&foreign, &expected(&spec, &input)).unwrap();
        assert_eq!(checked.verdicts[1].fault, Some(Fault::Worker));
        let asked = Expected {
            worker: Some(other.public().0),
            ..expected(&spec, &input)
        };
        let checked = check(&foreign, &asked).unwrap();
        assert_eq!(checked.verdicts[0].fault, Some(Fault::Worker));
    }

    #[test]
    fn units_must_be_those_of_one_batch() {
        let (spec, input) = (spec(), input());
        let expected = expected(&spec, &input);
        assert!(matches!(
            check(&bundle(&[1, 2]), &expected),
            Err(VerifyError::NoSuchBatch(1))
        ));
        assert!(matches!(
            check(&bundle(&[0]), &expected),
            Err(VerifyError::Units {
                found: 1,
                expected: 2
            })
        ));
        assert!(matches!(
            check(&Bundle::new([]), &expected),
            Err(VerifyError::Units { found: 0, .. })
        ));
        // Of a batch that was cut, those of either part.
        let cuts = [Cut { batch: 0, first: 1 }];
        let cut = Expected {
            cuts: &cuts,
            ..expected.clone()
        };
        let parts = [[0], [1]].map(|units| check(&bundle(&units), &cut).expect("a part"));
        assert_eq!(
            parts.map(|part| (part.valid(), part.batch)),
            [(1, Some(0)), (1, Some(3))]
        );
        assert!(matches!(
            check(&bundle(&[0, 1]), &cut),
            Err(VerifyError::Units {
                found: 2,
                expected: 1
            })
        ));
        let swapped = check(
            &bundle(&[1, 0]),
            &Expected {
                batch: Some(0),
                ..expected.clone()
            },
        )
        .unwrap();
        assert_eq!(swapped.valid(), 0);
        let beyond = Expected {
            batch: Some(3),
            ..expected
        };
        assert!(matches!(
            check(&bundle(&[0, 1]), &beyond),
            Err(VerifyError::NoSuchBatch(_))
        ));
        // Without a job, the receipts must still be consecutive and agree with each other.
        let loose = check(&bundle(&[1, 2]), &Expected::default()).unwrap();
        assert_eq!((loose.valid(), loose.batch), (2, None));
    }

    #[test]
    fn the_bill_rounds_like_the_chain() {
        let (spec, input) = (spec(), input());
        let summary = check(&bundle(&[4]), &expected(&spec, &input))
            .unwrap()
            .summary(&CPU_1)
            .unwrap();
        let mut bill = Bill::default();
        let cuts = [Cut { batch: 0, first: 1 }];
        let layout = Layout {
            units: spec.units,
            batch_size: spec.batch_size,
            cuts: &cuts,
        };
        for batch in [0, 1, layout.ordered()] {
            bill.add(&summary, layout.cost(batch, summary.charge, 1));
        }
        // A charge of a fraction of a planck costs one planck per replica, and nothing of what was cut off another batch.
        assert_eq!((bill.planck, bill.replicas, bill.fuel), (2, 3, 30));
    }
}
