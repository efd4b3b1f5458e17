//! Places for connections: a bound on all of them, on those of one address, and on those of one party.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts what is inside, by whom it belongs to.
#[derive(Debug)]
pub(crate) struct Places<K> {
    max: usize,
    max_each: usize,
    inside: Mutex<HashMap<K, usize>>,
}

impl<K: Clone + Eq + Hash> Places<K> {
    pub(crate) fn new(max: usize, max_each: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_each,
            inside: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place, if there is one.
    pub(crate) fn enter(self: &Arc<Self>, key: K) -> Option<Place<K>> {
        let mut inside = self.lock();
        if inside.values().sum::<usize>() >= self.max {
            return None;
        }
        let count = inside.entry(key.clone()).or_default();
        if *count >= self.max_each {
            return None;
        }
        *count += 1;
        Some(Place {
            places: self.clone(),
            key,
        })
    }

    pub(crate) fn taken(&self) -> usize {
        self.lock().values().sum()
    }
}

/// One place; leaving is dropping it.
#[derive(Debug)]
pub(crate) struct Place<K: Clone + Eq + Hash> {
    places: Arc<Places<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut inside = self.places.lock();
        if let Some(count) = inside.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.key);
            }
        }
    }
}

/// Whom an address belongs to: of IPv6, one subscriber has a whole /64.
pub(crate) fn subscriber(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let mut octets = ip.octets();
            octets[8..].fill(0);
            IpAddr::V6(octets.into())
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_each_and_for_all_and_forgotten_when_free() {
        let places = Places::new(3, 2);
        let first = places.enter(1).expect("first");
        let second = places.enter(1).expect("second");
        assert!(places.enter(1).is_none(), "a third of the same");
        let other = places.enter(2).expect("another's");
        assert!(places.enter(3).is_none(), "the house is full");
        drop(first);
        let again = places.enter(3).expect("room again");
        assert_eq!(places.taken(), 3);
        drop((second, other, again));
        assert!(places.lock().is_empty(), "nothing is remembered");
    }

    #[test]
    fn an_address_of_the_same_subscriber_is_no_other_one() {
        let of = |text: &str| subscriber(text.parse().expect("address"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
