//! Pools as they decode.

use scale_decode::DecodeAsType;

use crate::Pool;

#[derive(DecodeAsType)]
enum WireHome {
    Worker([u8; 32]),
    Gone {},
}

#[derive(DecodeAsType)]
struct WireRaise {
    commission: u32,
    from: u32,
}

#[derive(DecodeAsType)]
pub(super) struct WirePool {
    home: WireHome,
    commission: u32,
    raise: Option<WireRaise>,
}

impl WirePool {
    /// The pool as it is at a block.
    pub(super) fn at(self, now: u32) -> Pool {
        let worker = match self.home {
            WireHome::Worker(worker) => Some(worker.into()),
            WireHome::Gone {} => None,
        };
        let (commission, announced) = match self.raise {
            Some(raise) if raise.from <= now => (raise.commission, None),
            Some(raise) => (self.commission, Some((raise.commission, raise.from))),
            None => (self.commission, None),
        };
        Pool {
            worker,
            commission,
            announced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raise_counts_from_its_block_on() {
        let pool = |now| {
            let wire = WirePool {
                home: WireHome::Worker([1; 32]),
                commission: 5,
                raise: Some(WireRaise {
                    commission: 9,
                    from: 100,
                }),
            };
            wire.at(now)
        };
        assert_eq!(
            (pool(99).commission, pool(99).announced),
            (5, Some((9, 100)))
        );
        assert_eq!((pool(100).commission, pool(100).announced), (9, None));
    }
}
