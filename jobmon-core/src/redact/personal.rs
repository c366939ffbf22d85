//! What tells who somebody is or where their money is: each rule looks at the start of a text.

/// Endings of file names that no domain has.
const FILES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "js", "ts", "jsx", "tsx", "json", "yaml", "yml",
    "toml", "css", "html", "txt", "xml", "csv", "lock", "exe", "dll", "tar", "gz", "whl", "jar",
];

const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 253;

/// The length of an address of e-mail.
pub(super) fn email(text: &str) -> Option<usize> {
    let is_local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | '\'' | '&');
    let text = super::cut(text, LONGEST_LOCAL + 3 + LONGEST_DOMAIN + 8);
    let local = text.find(|c| !is_local(c)).filter(|end| *end <= LONGEST_LOCAL)?;
    // In addresses of the web `@` is written so.
    let sign = ["@", "%40"].into_iter().find(|sign| text[local..].starts_with(sign))?;
    let domain = &text[local + sign.len()..];
    let is_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let end = domain.find(|c| !is_domain(c)).unwrap_or(domain.len());
    let name = domain[..end].trim_end_matches(['.', '-']);
    let (_, top) = name.rsplit_once('.')?;
    let is_top = top.chars().count() >= 2 && top.chars().all(char::is_alphabetic) || top.starts_with("xn--");
    let is_whole =
        name.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    // `git@github.com:me/repo` is where code is.
    let after = &domain[name.len()..];
    let is_path = after.starts_with(':') && after[1..].starts_with(|c: char| c.is_alphabetic());
    let is_file = FILES.iter().any(|ending| top.eq_ignore_ascii_case(ending));
    let good = is_top && is_whole && !is_path && !is_file && name.len() <= LONGEST_DOMAIN;
    good.then_some(local + sign.len() + name.len())
}

/// Digits at the start of a text, in groups with one separator between them.
struct Digits {
    each: Vec<u8>,
    /// How many are in each group.
    groups: Vec<usize>,
    /// The separators, in order.
    separators: Vec<char>,
    length: usize,
}

/// A separator as it is typed: word processors make others of it.
fn typed(separator: char) -> char {
    match separator {
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '\u{2010}'..='\u{2013}' => '-',
        other => other,
    }
}

/// Reads at most so many digits; `None` where there are more, or a letter follows, as in a hash.
fn digits(text: &str, separators: &[char], most: usize) -> Option<Digits> {
    let mut found = Digits { each: Vec::new(), groups: vec![0], separators: Vec::new(), length: 0 };
    let mut between = None;
    for (at, character) in text.char_indices() {
        if let Some(digit) = character.to_digit(10) {
            if found.each.len() == most {
                return None;
            }
            if let Some(separator) = between.take() {
                found.separators.push(separator);
                found.groups.push(0);
            }
            found.each.push(u8::try_from(digit).unwrap_or(0));
            *found.groups.last_mut()? += 1;
            found.length = at + 1;
        } else if at > 0 && between.is_none() && separators.contains(&typed(character)) {
            between = Some(typed(character));
        } else {
            break;
        }
    }
    let next = text[found.length..].chars().next();
    (!next.is_some_and(|c| c.is_alphanumeric() || c == '_')).then_some(found)
}

/// The length of the number of a payment card: of a known issuer, its check digit right (Luhn, ISO/IEC 7812-1).
pub(super) fn card(text: &str) -> Option<usize> {
    let found = digits(text, &[' ', '-', '.'], 19)?;
    let count = found.each.len();
    if !(12..=19).contains(&count) || !is_grouped_as_cards(&found.groups) {
        return None;
    }
    let uniform = found.separators.windows(2).all(|pair| pair[0] == pair[1]);
    (uniform && is_issued(&found.each) && luhn(&found.each)).then_some(found.length)
}

fn is_grouped_as_cards(groups: &[usize]) -> bool {
    match groups {
        [_] | [4, 6, 4 | 5] | [4, 4, 4] => true,
        [4, 4, 4, last] => (1..=4).contains(last),
        [4, 4, 4, 4, last] => (1..=3).contains(last),
        _ => false,
    }
}

/// Whether an issuer gives out numbers that begin so, of this length.
fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| digits[..count].iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    let length = digits.len();
    match first(2) {
        40..=49 if matches!(length, 13 | 16 | 19) => true,
        34 | 37 => length == 15,
        36 | 38 | 39 => (14..=19).contains(&length),
        30 => length >= 14 && matches!(first(3), 300..=305 | 309),
        51..=55 => length == 16,
        35 => length >= 16 && (3528..=3589).contains(&first(4)),
        60 | 62 | 64 | 65 | 81 | 82 => length >= 16,
        22..=27 => {
            let is_issuer = (2200..=2204).contains(&first(4)) || (222_100..=272_099).contains(&first(6));
            length == 16 && is_issuer
        }
        97 => length == 16 && first(4) == 9792,
        50 | 56..=58 | 63 | 67 => length >= 12,
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| u32::from(if at % 2 == 1 { doubled(*digit) } else { *digit }))
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

