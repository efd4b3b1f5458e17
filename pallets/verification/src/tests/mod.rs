//! One module per topic, over the real pallets. Every test ends in the invariants of all of them and in a
//! count of every planck: see `mock::run`.

mod adaptive;
mod challenge;
mod closing;
mod commit;
mod departed;
mod dispute;
mod histories;
mod invariants;
mod no_show;
mod quorum;
mod reveal;
mod stories;
