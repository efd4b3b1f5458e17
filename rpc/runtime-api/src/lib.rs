//! What clients may ask a Sungrid runtime beyond storage and view functions.
//!
//! These answers look at many records. A node computes them off chain, at the state of a block; no transaction
//! can. Clients need nothing of this crate: metadata describes the calls, and the answers' types are in
//! [`sungrid_primitives::explain`].
#![cfg_attr(not(feature = "std"), no_std)]

use codec::Codec;
use sungrid_primitives::{
    JobId,
    explain::{Explanation, Quote},
};

sp_api::decl_runtime_apis! {
    /// Questions about the market (requirement X5).
    pub trait MarketApi<JobSpec>
    where
        JobSpec: Codec,
    {
        /// Why a job runs or does not; `None` if there is no such job.
        fn explain(job: JobId) -> Option<Explanation>;
        /// What a job would cost and when it could start; `None` if it would be refused for its profile,
        /// its bid, or amounts beyond any account.
        fn quote(spec: JobSpec) -> Option<Quote>;
    }
}
