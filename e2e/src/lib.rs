//! A test network out of the real programs: nodes, workers and the command line, on loopback ports that the
//! system picks, in folders that vanish with the test; and engines to hold the executor against ([`engines`]).

pub mod engines;
#[cfg(unix)]
pub mod faults;
pub mod governance;
pub mod network;
pub mod process;
mod query;
mod requester;

pub use network::{Node, Worker, sungrid, sungrid_json};
pub use process::{Process, binary, guest, root};
pub use requester::Requester;
