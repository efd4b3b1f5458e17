//! What is not begun, since an input before it is missing.

use sungrid_primitives::UnitIndex;
use tokio::sync::watch;

/// The first unit of a batch without its input, behind which none begins: unless that comes, nothing that is finished there is paid.
pub(super) struct Gap(watch::Sender<State>);

#[derive(Clone, Copy)]
enum State {
    /// There is none.
    None,
    /// A former run did not get it.
    Awaited(UnitIndex),
    /// It is not to be had.
    Missing(UnitIndex),
}

impl State {
    fn is_missing_before(&self, unit: UnitIndex) -> bool {
        matches!(self, Self::Missing(missing) if *missing < unit)
    }

    fn is_open_to(&self, unit: UnitIndex) -> bool {
        !matches!(self, Self::Awaited(awaited) if *awaited < unit)
    }
}

impl Gap {
    /// With a unit whose input a former run did not get.
    pub(super) fn new(awaited: Option<UnitIndex>) -> Self {
        let state = awaited.map_or(State::None, State::Awaited);
        Self(watch::Sender::new(state))
    }

    async fn wait_until(&self, holds: impl FnMut(&State) -> bool) {
        // The sender lives as long as this.
        drop(self.0.subscribe().wait_for(holds).await);
    }

    /// Waits until a unit is given up.
    pub(super) async fn gives_up(&self, unit: UnitIndex) {
        self.wait_until(|gap| gap.is_missing_before(unit)).await;
    }

    /// Waits until nothing is awaited before a unit.
    pub(super) async fn lets_begin(&self, unit: UnitIndex) {
        self.wait_until(|gap| gap.is_open_to(unit)).await;
    }

    /// A unit has its input.
    pub(super) fn has_input(&self, unit: UnitIndex) {
        self.0.send_if_modified(|gap| {
            let is_awaited = matches!(*gap, State::Awaited(awaited) if awaited == unit);
            if is_awaited {
                *gap = State::None;
            }
            is_awaited
        });
    }

    /// The input of a unit is not to be had; returns the first of which that is so.
    pub(super) fn lacks(&self, unit: UnitIndex) -> UnitIndex {
        let mut first = unit;
        self.0.send_modify(|gap| {
            if let State::Missing(missing) = *gap {
                first = missing.min(unit);
            }
            *gap = State::Missing(first);
        });
        first
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn nothing_begins_behind_it_until_its_input_is_there() {
        let gap = Gap::new(Some(3));
        let begins = |unit| gap.lets_begin(unit).now_or_never().is_some();
        let is_given_up = |unit| gap.gives_up(unit).now_or_never().is_some();
        assert!(begins(2) && begins(3) && !begins(4) && !is_given_up(4));
        gap.has_input(2);
        assert!(!begins(4));
        gap.has_input(3);
        assert!(begins(4) && !is_given_up(4));
    }

    #[test]
    fn what_is_behind_the_first_that_is_missing_is_given_up() {
        let gap = Gap::new(Some(5));
        let is_given_up = |unit| gap.gives_up(unit).now_or_never().is_some();
        assert_eq!(gap.lacks(5), 5);
        assert!(is_given_up(6) && !is_given_up(5) && !is_given_up(4));
        assert_eq!(gap.lacks(3), 3);
        assert_eq!(gap.lacks(4), 3);
        assert!(is_given_up(4) && !is_given_up(3) && !is_given_up(2));
        // What comes late changes nothing of a run that is given up.
        gap.has_input(3);
        assert!(is_given_up(4));
    }
}
