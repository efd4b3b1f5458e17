//! A party's card: its account, and the account's signature over its endpoint.
//!
//! Bytes: version 1, the account's sr25519 key (32), its signature (64). A card is of use on one chain, for one
//! endpoint: whoever copies it cannot open connections as that endpoint.

use sp_core::H256;
use sp_crypto_hashing::blake2_256;
use sungrid_chain_client::{AccountId, Keypair, keys};
use sungrid_data_plane::EndpointId;

const VERSION: u8 = 1;
const DOMAIN: &[u8] = b"sungrid/card/1";
const LENGTH: usize = 1 + 32 + 64;

/// The card with which `key` stands for what `endpoint` does, on the chain with this genesis hash.
pub fn sign(key: &Keypair, genesis: &H256, endpoint: &EndpointId) -> Vec<u8> {
    let public = key.public();
    let signature = key.sign(&payload(genesis, &public, endpoint));
    let mut card = Vec::with_capacity(LENGTH);
    card.push(VERSION);
    card.extend_from_slice(&public);
    card.extend_from_slice(&signature);
    card
}

/// The account that stands for `endpoint`; `None` if the card is another's, of another chain, or no card.
pub fn account(card: &[u8], genesis: &H256, endpoint: &EndpointId) -> Option<AccountId> {
    let card: &[u8; LENGTH] = card.try_into().ok()?;
    let ([VERSION], rest) = card.split_first_chunk::<1>()? else {
        return None;
    };
    let (public, signature) = rest.split_first_chunk::<32>()?;
    let signature: &[u8; 64] = signature.try_into().ok()?;
    keys::verify(public, &payload(genesis, public, endpoint), signature)
        .then(|| AccountId::new(*public))
}

fn payload(genesis: &H256, account: &[u8; 32], endpoint: &EndpointId) -> [u8; 32] {
    let named: [&[u8]; 4] = [DOMAIN, genesis.as_bytes(), account, endpoint.as_bytes()];
    blake2_256(&named.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_data_plane::SecretKey;

    #[test]
    fn a_card_is_of_one_account_endpoint_and_chain() {
        let key = Keypair::from_uri("//Alice").expect("a development path");
        let endpoint = |n: u8| SecretKey::from_bytes(&[n; 32]).public();
        let (genesis, other) = (H256::repeat_byte(1), H256::repeat_byte(2));
        let card = sign(&key, &genesis, &endpoint(1));
        assert!(card.len() <= sungrid_data_plane::MAX_CARD);
        assert_eq!(account(&card, &genesis, &endpoint(1)), Some(key.account()));
        assert_eq!(account(&card, &other, &endpoint(1)), None, "another chain");
        assert_eq!(account(&card, &genesis, &endpoint(2)), None, "a copy");
        for at in 0..card.len() {
            let mut forged = card.clone();
            forged[at] ^= 1;
            assert_eq!(account(&forged, &genesis, &endpoint(1)), None, "byte {at}");
            assert_eq!(account(&card[..at], &genesis, &endpoint(1)), None);
        }
        let longer = [card.as_slice(), &[0]].concat();
        assert_eq!(account(&longer, &genesis, &endpoint(1)), None);
    }
}
