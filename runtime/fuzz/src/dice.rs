//! Choices that depend on a seed alone.

/// A stream of choices: splitmix64, so that every seed is as good as any other.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The choices that follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// A number from `first` to `last`.
    pub fn within(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(u64::from(last - first) + 1) as u32
    }

    /// Whether something happens that does so once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub fn pick<'a, Item>(&mut self, items: &'a [Item]) -> Option<&'a Item> {
        (!items.is_empty()).then(|| &items[self.below(items.len() as u64) as usize])
    }

    /// One of an array, which is not empty.
    pub fn one_of<Item: Copy, const N: usize>(&mut self, items: [Item; N]) -> Item {
        items[self.below(N as u64) as usize]
    }

    /// One of several, in proportion to their weights, of which one is above zero.
    pub fn weighted<Item: Copy>(&mut self, items: &[(u64, Item)]) -> Item {
        let mut at = self.below(items.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in items {
            if at < *weight {
                return *item;
            }
            at -= weight;
        }
        unreachable!("the number is below the sum of all weights")
    }

    /// 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.roll().to_le_bytes());
        }
        bytes
    }
}
