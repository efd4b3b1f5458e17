//! Who plays: accounts with money, machines with a character.

use std::sync::OnceLock;

use sp_core::{Pair, sr25519};
use sp_keyring::Sr25519Keyring;
use sungrid_runtime::AccountId;

/// Machines that are registered when a case begins.
pub const MACHINES: usize = 26;
/// Further worker keys, for those who register or rotate later.
const SPARE_KEYS: usize = 10;

/// How a machine treats the work that it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    /// Computes and delivers.
    Honest,
    /// Makes a result up.
    Liar,
    /// Makes the same result up as its accomplices.
    Colluder,
    /// Is honest until it is trusted, then makes results up.
    Sleeper,
    /// Mostly does not deliver.
    Staller,
    /// Commits to what another committed to.
    Copycat,
    /// Bills more than the limits.
    Inflator,
    /// Commits, and mostly does not reveal.
    Withholder,
}

/// An account with its key.
pub struct Actor {
    /// Signs.
    pub key: sr25519::Pair,
    /// Is signed for.
    pub account: AccountId,
}

impl From<sr25519::Pair> for Actor {
    fn from(key: sr25519::Pair) -> Self {
        Self {
            account: key.public().into(),
            key,
        }
    }
}

/// Everybody there is.
pub struct Cast {
    /// The well-known accounts, who order, operate, audit, validate and challenge; the last two are poor.
    pub people: Vec<Actor>,
    /// Worker keys; the first [`MACHINES`] are registered from the beginning.
    pub machines: Vec<Actor>,
}

impl Cast {
    /// The same in every case.
    pub fn get() -> &'static Self {
        static CAST: OnceLock<Cast> = OnceLock::new();
        CAST.get_or_init(|| {
            let poor = [Sr25519Keyring::One, Sr25519Keyring::Two];
            let machine = |n| {
                sr25519::Pair::from_string(&format!("//machine//{n}"), None).expect("a sound path")
            };
            Self {
                people: Sr25519Keyring::well_known()
                    .chain(poor)
                    .map(|key| key.pair().into())
                    .collect(),
                machines: (0..MACHINES + SPARE_KEYS)
                    .map(|n| machine(n).into())
                    .collect(),
            }
        })
    }

    /// Who operates a machine that is registered from the beginning: every rich account has two or three.
    pub fn operator(&self, machine: usize) -> &Actor {
        &self.people[machine % 12]
    }

    /// How the machine with this key behaves.
    pub fn character(&self, worker: &AccountId) -> Character {
        let at = self
            .machines
            .iter()
            .position(|machine| machine.account == *worker);
        match at.unwrap_or_default() {
            12 | 30 => Character::Liar,
            13 | 14 | 15 | 31 => Character::Colluder,
            16 | 32 => Character::Sleeper,
            17 | 18 => Character::Staller,
            19 => Character::Copycat,
            20 => Character::Inflator,
            21 => Character::Withholder,
            _ => Character::Honest,
        }
    }

    /// The actor with this account.
    pub fn of(&self, account: &AccountId) -> Option<&Actor> {
        let mut actors = self.people.iter().chain(&self.machines);
        actors.find(|actor| actor.account == *account)
    }
}
