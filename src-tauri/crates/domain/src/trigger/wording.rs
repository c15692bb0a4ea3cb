//! How alike two questions are in their words.
//!
//! Words are compared, not meanings: a question of all other words is another
//! question here.

use strsim::{jaro_winkler, normalized_damerau_levenshtein};

/// The most words of a question that are compared.
const MAX_WORDS: usize = 64;
/// Two words this alike are forms of one.
const SAME_WORD: f64 = 0.92;

/// Words that are left out: they change with the grammar, and what a query
/// language is made of.
const FILLERS: [&str; 92] = [
    "a", "about", "after", "all", "an", "and", "any", "are", "as", "asc", "at", "be", "before",
    "by", "can", "could", "desc", "did", "do", "does", "find", "for", "from", "get", "give",
    "group", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "like",
    "look", "many", "me", "my", "of", "on", "or", "order", "our", "out", "please", "search",
    "select", "should", "show", "tell", "that", "the", "their", "there", "these", "this", "to",
    "up", "us", "using", "via", "want", "was", "we", "were", "what", "when", "where", "which",
    "who", "why", "will", "with", "would", "you", "your", "http", "https", "www", "com", "org",
    "html", "htm", "need", "way", "best", "exactly", "anything",
];

/// A question, taken apart.
pub(super) struct Wording {
    /// Its words that count, folded, in order.
    words: Vec<Word>,
    /// The site, for an address.
    host: Option<String>,
    /// All of it, as it was asked.
    whole: String,
}

struct Word {
    text: String,
    /// It names one thing: it has a digit, is a file's name, is quoted, or is
    /// written like a name.
    names: bool,
}

impl Wording {
    pub(super) fn new(text: &str) -> Self {
        let whole = text.trim();
        let (host, text) = site(whole);
        let text = &if is_statement(text) { text.replace('.', " ") } else { with_whole_ids(text) };
        let mut words = Vec::new();
        let mut quoted = false;
        for (index, part) in text.split(is_gap).enumerate() {
            // What stood before this part decides whether it lies in quotes.
            if index > 0 && is_quote(text, part) {
                quoted = !quoted;
            }
            if words.len() < MAX_WORDS {
                take(part, words.is_empty(), quoted, &mut words);
            }
        }
        let named = words.iter().filter(|word| word.names).count();
        if words.len() >= 3 && named + 1 >= words.len() {
            // A headline is written in capitals throughout; they name nothing.
            for word in &mut words {
                word.names = has_digit(&word.text);
            }
        }
        Self { words, host, whole: whole.to_owned() }
    }

    /// Whether the two are one wording.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.whole == other.whole
    }

    /// Whether both name something the other does not: another id, number, page
    /// or person.
    pub(super) fn asks_for_another_thing(&self, other: &Self) -> bool {
        let missing = |one: &Self, other: &Self| {
            one.words.iter().filter(|word| word.names).any(|word| {
                !other.words.iter().any(|known| {
                    word.text == known.text
                        || (!has_digit(&word.text) && root(&word.text) == root(&known.text))
                })
            })
        };
        self.host != other.host || (missing(self, other) && missing(other, self))
    }

    /// How alike they are, in percent.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "counts of a few words, and a share of one"
    )]
    pub(super) fn alike(&self, other: &Self) -> u32 {
        let (few, many) = if self.words.len() <= other.words.len() {
            (&self.words, &other.words)
        } else {
            (&other.words, &self.words)
        };
        if few.is_empty() || swaps_one(few, many) {
            return 0;
        }
        let mut taken = vec![false; many.len()];
        let mut shared = 0_usize;
        for word in few {
            let exact = (0..many.len()).find(|at| !taken[*at] && many[*at].text == word.text);
            let found = exact
                .or_else(|| (0..many.len()).find(|at| !taken[*at] && is_form(word, &many[*at])));
            if let Some(at) = found {
                taken[at] = true;
                shared += 1;
            }
        }
        let both = 2.0 * shared as f64 / (few.len() + many.len()) as f64;
        // A question that only grew is still the question, if it was one.
        let tells = few.len() > 1 || few.iter().any(|word| has_digit(&word.text));
        let within = if tells { shared as f64 / few.len() as f64 } else { both };
        let mut score = f64::midpoint(both, within);
        let joined =
            |words: &[Word]| words.iter().map(|word| word.text.as_str()).collect::<String>();
        let (one, two) = (joined(few), joined(many));
        if one.len().max(two.len()) <= 120 {
            score = score.max(normalized_damerau_levenshtein(&one, &two));
        }
        (score * 100.0).round() as u32
    }
}

