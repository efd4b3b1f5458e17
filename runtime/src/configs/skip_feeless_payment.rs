//! `pallet_skip_feeless_payment`: calls that say `feeless_if` and mean it.

use crate::{Runtime, RuntimeEvent};

impl pallet_skip_feeless_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
}
