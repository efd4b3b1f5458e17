//! Whoever is seated by work and bond is whom BABE lets make blocks, and whose votes GRANDPA counts: the sessions, BABE and
//! GRANDPA of the runtime, by signed transactions and whole blocks.

mod common;

use std::collections::BTreeSet;

use codec::{Decode, Encode};
use common::{Blocks, Chain, signed};
use frame_support::traits::{fungible::Mutate, tokens::Preservation};
use sp_consensus_babe::{BABE_ENGINE_ID, ConsensusLog as BabeLog};
use sp_consensus_grandpa::{ConsensusLog as GrandpaLog, GRANDPA_ENGINE_ID};
use sp_core::{Pair, proof_of_possession::statement_of_ownership};
use sp_keyring::{
    Ed25519Keyring,
    Sr25519Keyring::{self, Alice, AliceStash, Charlie, Dave, Eve, Ferdie},
};
use sp_runtime::{DigestItem, traits::Header as _};
use sungrid_primitives::traits::{Income, Payment};
use sungrid_runtime::{
    Authorship, Babe, Balances, BlockNumber, Grandpa, Header, Rewards, RuntimeCall, RuntimeOrigin,
    Session, SessionKeys, Validators,
    constants::{currency::ISC, time::EPOCH_DURATION_IN_SLOTS},
};

const EPOCH: u64 = EPOCH_DURATION_IN_SLOTS;

fn finality(of: Sr25519Keyring) -> Ed25519Keyring {
    match of {
        Alice | AliceStash => Ed25519Keyring::Alice,
        Charlie => Ed25519Keyring::Charlie,
        Dave => Ed25519Keyring::Dave,
        Eve => Ed25519Keyring::Eve,
        _ => Ed25519Keyring::Ferdie,
    }
}

/// What `who` signs blocks and votes with.
fn keys(who: Sr25519Keyring) -> SessionKeys {
    SessionKeys {
        grandpa: finality(who).public().into(),
        babe: who.public().into(),
    }
}

/// `session.set_keys` of `keys`, with the consent of those keys to the account of `owner`.
fn set_keys(of: Sr25519Keyring, owner: Sr25519Keyring) -> RuntimeCall {
    let statement = statement_of_ownership(&owner.to_account_id().encode());
    let votes = finality(of).pair().sign(&statement);
    let blocks = of.pair().sign(&statement);
    RuntimeCall::Session(pallet_session::Call::set_keys {
        keys: keys(of),
        proof: (votes, blocks).encode(),
    })
}

/// A candidate: keys, bond, and a place on the list, each by a transaction.
fn stand(chain: &mut Blocks, who: Sr25519Keyring, bond: u128) {
    chain.block(|| {
        let amount = bond * ISC;
        let calls = [
            set_keys(who, who),
            RuntimeCall::Validators(pallet_validators::Call::bond { amount }),
            RuntimeCall::Validators(pallet_validators::Call::stand { instead_of: None }),
        ];
        let signed = |(nonce, call)| signed(who, nonce, call);
        (0..).zip(calls).map(signed).collect()
    });
}

/// Pays for work of `operator`'s machine, as the market does.
fn work(operator: Sr25519Keyring, isc: u128) {
    let (account, amount) = (operator.to_account_id(), isc * ISC);
    let (payer, pot) = (Alice.to_account_id(), Rewards::account_id());
    Balances::transfer(&payer, &pot, amount, Preservation::Preserve).expect("Alice is rich");
    <Rewards as Income<_>>::paid(Payment {
        worker: account.clone(),
        operator: account,
        developer: None,
        amount,
        charge: 1,
        units: 1,
    });
}

/// Keys as nodes read them out of headers: those of the next epoch's authors, and of those who vote from this block on.
#[derive(Default)]
struct Announced {
    authors: Option<BTreeSet<Vec<u8>>>,
    voters: Option<BTreeSet<Vec<u8>>>,
}

impl Announced {
    fn read(&mut self, header: &Header) {
        for item in header.digest().logs() {
            match item {
                DigestItem::Consensus(BABE_ENGINE_ID, log) => {
                    if let Ok(BabeLog::NextEpochData(next)) = BabeLog::decode(&mut &log[..]) {
                        let keys = next.authorities.iter().map(|(key, _)| key.encode());
                        self.authors = Some(keys.collect());
                    }
                }
                DigestItem::Consensus(GRANDPA_ENGINE_ID, log) => {
                    if let Ok(GrandpaLog::<BlockNumber>::ScheduledChange(change)) =
                        GrandpaLog::decode(&mut &log[..])
                    {
                        assert_eq!(change.delay, 0);
                        let keys = change.next_authorities.iter().map(|(key, _)| key.encode());
                        self.voters = Some(keys.collect());
                    }
                }
                _ => {}
            }
        }
    }
}

