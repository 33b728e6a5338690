//! How many connections each address holds: whoever takes all that they can get leaves some for others, and a flood of
//! wrong passwords from one place cannot keep the passwords of others waiting for long.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections of one address at a time; further ones are closed. Far more than a proxy in front of many people holds.
const OF_ONE_ADDRESS: usize = 128;

/// Who holds how many.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowd(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    /// A place for a connection of this address; `None` if it holds too many.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut held = self.held();
        let count = held.entry(address).or_default();
        if *count >= OF_ONE_ADDRESS {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Place { crowd: self.clone(), address })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.crowd.held();
        let left = held.get(&self.address).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            held.remove(&self.address);
        } else {
            held.insert(self.address, left);
        }
    }
}

/// What counts as one address: of IPv6 the network, for a machine has as many addresses in it as it likes.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_by_address_and_free_again() {
        let crowd = Crowd::default();
        let admit = |address: &str| crowd.admit(address.parse().unwrap());
        for (address, same, other) in
            [("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::ffff:0:0:2", "2001:db8:0:1::1")]
        {
            let mut places: Vec<_> = (0..OF_ONE_ADDRESS).map(|_| admit(address).unwrap()).collect();
            assert!(admit(same).is_none(), "{same}");
            assert!(admit(other).is_some(), "{other}");
            places.pop();
            assert!(admit(same).is_some(), "{same}");
        }
        assert!(crowd.held().is_empty(), "who holds nothing is forgotten");
    }
}
