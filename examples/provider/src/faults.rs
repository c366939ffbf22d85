//! [`Faults`]: what goes wrong, and when.

/// Something that goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// HTTP 429 with `Retry-After` in seconds and `Retry-After-Ms`.
    RateLimit,
    /// HTTP 503.
    Unavailable,
    /// A good answer that takes 300 to 800 ms.
    Slow,
    /// A good answer whose text is cut in the middle of its JSON. It is paid for.
    BrokenContent,
    /// HTTP 200 with a body, or events of a stream, that are not JSON, so that not even its usage can be read.
    BrokenBody,
    /// The provider refuses for reasons of safety, in one of the ways its wire format knows. The prompt is
    /// paid for. Asking again is refused again.
    Refusal,
    /// HTTP 400: the prompt is said to exceed the context window. Asking again fails again.
    ContextLength,
    /// The connection breaks in the middle of the answer, be it whole or a stream.
    BrokenConnection,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 8] = [
        Self::RateLimit,
        Self::Unavailable,
        Self::Slow,
        Self::BrokenContent,
        Self::BrokenBody,
        Self::Refusal,
        Self::ContextLength,
        Self::BrokenConnection,
    ];

    /// Whether it lies in the question, so that asking again does not help.
    pub const fn is_lasting(self) -> bool {
        matches!(self, Self::Refusal | Self::ContextLength)
    }
}

/// How many of a thousand requests meet each fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// See [`Fault::RateLimit`].
    pub rate_limit: u16,
    /// See [`Fault::Unavailable`].
    pub unavailable: u16,
    /// See [`Fault::Slow`].
    pub slow: u16,
    /// See [`Fault::BrokenContent`].
    pub broken_content: u16,
    /// See [`Fault::BrokenBody`].
    pub broken_body: u16,
    /// See [`Fault::Refusal`].
    pub refusal: u16,
    /// See [`Fault::ContextLength`].
    pub context_length: u16,
    /// See [`Fault::BrokenConnection`].
    pub broken_connection: u16,
}

impl Rates {
    /// Nothing at all, as a start for `Rates { slow: 50, ..Rates::NONE }`.
    pub const NONE: Self = Self {
        rate_limit: 0,
        unavailable: 0,
        slow: 0,
        broken_content: 0,
        broken_body: 0,
        refusal: 0,
        context_length: 0,
        broken_connection: 0,
    };

    const fn of(&self, fault: Fault) -> u16 {
        match fault {
            Fault::RateLimit => self.rate_limit,
            Fault::Unavailable => self.unavailable,
            Fault::Slow => self.slow,
            Fault::BrokenContent => self.broken_content,
            Fault::BrokenBody => self.broken_body,
            Fault::Refusal => self.refusal,
            Fault::ContextLength => self.context_length,
            Fault::BrokenConnection => self.broken_connection,
        }
    }

    /// The fault that a throw of a thousand-sided die stands for, among those that last or those that do not.
    fn pick(&self, throw: u64, lasting: bool) -> Option<Fault> {
        let mut end = 0;
        Fault::ALL.into_iter().filter(|fault| fault.is_lasting() == lasting).find(|fault| {
            end += u64::from(self.of(*fault));
            throw < end
        })
    }
}

impl Default for Rates {
    /// A bad day: about one request in three meets something. Connections hold.
    fn default() -> Self {
        Self {
            rate_limit: 100,
            unavailable: 50,
            slow: 70,
            broken_content: 50,
            broken_body: 30,
            refusal: 30,
            context_length: 20,
            broken_connection: 0,
        }
    }
}

/// Which faults to inject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Faults {
    /// None.
    Off,
    /// At these rates, decided by the seed.
    Seeded(Rates),
    /// This one, on every request.
    Always(Fault),
    /// This one the first time that something is asked, none when it is asked again.
    First(Fault),
}

impl Faults {
    /// The fault that the `attempt`-th request (from 0) about `subject` meets.
    pub fn decide(self, seed: u64, subject: &str, attempt: u32) -> Option<Fault> {
        match self {
            Self::Off => None,
            Self::Always(fault) => Some(fault),
            Self::First(fault) => (attempt == 0).then_some(fault),
            Self::Seeded(rates) => {
                let lasting = Dice::new(seed).with("lasting").with(subject).throw(1000);
                let passing = Dice::new(seed).with(subject).with(&attempt.to_string()).throw(1000);
                rates.pick(lasting, true).or_else(|| rates.pick(passing, false))
            }
        }
    }
}

/// A die that falls the same way for the same words (FNV-1a, then the finish of `splitmix64`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed ^ 0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn with(self, word: &str) -> Self {
        // The final byte keeps ("ab", "c") apart from ("a", "bc").
        Self(
            word.bytes()
                .chain([0xff])
                .fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)),
        )
    }

    /// All 64 bits.
    pub(crate) const fn value(self) -> u64 {
        let mut x = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number from 0 up to, but not including, `sides`.
    pub(crate) const fn throw(self, sides: u64) -> u64 {
        self.value() % sides
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use std::collections::BTreeMap;

    fn seen(seed: u64, subjects: impl Iterator<Item = String>) -> BTreeMap<Fault, u32> {
        let mut counts = BTreeMap::new();
        for subject in subjects {
            if let Some(fault) = Faults::Seeded(Rates::default()).decide(seed, &subject, 0) {
                *counts.entry(fault).or_default() += 1;
            }
        }
        counts
    }

    #[test]
    fn the_default_shows_every_fault_of_its_rates_within_thirty_analyses() {
        let seen = seen(Config::SEED, (1..=30).map(|n| format!("analyze P-{n:03}")));
        let injected = Fault::ALL.into_iter().filter(|fault| Rates::default().of(*fault) > 0);
        assert_eq!(seen.into_keys().collect::<Vec<_>>(), injected.collect::<Vec<_>>());
    }

    #[test]
    fn rates_are_kept() {
        let seen = seen(7, (0..20_000).map(|n| format!("analyze {n}")));
        for fault in Fault::ALL {
            let expected = 20 * u32::from(Rates::default().of(fault));
            let got = seen.get(&fault).copied().unwrap_or(0);
            assert!(got.abs_diff(expected) <= expected / 5, "{fault:?}: {got} instead of {expected}");
        }
    }

    #[test]
    fn lasting_faults_last_and_passing_ones_pass() {
        let faults = Faults::Seeded(Rates { refusal: 300, rate_limit: 300, ..Rates::NONE });
        let of = |n: u32, attempt| faults.decide(1, &n.to_string(), attempt);
        let refused: Vec<_> = (0..50).filter(|n| of(*n, 0) == Some(Fault::Refusal)).collect();
        assert!(!refused.is_empty());
        assert!(refused.iter().all(|n| of(*n, 1) == Some(Fault::Refusal)));
        assert!((0..50).any(|n| of(n, 0) == Some(Fault::RateLimit) && of(n, 1).is_none()));
    }

    #[test]
    fn words_do_not_run_together() {
        assert_ne!(Dice::new(1).with("ab").with("c").value(), Dice::new(1).with("a").with("bc").value());
    }
}
