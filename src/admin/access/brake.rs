//! Brakes on guessing: wrong credentials from one address, and wrong passwords for one name.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

/// Wrong credentials from one address within a minute before the brake.
pub(super) const FREE_TRIES: u32 = 10;
const MINUTE_MS: u64 = 60_000;
/// Tries of a password from one address, and for one name.
pub(super) const LOGIN_TRIES: u32 = 10;
/// Within this long.
pub(super) const LOGIN_WINDOW_MS: u64 = 15 * MINUTE_MS;
/// What a brake remembers at most; beyond it what is oldest is forgotten.
const REMEMBERED: usize = 10_000;

/// Whom an address belongs to: one host of IPv6 has a whole network of 64 bits.
pub(in super::super) fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
    }
}

/// What a wrong credential meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// It is wrong, and that is all.
    Wrong,
    /// It is the one too many.
    Engaged { seconds: u64 },
    /// It came while braked.
    Braked { seconds: u64 },
}

#[derive(Clone, Copy)]
struct Wrong {
    since_ms: u64,
    count: u32,
    braked_until_ms: u64,
}

/// The brake on wrong tokens: it holds wrong ones only, so it is asked after one was found to be wrong.
#[derive(Default)]
pub(super) struct TokenBrake {
    wrong: Mutex<HashMap<IpAddr, Wrong>>,
}

impl TokenBrake {
    pub(super) fn wrong(&self, address: IpAddr, now_ms: u64) -> Met {
        let mut wrong = self.wrong.lock();
        let address = household(address);
        make_room(&mut wrong, &address, |entry| entry.since_ms.max(entry.braked_until_ms));
        let entry = wrong.entry(address).or_insert(Wrong { since_ms: now_ms, count: 0, braked_until_ms: 0 });
        if entry.braked_until_ms > now_ms {
            return Met::Braked { seconds: (entry.braked_until_ms - now_ms).div_ceil(1_000) };
        }
        if entry.since_ms + MINUTE_MS <= now_ms {
            *entry = Wrong { since_ms: now_ms, count: 0, braked_until_ms: 0 };
        }
        entry.count += 1;
        if entry.count > FREE_TRIES {
            entry.braked_until_ms = now_ms + MINUTE_MS;
            return Met::Engaged { seconds: MINUTE_MS / 1_000 };
        }
        Met::Wrong
    }
}

#[derive(Clone, Copy)]
struct Tries {
    since_ms: u64,
    count: u32,
}

impl Tries {
    fn seconds_left(&self, now_ms: u64) -> u64 {
        (self.since_ms + LOGIN_WINDOW_MS).saturating_sub(now_ms).div_ceil(1_000).max(1)
    }
}

/// The brake on wrong passwords. An address has so many tries. A name that was tried too often can be tried once more
/// from each address that has not been wrong about it: its owner gets in from elsewhere, and a crowd has a try each.
#[derive(Default)]
pub(super) struct LoginBrake {
    tries: Mutex<LoginTries>,
}

#[derive(Default)]
struct LoginTries {
    addresses: HashMap<IpAddr, Tries>,
    names: HashMap<Box<str>, Tries>,
    pairs: HashMap<(Box<str>, IpAddr), Tries>,
}

impl LoginBrake {
    /// Counts a try before it is made, so that many at once are many. Errors: braked for so many seconds.
    pub(super) fn begin(&self, name: &str, address: IpAddr, now_ms: u64) -> Result<(), u64> {
        let mut tries = self.tries.lock();
        let tries = &mut *tries;
        let (address, name): (IpAddr, Box<str>) = (household(address), name.into());
        let pair = (name.clone(), address);
        let from = current(&mut tries.addresses, address, now_ms);
        if from.count >= LOGIN_TRIES {
            return Err(from.seconds_left(now_ms));
        }
        let by_name = current(&mut tries.names, name, now_ms);
        let by_pair = current(&mut tries.pairs, pair, now_ms);
        if by_name.count >= LOGIN_TRIES && by_pair.count > 0 {
            return Err(by_name.seconds_left(now_ms).max(by_pair.seconds_left(now_ms)));
        }
        from.count += 1;
        by_name.count = by_name.count.saturating_add(1);
        by_pair.count += 1;
        Ok(())
    }

    /// The try was right, or was none: it does not count.
    pub(super) fn forgive(&self, name: &str, address: IpAddr) {
        let mut tries = self.tries.lock();
        let address = household(address);
        let less = |tries: &mut Tries| tries.count = tries.count.saturating_sub(1);
        tries.addresses.get_mut(&address).map(less);
        tries.names.get_mut(name).map(less);
        tries.pairs.get_mut(&(name.into(), address)).map(less);
    }
}

fn current<K: Hash + Eq + Clone>(map: &mut HashMap<K, Tries>, key: K, now_ms: u64) -> &mut Tries {
    make_room(map, &key, |tries| tries.since_ms);
    let tries = map.entry(key).or_insert(Tries { since_ms: now_ms, count: 0 });
    if tries.since_ms + LOGIN_WINDOW_MS <= now_ms {
        *tries = Tries { since_ms: now_ms, count: 0 };
    }
    tries
}

/// Forgets the oldest one when the map is full and `key` is new.
fn make_room<K: Hash + Eq + Clone, V>(map: &mut HashMap<K, V>, key: &K, age: impl Fn(&V) -> u64) {
    if map.len() < REMEMBERED || map.contains_key(key) {
        return;
    }
    if let Some(oldest) = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| key.clone()) {
        map.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_that_is_guessed_from_one_address_opens_from_another() {
        let brake = LoginBrake::default();
        for _ in 0..LOGIN_TRIES {
            assert_eq!(brake.begin("elif", address("10.0.0.9"), 0), Ok(()));
        }
        assert_eq!(brake.begin("elif", address("10.0.0.9"), 60_000), Err(840));
        assert_eq!(brake.begin("noor", address("10.0.0.9"), 60_000), Err(840), "the address as a whole");
        assert_eq!(brake.begin("elif", address("10.0.0.8"), 60_000), Ok(()));
        brake.forgive("elif", address("10.0.0.8"));
        assert_eq!(brake.begin("elif", address("10.0.0.8"), 60_000), Ok(()), "a right one does not count");
        assert_eq!(brake.begin("elif", address("10.0.0.8"), 60_000), Err(900), "a second wrong one of a braked name");
        assert_eq!(brake.begin("elif", address("10.0.0.9"), LOGIN_WINDOW_MS), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let brake = TokenBrake::default();
        for host in 0..FREE_TRIES {
            assert_eq!(brake.wrong(address(&format!("2001:db8:1:2::{host:x}")), 0), Met::Wrong);
        }
        assert_eq!(brake.wrong(address("2001:db8:1:2:ffff::1"), 0), Met::Engaged { seconds: 60 });
        assert_eq!(brake.wrong(address("2001:db8:1:3::1"), 0), Met::Wrong);
        assert_eq!(household(address("::ffff:10.0.0.9")), address("10.0.0.9"));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_a_brake_outlives_newer_strangers() {
        let brake = TokenBrake::default();
        for _ in 0..=FREE_TRIES {
            brake.wrong(address("10.0.0.9"), 1_000);
        }
        for stranger in 0..12_000u32 {
            brake.wrong(IpAddr::V4((0x0b00_0000 + stranger).into()), 2_000);
        }
        assert_eq!(brake.wrong.lock().len(), REMEMBERED);
        assert!(matches!(brake.wrong(address("10.0.0.9"), 3_000), Met::Braked { .. }));
    }
}
