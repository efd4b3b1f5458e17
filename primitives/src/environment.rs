//! Execution environments: fuel is comparable only inside one (protocol section 3).

use sp_core::H256;

/// Identity of an execution environment: a hash over engine version, engine configuration, fuel
/// cost table and WASI semantics. Results of different environments never compare.
pub type EnvironmentId = H256;