fn author_keys(of: &[Sr25519Keyring]) -> BTreeSet<Vec<u8>> {
    of.iter().map(|who| keys(*who).babe.encode()).collect()
}

fn voter_keys(of: &[Sr25519Keyring]) -> BTreeSet<Vec<u8>> {
    of.iter().map(|who| keys(*who).grandpa.encode()).collect()
}

#[test]
fn babe_and_grandpa_are_handed_the_keys_of_those_seated_by_credit_and_bond() {
    Chain::start("development").run(|chain| {
        // GIVEN two seats; Charlie with much work, Dave with less and four times the bond; Eve with little of both, and Ferdie
        // with the largest bond and no work
        stand(chain, Charlie, 10_000);
        stand(chain, Dave, 40_000);
        stand(chain, Eve, 10_000);
        stand(chain, Ferdie, 100_000);
        for (who, isc) in [(Charlie, 1_000), (Dave, 500), (Eve, 100)] {
            work(who, isc);
        }
        let seats = pallet_validators::Seats { least: 2, most: 2 };
        Validators::set_seats(RuntimeOrigin::root(), seats).expect("sound");
        let genesis = [AliceStash.to_account_id()];
        assert_eq!(Session::validators(), genesis);

        // WHEN the sessions pass
        let mut announced = Announced::default();
        let mut changed = 0;
        for block in 1..=3 * EPOCH {
            chain.open();
            announced.read(&chain.close());
            if Session::validators() != genesis {
                changed = block;
                break;
            }
            // Until then Alice makes the blocks, and votes.
            let author = Babe::authorities();
            assert_eq!(
                author
                    .iter()
                    .map(|(key, _)| key.encode())
                    .collect::<BTreeSet<_>>(),
                author_keys(&[Alice])
            );
            assert_eq!(announced.voters, None);
        }

        // THEN it is after a session's notice, and the two of the highest product of credit and bond have the seats,
        assert!(changed > EPOCH, "changed in block {changed}");
        let seated = [Charlie, Dave];
        let mut accounts = seated.map(|who| who.to_account_id());
        accounts.sort();
        assert_eq!(Session::validators(), accounts);
        // make the blocks, as nodes were told an epoch before,
        let authors: Vec<_> = Babe::authorities().to_vec();
        let known: BTreeSet<_> = authors.iter().map(|(key, _)| key.encode()).collect();
        assert_eq!(known, author_keys(&seated));
        assert_eq!(announced.authors, Some(author_keys(&seated)));
        // and vote, from this block on;
        let voters = Grandpa::grandpa_authorities();
        let known: BTreeSet<_> = voters.iter().map(|(key, _)| key.encode()).collect();
        assert_eq!(known, voter_keys(&seated));
        assert_eq!(announced.voters, Some(voter_keys(&seated)));
        assert!(authors.iter().all(|(_, weight)| *weight == 1));
        assert!(voters.iter().all(|(_, weight)| *weight == 1));
        // what the first of them makes is its own.
        chain.open();
        let author = Authorship::author().expect("the block names its author");
        let first = seated.iter().find(|who| who.to_account_id() == author);
        assert_eq!(keys(*first.expect("one of the two")).babe, authors[0].0);
        chain.close();
    });
}

#[test]
fn nobody_stands_with_the_keys_of_another() {
    Chain::start("development").run(|chain| {
        // What Charlie's keys have agreed to is for Charlie's account, and says nothing to Eve's.
        chain.open();
        let stolen = signed(Eve, 0, set_keys(Charlie, Charlie));
        let outcome = sungrid_runtime::Executive::apply_extrinsic(stolen).expect("it is valid");
        outcome.expect_err("the keys have not agreed");
        let taken = signed(Charlie, 0, set_keys(Charlie, Charlie));
        let outcome = sungrid_runtime::Executive::apply_extrinsic(taken).expect("it is valid");
        outcome.expect("its own");
        // Nor are they good for two accounts that they agree to.
        let twice = signed(Eve, 1, set_keys(Charlie, Eve));
        let outcome = sungrid_runtime::Executive::apply_extrinsic(twice).expect("it is valid");
        outcome.expect_err("the keys are taken");
        chain.close();
    });
}
