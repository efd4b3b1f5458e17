//! One module per topic, over the real pallets. Every test ends in the invariants of all of them and in a
//! count of every planck: see `mock::run`.

mod adaptive;
mod availability;
mod canary;
mod challenge;
mod closing;
mod commit;
mod cut;
mod delivery;
mod departed;
mod dispute;
mod hand_back;
mod histories;
mod invariants;
mod lengths;
mod no_show;
mod outlook;
mod panel;
mod profiles;
mod quorum;
mod rating;
mod reveal;
mod standing;
mod stories;
mod witnesses;
