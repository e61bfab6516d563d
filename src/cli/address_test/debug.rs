//! Debug levels, as `-d` sets them: `21.12`, `0-99.1`, `8,38.20`.

/// Categories there are.
const CATEGORIES: usize = 100;

/// The level of each category.
#[derive(Clone, Debug)]
pub(in crate::cli) struct DebugLevels([u16; CATEGORIES]);

impl Default for DebugLevels {
    fn default() -> Self {
        Self([0; CATEGORIES])
    }
}

impl DebugLevels {
    /// What several flags say, in order.
    pub(super) fn of(flags: &[bstr::BString]) -> Self {
        let mut levels = Self::default();
        flags.iter().for_each(|flag| levels.set(flag));
        levels
    }

    /// Sets what a flag says; an empty one sets all to 1. Each part is a
    /// category or a range, then a dot and the level.
    pub(in crate::cli) fn set(&mut self, flag: &[u8]) {
        let flag: &[u8] = if flag.is_empty() { b"0-99.1" } else { flag };
        for part in flag.split(|&byte| byte == b',') {
            let (range, level) = match part.iter().position(|&byte| byte == b'.') {
                Some(dot) => (&part[..dot], number(&part[dot + 1..])),
                None => (part, 1),
            };
            let (first, last) = match range.iter().position(|&byte| byte == b'-') {
                Some(dash) => (number(&range[..dash]), number(&range[dash + 1..])),
                None => (number(range), number(range)),
            };
            for category in first..=last {
                if let Some(slot) = self.0.get_mut(usize::from(category)) {
                    *slot = level;
                }
            }
        }
    }

    /// Whether a category is at this level or above.
    pub(in crate::cli) fn at(&self, category: usize, level: u16) -> bool {
        self.0.get(category).is_some_and(|&set| set >= level)
    }
}

fn number(digits: &[u8]) -> u16 {
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_u16, |sum, byte| {
            sum.saturating_mul(10)
                .saturating_add(u16::from(byte - b'0'))
        })
}
