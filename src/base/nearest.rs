//! "Did you mean": the known word that a mistyped one stands nearest to.

/// Longer words are compared by nobody's eye.
const LENGTH_MAX: usize = 64;

/// The word of `known` that `word` was probably meant to be: one slip away
/// for each four letters, at least one and at most three. Case counts as no
/// slip at all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LENGTH_MAX {
        return None;
    }
    let slips_max = (word.len() / 4).clamp(1, 3);
    let folded = word.to_ascii_lowercase();
    known
        .into_iter()
        .filter(|other| *other != word && other.len().abs_diff(word.len()) <= slips_max)
        .map(|other| (slips(&folded, &other.to_ascii_lowercase()), other))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, other)| other)
}

/// How many letters were left out, put in, changed, or swapped with their
/// neighbour.
fn slips(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let width = other.len() + 1;
    // Three rows of the table: the one before the last is for swaps.
    let mut before = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut now = vec![row + 1; width];
        for column in 1..width {
            let same = usize::from(other[column - 1] != *letter);
            let mut best = (last[column] + 1)
                .min(now[column - 1] + 1)
                .min(last[column - 1] + same);
            let swapped = row > 0
                && column > 1
                && other[column - 2] == *letter
                && other[column - 1] == one[row - 1];
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            now[column] = best;
        }
        before = std::mem::replace(&mut last, now);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_finds_the_word_and_many_find_nothing() {
        let known = ["access_db", "always_add_domain", "badmx", "msp"];
        for word in [
            "acess_db",
            "access_bd",
            "accessdb",
            "Access_DB",
            "axcess_db",
        ] {
            assert_eq!(nearest(word, known), Some("access_db"), "{word}");
        }
        assert_eq!(
            nearest("always_ad_domian", known),
            Some("always_add_domain")
        );
        for word in ["", "x", "mailertable", "sm", &"long".repeat(99)] {
            assert_eq!(nearest(word, known), None, "{word}");
        }
        // The word itself is no suggestion.
        assert_eq!(nearest("badmx", known), None);
    }
}
