//! What each address holds: whoever takes all connections that they can get leaves some for others, and whoever guesses
//! passwords waits for the own turn, not others for theirs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// Connections of one address at a time; further ones are closed. Far more than a proxy in front of many people holds.
const OF_ONE_ADDRESS: usize = 128;

/// Who is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowd(Arc<Mutex<HashMap<IpAddr, Held>>>);

/// What one address holds.
#[derive(Debug)]
struct Held {
    connections: usize,
    turn: Arc<Semaphore>,
}

impl Default for Held {
    fn default() -> Self {
        Self { connections: 0, turn: Arc::new(Semaphore::new(1)) }
    }
}

/// A connection's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Crowd,
    address: IpAddr,
    turn: Arc<Semaphore>,
}

impl Crowd {
    /// A place for a connection of this address; `None` if it holds too many.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut all = self.all();
        let held = all.entry(address).or_default();
        if held.connections >= OF_ONE_ADDRESS {
            return None;
        }
        held.connections += 1;
        Some(Place { crowd: self.clone(), address, turn: Arc::clone(&held.turn) })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<IpAddr, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The turn of its address to have a password checked.
    pub(super) fn turn(&self) -> Arc<Semaphore> {
        Arc::clone(&self.turn)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut held) = self.crowd.all().entry(self.address) {
            held.get_mut().connections -= 1;
            if held.get().connections == 0 {
                held.remove();
            }
        }
    }
}

/// What counts as one address: of IPv6 the network, for a machine has as many addresses in it as it likes.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
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
        assert!(crowd.all().is_empty(), "who holds nothing is forgotten");
    }
}
