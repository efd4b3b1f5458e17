//! The JSON-RPC methods of a Sungrid node beyond what every Substrate node serves: account nonces, fees,
//! BABE authorship, GRANDPA finality, and chain specifications for light clients.
//!
//! What clients want to know of our own pallets they read through storage, view functions and the runtime
//! API of `sungrid-runtime-api`, so no method here needs types that metadata does not describe.
#![deny(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use jsonrpsee::RpcModule;
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use sc_chain_spec::ChainSpec;
use sc_client_api::{AuxStore, backend::Backend};
use sc_consensus_babe::{BabeApi, BabeWorkerHandle};
use sc_consensus_babe_rpc::{Babe, BabeApiServer};
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
use sc_transaction_pool_api::TransactionPool;
use sp_api::ProvideRuntimeApi;
use sp_block_builder::BlockBuilder;
use sp_blockchain::{Error as BlockChainError, HeaderBackend, HeaderMetadata};
use sp_consensus::SelectChain;
use sp_keystore::KeystorePtr;
use substrate_frame_rpc_system::{System, SystemApiServer};
use sungrid_runtime::{AccountId, Balance, BlockNumber, Hash, Nonce, opaque::Block};

/// What the BABE methods need.
pub struct BabeDeps {
    /// Talks to the running BABE worker.
    pub worker: BabeWorkerHandle<Block>,
    /// Holds the keys whose slots are asked for.
    pub keystore: KeystorePtr,
}

/// What the GRANDPA methods need.
pub struct GrandpaDeps<B> {
    /// State of the current voting round.
    pub shared_voter_state: SharedVoterState,
    /// The authorities, as finality goes on.
    pub shared_authority_set: SharedAuthoritySet<Hash, BlockNumber>,
    /// New justifications.
    pub justification_stream: GrandpaJustificationStream<Block>,
    /// Runs subscriptions.
    pub subscription_executor: SubscriptionTaskExecutor,
    /// Serves proofs of finality.
    pub finality_provider: Arc<FinalityProofProvider<B, Block>>,
}

/// Everything that the methods need.
pub struct FullDeps<C, P, SC, B> {
    /// The client.
    pub client: Arc<C>,
    /// The transaction pool.
    pub pool: Arc<P>,
    /// How the best chain is chosen.
    pub select_chain: SC,
    /// The specification this node was started with.
    pub chain_spec: Box<dyn ChainSpec>,
    /// For BABE's methods.
    pub babe: BabeDeps,
    /// For GRANDPA's methods.
    pub grandpa: GrandpaDeps<B>,
}

/// All methods in one module.
///
/// # Errors
/// When two modules define one method, or the chain specification has no room for a light client's
/// sync state.
pub fn create_full<C, P, SC, B>(
    deps: FullDeps<C, P, SC, B>,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>>
where
    C: ProvideRuntimeApi<Block>
        + HeaderBackend<Block>
        + HeaderMetadata<Block, Error = BlockChainError>
        + AuxStore
        + Send
        + Sync
        + 'static,
    C::Api: substrate_frame_rpc_system::AccountNonceApi<Block, AccountId, Nonce>
        + pallet_transaction_payment_rpc::TransactionPaymentRuntimeApi<Block, Balance>
        + BabeApi<Block>
        + BlockBuilder<Block>,
    P: TransactionPool + 'static,
    SC: SelectChain<Block> + 'static,
    B: Backend<Block> + Send + Sync + 'static,
    B::State: sc_client_api::backend::StateBackend<sp_runtime::traits::HashingFor<Block>>,
{
    let FullDeps {
        client,
        pool,
        select_chain,
        chain_spec,
        babe,
        grandpa,
    } = deps;
    let mut module = RpcModule::new(());
    module.merge(System::new(client.clone(), pool).into_rpc())?;
    module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
    module.merge(
        Babe::new(
            client.clone(),
            babe.worker.clone(),
            babe.keystore,
            select_chain,
        )
        .into_rpc(),
    )?;
    module.merge(
        Grandpa::new(
            grandpa.subscription_executor,
            grandpa.shared_authority_set.clone(),
            grandpa.shared_voter_state,
            grandpa.justification_stream,
            grandpa.finality_provider,
        )
        .into_rpc(),
    )?;
    module.merge(
        SyncState::new(
            chain_spec,
            client,
            grandpa.shared_authority_set,
            babe.worker,
        )?
        .into_rpc(),
    )?;
    Ok(module)
}
