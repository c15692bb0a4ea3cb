//! `curl` and `wget`: what they fetch, send and write.

use super::part::Part;
use super::paths;
use super::word::Word;

const CURL_FLAGS: &str = "sSLfIivkg46NZ#0";
const CURL_LONG: [&str; 20] = [
    "--silent",
    "--show-error",
    "--location",
    "--fail",
    "--head",
    "--include",
    "--verbose",
    "--insecure",
    "--compressed",
    "--globoff",
    "--ipv4",
    "--ipv6",
    "--http1.1",
    "--http2",
    "--no-buffer",
    "--fail-with-body",
    "--no-progress-meter",
    "--progress-bar",
    "--tlsv1.2",
    "--get",
];
const CURL_VALUED: [&str; 19] = [
    "-A",
    "-e",
    "-m",
    "-H",
    "-u",
    "-r",
    "-b",
    "-w",
    "--user-agent",
    "--referer",
    "--max-time",
    "--header",
    "--user",
    "--range",
    "--cookie",
    "--write-out",
    "--connect-timeout",
    "--retry",
    "--url",
];
const CURL_NUMBERED: [&str; 4] =
    ["--retry-delay", "--retry-max-time", "--max-redirs", "--limit-rate"];

const SENDS: &str = "sends data to another machine";

/// The next option of `curl`, with its value if it takes one.
fn option<'a>(
    text: &'a str,
    rest: &mut std::slice::Iter<'a, Word>,
) -> Option<(&'a str, Option<&'a str>)> {
    let takes = |name: &str| {
        CURL_VALUED.contains(&name)
            || CURL_NUMBERED.contains(&name)
            || matches!(name, "-X" | "--request" | "-o" | "--output" | "--output-dir")
    };
    if takes(text) {
        return Some((text, Some(rest.next()?.exact()?)));
    }
    // `-XPOST`, `-ofile`
    if !text.starts_with("--") && text.len() > 2 && text.is_char_boundary(2) && takes(&text[..2]) {
        return Some((&text[..2], Some(&text[2..])));
    }
    Some((text, None))
}

/// Reads the arguments of `curl`.
pub(super) fn curl(args: &[Word], folder: Option<&str>) -> Part {
    let unread = || Part::unknown("gives curl an option that is not read");
    let mut part = Part::reads();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        if !word.may_be_option() {
            part = part.and(address(word));
            continue;
        }
        if sends(word) {
            return Part::irreversible(SENDS);
        }
        let Some(text) = word.exact() else { return unread() };
        let Some((name, value)) = option(text, &mut rest) else { return unread() };
        match (name, value) {
            ("-X" | "--request", Some("GET" | "HEAD" | "OPTIONS"))
            | ("-o" | "--output", Some("-")) => {}
            ("-X" | "--request", Some(method)) => {
                return Part::irreversible(format!("sends a {method} request"));
            }
            ("-o" | "--output", Some(path)) => {
                part = part.and(output(path, folder));
            }
            ("--output-dir", Some(_)) => part = part.and(Part::writes("writes a file", None)),
            ("--url", Some(url)) => part = part.and(address(&Word::plain(url))),
            (_, Some(value)) => {
                if !harmless(value) {
                    return unread();
                }
            }
            (
                "-O" | "--remote-name" | "--remote-name-all" | "-J" | "--remote-header-name",
                None,
            ) => {
                part = part.and(Part::writes(
                    "writes a file under the name that the other side gives",
                    None,
                ));
            }
            (name, None) if CURL_LONG.contains(&name) => {}
            (name, None) if name.len() > 1 && !name.starts_with("--") => {
                // A bundle; its last letter may take a value.
                let (last, letters) = name[1..]
                    .char_indices()
                    .next_back()
                    .map_or(("", ""), |(at, _)| (&name[1 + at..], &name[1..=at]));
                if !letters.chars().all(|letter| CURL_FLAGS.contains(letter) || letter == 'O') {
                    return unread();
                }
                if name.contains('O') {
                    part = part.and(Part::writes(
                        "writes a file under the name that the other side gives",
                        None,
                    ));
                }
                if CURL_FLAGS.contains(last) || last == "O" {
                    continue;
                }
                match (last, rest.next().and_then(Word::exact)) {
                    ("o", Some("-"))
                    | ("X", Some("GET" | "HEAD" | "OPTIONS"))
                    | ("m" | "A" | "e" | "u" | "r", Some(_)) => {}
                    ("o", Some(path)) => {
                        part = part.and(output(path, folder));
                    }
                    ("X", Some(method)) => {
                        return Part::irreversible(format!("sends a {method} request"));
                    }
                    ("H" | "w" | "b", Some(value)) if harmless(value) => {}
                    _ => return unread(),
                }
            }
            _ => return unread(),
        }
    }
    part
}

