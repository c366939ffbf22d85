//! Words that a mistake is compared with.

/// A list for people: `a, b, c`.
pub(crate) fn list(words: &[&str]) -> String {
    words.join(", ")
}

/// What to say after a word that is not one of many: ", did you mean `model`?", or ":" where none is near.
#[cfg(any(test, feature = "check-models"))]
pub(crate) fn guess(word: &str, known: &[&str]) -> String {
    closest(word, known).map_or_else(|| ":".to_owned(), |closest| format!(", did you mean `{closest}`?"))
}

/// What to say about a word that is not one of the known: "unknown key `modle`, did you mean `model`? ..".
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let accepted = list(known);
    match closest(word, known) {
        Some(closest) => {
            format!("unknown {what} `{word}`, did you mean `{closest}`? Expected one of: {accepted}")
        }
        None => format!("unknown {what} `{word}`; expected one of: {accepted}"),
    }
}

/// The known word that was probably meant.
fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = plain(word);
    let allowed = (word.len() / 3).clamp(1, 3);
    let distances = known.iter().map(|known| (distance(&word, &plain(known)), *known));
    let (distance, closest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= allowed).then_some(closest)
}

/// Without case and underscores, so that `RateLimit` is close to `rate_limit`. Bounded, as input may be anything.
fn plain(word: &str) -> Vec<char> {
    word.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).take(40).collect()
}

/// How many letters to add, drop, change or swap with the next one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (row[j] + usize::from(x != y)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_guessed_and_far_ones_are_not() {
        let known = ["model", "provider", "rate_limit"];
        assert_eq!(closest("modle", &known), Some("model"));
        assert_eq!(closest("RateLimit", &known), Some("rate_limit"));
        assert_eq!(closest("providers", &known), Some("provider"));
        assert_eq!(closest("banana", &known), None);
        assert_eq!(closest("", &known), None);
        assert_eq!(closest("x", &[]), None);
    }
}
