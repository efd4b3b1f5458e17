//! Bundles: what one worker hands over for one batch.

use codec::{DecodeAll, Encode};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sungrid_primitives::{
    job::MAX_BATCH_UNITS,
    merkle,
    receipt::{BatchSummary, SignedReceipt},
};

use crate::{
    Manifest, ManifestError, Problem, UnitOutput, check, codec::invalid, limits::BUNDLE_BYTES,
};

/// Receipts and outputs of one batch by one worker, unit by unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Version of this format: 1.
    pub version: u64,
    /// One SCALE-encoded [`SignedReceipt`] per unit, in order of the units.
    receipts: Vec<ByteBuf>,
    /// The outputs that the receipts name, in the same order.
    pub outputs: Vec<UnitOutput>,
}

impl Bundle {
    /// A bundle of the current version.
    pub fn new(units: impl IntoIterator<Item = (SignedReceipt, UnitOutput)>) -> Self {
        let (receipts, outputs) = units
            .into_iter()
            .map(|(receipt, output)| (ByteBuf::from(receipt.encode()), output))
            .unzip();
        Self {
            version: 1,
            receipts,
            outputs,
        }
    }

    /// Number of units.
    pub fn len(&self) -> usize {
        self.outputs.len()
    }

    /// Whether there is no unit; such a bundle is invalid.
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    /// The outputs, if they are the ones of this result; whoever knows an accepted one needs nobody's word for them.
    pub fn outputs_of(self, accepted: &BatchSummary) -> Option<Vec<UnitOutput>> {
        let receipts = self.receipts().ok()?;
        let leaves: Vec<_> = receipts
            .iter()
            .map(|signed| signed.receipt.leaf())
            .collect();
        let named = receipts.iter().zip(&self.outputs).all(|(signed, output)| {
            let encoded = output.encode();
            encoded.is_ok_and(|encoded| encoded.hash == signed.receipt.output)
        });
        (named && merkle::root(&leaves) == accepted.root).then_some(self.outputs)
    }

    /// The receipts, decoded but *not* verified.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`] if one is no receipt; not after [`Manifest::decode`].
    pub fn receipts(&self) -> Result<Vec<SignedReceipt>, ManifestError> {
        let decode = |(at, bytes): (usize, &ByteBuf)| {
            SignedReceipt::decode_all(&mut &bytes[..])
                .map_err(|_| invalid::<Self>(format!("receipts[{at}]"), Problem::NotAReceipt))
        };
        self.receipts.iter().enumerate().map(decode).collect()
    }
}

impl Manifest for Bundle {
    const WHAT: &'static str = "a bundle";
    const MAX_BYTES: usize = BUNDLE_BYTES;

    fn validate(&self) -> Result<(), ManifestError> {
        check::version::<Self>(self.version)?;
        let (receipts, outputs) = (self.receipts.len(), self.outputs.len());
        if receipts != outputs {
            let problem = Problem::CountMismatch { receipts, outputs };
            return Err(invalid::<Self>("outputs", problem));
        }
        check::range::<Self>("receipts", receipts as u64, 1, MAX_BATCH_UNITS.into())?;
        self.receipts()?;
        for (at, output) in self.outputs.iter().enumerate() {
            output.validate().map_err(|error| match error {
                ManifestError::Invalid { field, problem, .. } => {
                    invalid::<Self>(format!("outputs[{at}].{field}"), problem)
                }
                other => other,
            })?;
        }
        Ok(())
    }
}