/// The file that `curl` writes; in its name, `#1` stands for a part of the address.
fn output(path: &str, folder: Option<&str>) -> Part {
    if path.contains('#') {
        return Part::unknown("writes a file whose name the address makes");
    }
    paths::written(&Word::plain(path), folder, "overwrites")
}

/// Whether an option sends something along.
fn sends(word: &Word) -> bool {
    let Some(text) = word.exact() else { return false };
    let long = ["--data", "--form", "--json", "--upload-file", "--mail", "--url-query", "--quote"];
    if text.starts_with("--") {
        return long.iter().any(|name| text.starts_with(name));
    }
    matches!(text.chars().nth(1), Some('d' | 'F' | 'T' | 'Q'))
        || text
            .chars()
            .skip(1)
            .take_while(|c| CURL_FLAGS.contains(*c) || "dFT".contains(*c))
            .any(|c| "dFT".contains(c))
}

/// No file is sent or written by it, and it asks for no other method.
fn harmless(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    !value.starts_with('@') && !value.contains("%output") && !value.contains("method")
}

/// Fetching an address only reads where nothing but the shell's words is in it.
fn address(word: &Word) -> Part {
    let text = word.text.to_ascii_lowercase();
    if word.open {
        return Part::unknown("fetches an address that only the shell knows");
    }
    match text.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() => Part::reads(),
        Some((scheme, _)) => Part::unknown(format!("uses {scheme}, which is not read")),
        None if text.contains(':')
            && !text
                .split(':')
                .nth(1)
                .is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit())) =>
        {
            Part::unknown("fetches an address that is not read")
        }
        None => Part::reads(),
    }
}

/// Reads the arguments of `wget`.
pub(super) fn wget(args: &[Word], folder: Option<&str>) -> Part {
    let unread = || Part::unknown("gives wget an option that is not read");
    let mut rest = args.iter();
    let (mut addresses, mut output, mut spider) = (Part::reads(), None, false);
    while let Some(word) = rest.next() {
        if !word.may_be_option() {
            addresses = addresses.and(address(word));
            continue;
        }
        let Some(text) = word.exact() else { return unread() };
        match text {
            "-q"
            | "-nv"
            | "-v"
            | "-c"
            | "-N"
            | "-S"
            | "-4"
            | "-6"
            | "--quiet"
            | "--no-verbose"
            | "--continue"
            | "--no-check-certificate"
            | "--timestamping"
            | "--show-progress" => {}
            "--spider" => spider = true,
            "-O" | "-qO" | "--output-document" => output = Some(rest.next().cloned()),
            "-O-" | "-qO-" => output = Some(Some(Word::plain("-"))),
            "-T" | "-t" | "-U" | "--timeout" | "--tries" | "--user-agent" => {
                if rest.next().and_then(Word::exact).is_none() {
                    return unread();
                }
            }
            _ if text.starts_with("--timeout=")
                || text.starts_with("--tries=")
                || text.starts_with("--user-agent=") => {}
            _ if text.strip_prefix("--header=").is_some_and(harmless) => {}
            _ if text.starts_with("--output-document=") => {
                output = text.split_once('=').map(|(_, path)| Some(Word::plain(path)));
            }
            _ if ["--post", "--body", "--method"].iter().any(|name| text.starts_with(name)) => {
                return Part::irreversible(SENDS);
            }
            _ => return unread(),
        }
    }
    match output {
        // Its file is opened, and so emptied, all the same.
        Some(Some(path)) if spider && !path.is("-") => unread(),
        _ if spider => addresses,
        None => addresses
            .and(Part::writes("writes a file under the name that the other side gives", None)),
        Some(None) => unread(),
        Some(Some(path)) if path.is("-") => addresses,
        Some(Some(path)) => addresses.and(paths::written(&path, folder, "overwrites")),
    }
}