/// Countries with IBANs, and the length of theirs (the registry of SWIFT).
const IBANS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// The length of an IBAN: of a country's length, its check digits right (ISO 7064, modulus 97).
pub(super) fn iban(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let country = text.get(..2)?.to_ascii_uppercase();
    if !bytes.get(2..4)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (_, length) = IBANS.iter().find(|(code, _)| *code == country)?;
    let mut letters = Vec::with_capacity(*length);
    let mut at = 0;
    while letters.len() < *length {
        match bytes.get(at)? {
            byte if byte.is_ascii_alphanumeric() => letters.push(byte.to_ascii_uppercase()),
            b' ' | b'-' if at > 0 && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => {}
            _ => return None,
        }
        at += 1;
    }
    if text[at..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let rearranged = letters[4..].iter().chain(&letters[..4]);
    let remainder = rearranged.fold(0_u32, |sum, letter| match letter {
        digit @ b'0'..=b'9' => (sum * 10 + u32::from(digit - b'0')) % 97,
        letter => (sum * 100 + u32::from(letter - b'A' + 10)) % 97,
    });
    (remainder == 1).then_some(at)
}

/// The length of a telephone number that is told by its form: `+49 30 901820`, `0049 30 901820`, `(212) 555-0142`,
/// `212-555-0142`, `030 901820`.
pub(super) fn phone(text: &str) -> Option<usize> {
    if let Some(after) = text.strip_prefix('+') {
        return international(after).map(|length| length + 1);
    }
    if let Some(length) = area(text) {
        return Some(length);
    }
    let found = digits(text, &[' ', '-', '/', '.'], 17)?;
    let Digits { each: digits, groups, separators, length } = &found;
    if text[*length..].starts_with([':', '%', '€', '$', '°']) || separators.is_empty() {
        return None;
    }
    let uniform = separators.windows(2).all(|pair| pair[0] == pair[1]);
    let is_exchange = |group: usize| matches!(digits.get(group), Some(2..=9));
    let good = match groups[..] {
        // The North American plan.
        [3, 3, 4] => uniform && separators[0] != '/' && is_exchange(0) && is_exchange(3),
        [1, 3, 3, 4] => uniform && separators[0] != '/' && digits[0] == 1 && is_exchange(1) && is_exchange(4),
        // Mobile numbers of China and Spain.
        [3, 4, 4] if digits[0] == 1 => uniform && digits[1] >= 3,
        [3, 2, 2, 2] => uniform && matches!(digits[0], 6 | 7 | 9),
        // With the prefix for abroad.
        [first, ..] if digits.starts_with(&[0, 0]) => {
            first <= 5
                && matches!(digits[2..].first(), Some(1..=9))
                && (10..=17).contains(&digits.len())
                && !separators.contains(&'.')
        }
        // With the prefix for long distance, in groups of two or more.
        [first, ref rest @ ..] if digits[0] == 0 && digits[1..].first().is_some_and(|d| *d != 0) => {
            let is_date = groups.len() >= 3 && groups[..3] == [2, 2, 4];
            // `02110-1301`: where mail goes.
            let is_zip = groups[..] == [5, 4] && separators[0] == '-';
            let dots = separators.contains(&'.');
            (2..=5).contains(&first)
                && (9..=12).contains(&digits.len())
                && rest.iter().all(|group| *group >= 2)
                && !is_date
                && !is_zip
                && (!dots || groups.len() >= 4)
        }
        _ => false,
    };
    good.then_some(*length)
}

/// The number after a `+`.
fn international(text: &str) -> Option<usize> {
    let mut digits = Vec::new();
    let (mut end, mut gap) = (0, 0);
    for (at, character) in text.char_indices() {
        if character.is_ascii_digit() {
            digits.push(character);
            (end, gap) = (at + 1, 0);
            if digits.len() > 15 {
                return None;
            }
        } else if at > 0 && gap < 2 && matches!(typed(character), ' ' | '-' | '.' | '/' | '(' | ')') {
            gap += 1;
        } else {
            break;
        }
    }
    let next = text[end..].chars().next();
    if next.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '%')) {
        return None;
    }
    let good = match digits.first()? {
        '0' => false,
        // North America: an area code, and a subscriber number that begin with 2 to 9.
        '1' => digits.len() == 11 && digits[1] >= '2' && digits[4] >= '2',
        '7' => digits.len() == 11,
        _ => (8..=15).contains(&digits.len()),
    };
    good.then_some(end)
}

/// `(212) 555-0142`, `(030) 901820`.
fn area(text: &str) -> Option<usize> {
    let after = text.strip_prefix('(')?;
    let code = after.bytes().take(6).take_while(u8::is_ascii_digit).count();
    let rest = after[code..].strip_prefix(')').filter(|_| (2..=5).contains(&code))?;
    let number = rest.trim_start_matches([' ', '-']);
    if rest.len() - number.len() > 1 {
        return None;
    }
    let found = digits(number, &[' ', '-', '.'], 9)?;
    let area = after.as_bytes();
    let good = match found.groups[..] {
        [3, 4] | [7] if code == 3 && area[0] >= b'2' => found.each[0] >= 2,
        [4 | 5, 4] if code == 2 => true,
        _ => area[0] == b'0' && found.each.len() >= 5,
    };
    good.then(|| text.len() - number.len() + found.length)
}

/// Words that a telephone number follows.
const PHONES: &[&str] = &[
    "phone",
    "tel",
    "telephone",
    "mobile",
    "cell",
    "fax",
    "whatsapp",
    "telefon",
    "handy",
    "mobil",
    "tél",
    "teléfono",
];

/// `phone: 2125550142`: the name and the number, where plain digits are told by the word before.
pub(super) fn named_phone(text: &str) -> Option<(usize, usize)> {
    let text = super::cut(text, 64);
    let word = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    let name = &text[..word];
    if !PHONES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    let after = text[word..].trim_start_matches([':', '.', '=', ' ', '#', '"', '\'', '\\']);
    let number = after.strip_prefix(" number").unwrap_or(after);
    let start = text.len() - number.len();
    if start - word > 6 || start == word {
        return None;
    }
    if let Some(length) = phone(number) {
        return Some((start, length));
    }
    let found = digits(number, &[' ', '-', '/', '.'], 15)?;
    (found.each.len() >= 7).then_some((start, found.length))
}
