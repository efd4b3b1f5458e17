//! Nodes against each other, on loopback. One binary, because linking is the slow part.

mod access;
mod common;
mod evil;
mod faults;
mod many;
mod notify;
mod pace;
mod quotas;
mod retention;
mod secrets;
mod sources;
mod spread;
mod transfer;
