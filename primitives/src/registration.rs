//! A worker key's consent to be bonded by an operator.

use codec::Encode;
use sp_core::H256;
use sp_crypto_hashing::blake2_256;

const REGISTER_DOMAIN: &[u8] = b"sungrid/register/1";

/// The bytes that a worker key signs (sr25519) so that `operator` may register it on the chain with this
/// genesis hash: nobody registers another's key, and a proof is of no use to another operator or chain.
///
/// Accounts are 32-byte public keys.
pub fn registration_payload(genesis: &H256, operator: &[u8; 32], worker: &[u8; 32]) -> [u8; 32] {
    blake2_256(&(REGISTER_DOMAIN, genesis, operator, worker).encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_depends_on_everything_it_names() {
        let (genesis, a, b) = (H256::repeat_byte(1), [2; 32], [3; 32]);
        let base = registration_payload(&genesis, &a, &b);
        assert_ne!(base, registration_payload(&H256::zero(), &a, &b));
        assert_ne!(base, registration_payload(&genesis, &b, &b));
        assert_ne!(base, registration_payload(&genesis, &a, &a));
        assert_ne!(base, registration_payload(&genesis, &b, &a));
    }
}
