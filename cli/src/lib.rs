//! `sungrid`: the requester's side of the grid on a command line.
//!
//! # Concepts
//!
//! - A *job* is one image over N units. [`plan`] turns a job file and flags into its terms and inputs,
//!   [`submit`] puts it on chain, and from then on this machine serves the inputs to workers.
//! - A [`requester::Requester`] follows a job: it fetches each batch as soon as its worker says that it
//!   is ready, checks every receipt ([`verify`]), and calls a unit *verified* only when its leaves come
//!   to the root that the chain accepted.
//! - [`service`] is the requester's word on the service: delivery receipts, ratings.
//! - [`canary`] is a keeper's: it checks workers with jobs whose answer it knows.
//! - A [`package::Package`] is an application on this machine; [`local`] runs it here as a worker would, and [`tariff`] says
//!   what that would cost.
//! - [`folder`] keeps what is needed to go on after a Ctrl-C, and to check the bill years later without
//!   a chain.
//!
//! The chain enters as [`sungrid_chain_client::Chain`], so all of this is tested against the one in
//! memory; bytes move through [`sungrid_data_plane::DataPlane`] in tests as well.
#![deny(missing_docs)]

pub mod args;
pub mod auditor;
pub mod before;
pub mod canary;
pub mod claims;
pub mod commands;
pub mod context;
pub mod departed;
pub mod error;
pub mod folder;
pub mod local;
pub mod output;
pub mod package;
pub mod plan;
pub mod progress;
pub mod requester;
pub mod sealed;
pub mod series;
pub mod serve;
pub mod service;
pub mod submit;
pub mod tariff;
pub mod units;
pub mod verify;
pub mod witness;

pub use error::Error;

use sungrid_primitives::{ContentHash, content::ContentKind};

/// The CID of an image manifest as text.
pub fn image_cid(image: &ContentHash) -> String {
    sungrid_manifest::cid_text(ContentKind::DagCbor, image)
}

/// Reads the CID of an image manifest.
///
/// # Errors
/// [`Error::ContentId`] if the text is none.
pub fn parse_image_cid(text: &str) -> Result<ContentHash, Error> {
    sungrid_manifest::parse_cid(text).map_err(|source| Error::ContentId {
        text: text.into(),
        source,
    })
}
