//! What every command shares: the node, the key, the folder, the output.

use std::{io, sync::Arc};

use sungrid_chain_client::{
    Account, Chain, Keypair,
    keys::{KeyError, KeySource},
    rpc::RpcChain,
};

use crate::{
    Error,
    args::Global,
    folder::DataFolder,
    output::{Format, Output},
};

/// The surroundings of a command.
pub struct Context {
    /// The options that every command takes.
    pub global: Global,
    /// Where records are.
    pub data: DataFolder,
    /// Where reports go.
    pub out: Output,
}

impl Context {
    /// From the command line.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no place for records.
    pub fn new(global: Global) -> Result<Self, Error> {
        let data = DataFolder::new(global.data_dir.clone())?;
        let format = if global.json {
            Format::Json
        } else {
            Format::Text
        };
        let out = Output::new(format, global.quiet);
        Ok(Self { global, data, out })
    }

    /// Connects to the node.
    ///
    /// # Errors
    /// [`Error::Chain`] if nobody answers, or a node of another chain does.
    pub async fn chain(&self) -> Result<Arc<dyn Chain>, Error> {
        Ok(Arc::new(
            RpcChain::connect(&self.global.nodes(), self.global.genesis).await?,
        ))
    }

    /// Loads the key.
    ///
    /// # Errors
    /// [`Error::NoKey`] if none is named, [`Error::Key`] if it does not load.
    pub fn key(&self) -> Result<Keypair, Error> {
        let source: KeySource = self.global.key.as_deref().ok_or(Error::NoKey)?.parse()?;
        Ok(source.load(&ask)?)
    }

    /// The key if one is named.
    ///
    /// # Errors
    /// [`Error::Key`] if it does not load.
    pub fn key_if_given(&self) -> Result<Option<Keypair>, Error> {
        match self.key() {
            Err(Error::NoKey) => Ok(None),
            other => other.map(Some),
        }
    }
}

/// Asks without echo.
fn ask(question: &str) -> io::Result<String> {
    rpassword::prompt_password(question)
}

/// Whether a text may be given as a key; for the command line's own check.
///
/// # Errors
/// [`KeyError`], above all for a secret where others can read it.
pub fn check_key_source(text: &str) -> Result<String, KeyError> {
    text.parse::<KeySource>().map(|_| text.to_owned())
}

/// Least balance that an account keeps: 0.001 ISC is above the existential deposit and pays some fees.
const RESERVE: u128 = sungrid_primitives::ISC / 1_000;

/// Refuses to send a transaction that the account cannot pay.
///
/// # Errors
/// [`Error::TooLittle`] that says how much is missing.
pub fn can_pay(key: &Keypair, account: &Account, needed: u128, what: &str) -> Result<(), Error> {
    let free = account.free.saturating_sub(account.frozen);
    let needed = needed.saturating_add(RESERVE);
    if free >= needed {
        return Ok(());
    }
    Err(Error::TooLittle {
        account: key.account().to_string(),
        free,
        needed,
        what: what.into(),
    })
}
