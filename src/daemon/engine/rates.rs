//! How often each client connects, and how many of its connections are open:
//! what `${client_rate}`, `${total_rate}` and `${client_connections}` say.
//!
//! The window (option ConnectionRateWindowSize) slides in ten steps, as the
//! reference's does. Clients that have not been seen for a window are
//! forgotten.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::receive::Counts;

/// Steps of a window.
const STEPS: usize = 10;
/// Clients that are counted one by one; those beyond count as new.
const CLIENTS_MAX: usize = 200_000;

/// The connections of all clients, to all listeners.
pub(super) struct Rates {
    state: Mutex<State>,
}

struct State {
    begun: Instant,
    total: Window,
    clients: HashMap<IpAddr, Entry>,
    /// The step in which clients were forgotten last.
    swept: u64,
}

#[derive(Default)]
struct Entry {
    window: Window,
    open: u32,
}

/// Connections of the last steps.
#[derive(Default)]
struct Window {
    counts: [u32; STEPS],
    /// The step of the last count.
    last: u64,
}

/// A connection that is open while this lives.
pub(super) struct Open {
    rates: Arc<Rates>,
    client: Option<IpAddr>,
}

impl Rates {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                begun: Instant::now(),
                total: Window::default(),
                clients: HashMap::new(),
                swept: 0,
            }),
        }
    }

    /// Counts a connection from `client` now.
    pub(super) fn count(
        self: &Arc<Self>,
        client: IpAddr,
        window: Duration,
        now: Instant,
    ) -> (Counts, Open) {
        let client = client.to_canonical();
        let mut state = self.state();
        let step = state.step(window, now);
        let total_rate = state.total.count(step);
        state.make_room(client, step);
        let is_counted = state.clients.contains_key(&client) || state.clients.len() < CLIENTS_MAX;
        let mut counts = Counts {
            client_rate: 1,
            client_connections: 1,
            total_rate,
        };
        if is_counted {
            let entry = state.clients.entry(client).or_default();
            counts.client_rate = entry.window.count(step);
            entry.open = entry.open.saturating_add(1);
            counts.client_connections = entry.open;
        }
        let open = Open {
            rates: Arc::clone(self),
            client: is_counted.then_some(client),
        };
        (counts, open)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The number of the step that `now` is in.
    fn step(&self, window: Duration, now: Instant) -> u64 {
        let long = (window.as_millis() / STEPS as u128).max(1);
        let since = now.saturating_duration_since(self.begun).as_millis();
        // The first step is one whole window after nothing.
        u64::try_from(since / long)
            .unwrap_or(u64::MAX / 2)
            .saturating_add(STEPS as u64)
    }

    /// Forgets clients when there are many; once a step at most, so that a
    /// flood of new ones costs no more than its own counting.
    fn make_room(&mut self, client: IpAddr, step: u64) {
        if self.clients.len() < CLIENTS_MAX / 2
            || self.swept == step
            || self.clients.contains_key(&client)
        {
            return;
        }
        self.swept = step;
        self.clients
            .retain(|_, entry| entry.open > 0 || entry.window.is_recent(step));
    }
}

impl Window {
    /// Counts one in `step`; gives how many there are.
    fn count(&mut self, step: u64) -> u32 {
        for passed in self
            .last
            .saturating_add(1)
            .max(step.saturating_sub(STEPS as u64))..=step
        {
            if let Some(count) = self.counts.get_mut(place(passed)) {
                *count = 0;
            }
        }
        self.last = self.last.max(step);
        if let Some(count) = self.counts.get_mut(place(step)) {
            *count = count.saturating_add(1);
        }
        self.counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether anything was counted within the window.
    fn is_recent(&self, step: u64) -> bool {
        self.last.saturating_add(STEPS as u64) > step
    }
}

fn place(step: u64) -> usize {
    usize::try_from(step % STEPS as u64).unwrap_or(0)
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(client) = self.client else { return };
        if let Some(entry) = self.rates.state().clients.get_mut(&client) {
            entry.open = entry.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn address(last: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + last).into()
    }

    #[test]
    fn connections_count_while_they_are_open_and_as_long_as_the_window_is() {
        let rates = Arc::new(Rates::new());
        let start = Instant::now();
        let (first, one) = rates.count(address(1), WINDOW, start);
        assert_eq!(
            (
                first.client_rate,
                first.client_connections,
                first.total_rate
            ),
            (1, 1, 1)
        );
        let (second, two) = rates.count(address(1), WINDOW, start + Duration::from_secs(30));
        assert_eq!((second.client_rate, second.client_connections), (2, 2));
        drop(one);
        let (other, _open) = rates.count(address(2), WINDOW, start + Duration::from_secs(31));
        assert_eq!(
            (
                other.client_rate,
                other.client_connections,
                other.total_rate
            ),
            (1, 1, 3)
        );
        let later = start + Duration::from_secs(70);
        let (third, _open) = rates.count(address(1), WINDOW, later);
        assert_eq!(
            (third.client_rate, third.client_connections),
            (2, 2),
            "the first is out"
        );
        drop(two);
        let much_later = start + Duration::from_secs(700);
        let (fourth, _open) = rates.count(address(1), WINDOW, much_later);
        assert_eq!((fourth.client_rate, fourth.total_rate), (1, 1));
    }

    #[test]
    fn an_address_is_one_client_over_both_families() {
        let rates = Arc::new(Rates::new());
        let now = Instant::now();
        let _one = rates.count(address(1), WINDOW, now);
        let mapped = "::ffff:10.0.0.1".parse().expect("an address");
        assert_eq!(rates.count(mapped, WINDOW, now).0.client_rate, 2);
    }

    #[test]
    fn a_flood_of_clients_takes_bounded_memory() {
        let rates = Arc::new(Rates::new());
        let now = Instant::now();
        for client in 0..u32::try_from(CLIENTS_MAX + 1000).expect("a number") {
            let _ = rates.count(address(client), WINDOW, now);
        }
        assert_eq!(rates.state().clients.len(), CLIENTS_MAX);
        // The next window begins anew.
        let _ = rates.count(address(7_000_000), WINDOW, now + WINDOW * 2);
        assert_eq!(rates.state().clients.len(), 1);
    }
}