/// Whether one word was put for another and nothing else changed: a list is
/// gone through, not a question rephrased.
fn swaps_one(one: &[Word], other: &[Word]) -> bool {
    one.len() == other.len()
        && one.len() > 1
        && one.iter().zip(other).filter(|(a, b)| !is_form(a, b)).count() == 1
}

fn is_form(one: &Word, other: &Word) -> bool {
    if one.text == other.text {
        return true;
    }
    if one.names && other.names || has_digit(&one.text) || has_digit(&other.text) {
        return false;
    }
    root(&one.text) == root(&other.text)
        || (one.text.len().min(other.text.len()) >= 4
            && jaro_winkler(&one.text, &other.text) >= SAME_WORD)
}

/// The word without the ending of its form.
fn root(word: &str) -> &str {
    for end in
        ["itions", "ition", "ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "y", "e"]
    {
        if let Some(root) = word.strip_suffix(end).filter(|root| root.len() >= 3) {
            return root;
        }
    }
    word
}

/// The site of an address, and the rest of the text.
fn site(text: &str) -> (Option<String>, &str) {
    let Some((scheme, rest)) = text.split_once("://") else { return (None, text) };
    if scheme.is_empty() || !scheme.bytes().all(|sign| sign.is_ascii_alphanumeric()) {
        return (None, text);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host = host.to_lowercase();
    (Some(host.strip_prefix("www.").unwrap_or(&host).to_owned()), path)
}

fn is_gap(sign: char) -> bool {
    sign.is_whitespace() || ",;:!?()[]{}\"'`“”’|<>=*+&%#~^$\\-_".contains(sign)
}

/// Whether a text is of a query language, where `orders.total` is a column.
pub(super) fn is_statement(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    ["select", "with", "explain"].iter().any(|word| first.eq_ignore_ascii_case(word))
        && text.split_whitespace().any(|word| word.eq_ignore_ascii_case("from"))
}

/// The text with ids as one word: `A-1001` is `A1001`.
fn with_whole_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let joins = sign == '-'
            && out.ends_with(char::is_alphanumeric)
            && signs.peek().is_some_and(char::is_ascii_digit);
        if !joins {
            out.push(sign);
        }
    }
    out
}

/// Whether the sign just before this part of the text is a quote; in `don't`
/// it is none.
fn is_quote(text: &str, part: &str) -> bool {
    let at = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let mut before = text.get(..at).unwrap_or_default().chars().rev();
    match before.next() {
        Some('"' | '“' | '”') => true,
        Some('\'') => {
            let inner = |sign: Option<char>| sign.is_some_and(char::is_alphanumeric);
            !(inner(before.next()) && inner(part.chars().next()))
        }
        _ => false,
    }
}

fn has_digit(text: &str) -> bool {
    text.contains(|sign: char| sign.is_ascii_digit())
}

/// Adds the words of one part: `getUserName` is three, `a.rs` is one.
fn take(part: &str, first: bool, quoted: bool, words: &mut Vec<Word>) {
    for (index, piece) in part.split('/').enumerate() {
        let piece = piece.trim_matches(|sign: char| !sign.is_alphanumeric());
        if piece.is_empty() {
            continue;
        }
        let low = piece.to_lowercase();
        let is_capital = piece.chars().next().is_some_and(char::is_uppercase);
        if has_digit(piece) || piece.contains(['.', '@']) {
            words.push(Word { text: low, names: true });
        } else if is_joined(piece) {
            camel(piece, words);
        } else if !FILLERS.contains(&low.as_str()) {
            let names = quoted || (is_capital && !(first && index == 0));
            words.push(Word { text: low, names });
        }
    }
}

/// Whether a word is several, written like `getUserName`; `TypeScript` is one.
fn is_joined(piece: &str) -> bool {
    let mut signs = piece.chars().peekable();
    let joints = std::iter::from_fn(|| Some((signs.next()?, *signs.peek()?)))
        .filter(|(one, next)| one.is_lowercase() && next.is_uppercase())
        .count();
    joints > usize::from(piece.starts_with(char::is_uppercase))
}

fn camel(piece: &str, words: &mut Vec<Word>) {
    let mut text = String::new();
    let mut parts = Vec::new();
    for sign in piece.chars() {
        if sign.is_uppercase() && !text.is_empty() {
            parts.push(std::mem::take(&mut text));
        }
        text.extend(sign.to_lowercase());
    }
    parts.push(text);
    let told = parts.into_iter().filter(|text| !FILLERS.contains(&text.as_str()));
    words.extend(told.map(|text| Word { text, names: false }));
}
