//! Where a server is, and what is sent along with each request: checked before
//! anything is sent anywhere.

use std::net::IpAddr;

use handoff_protocol::view::{Header, NewServer};
use ureq::http::{HeaderName, HeaderValue, Uri};

/// The most headers.
const HEADERS: usize = 20;

/// The longest value of a header, in bytes.
const VALUE: usize = 8 * 1024;

/// Headers that say how a request is carried: those are not the user's.
const OURS: [&str; 6] =
    ["host", "content-length", "content-type", "transfer-encoding", "connection", "te"];

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Without a slash at its end.
    base: String,
    host: String,
    in_the_clear: bool,
}

impl Address {
    /// Reads one; says what is wrong with it, in a whole sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let uri: Uri = text.parse().map_err(|_| format!("{text:?} is no address."))?;
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err("The address must begin with https:// or http://.".into()),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or("The address names no host.")?.to_owned();
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("The address has a name or password in it. Give the secret as a \
                        header: an address is shown and stored."
                .into());
        }
        if uri.query().is_some() || text.contains('#') {
            return Err("The address has something after ? or #. Leave that out.".into());
        }
        let in_the_clear = !encrypted && !is_loopback(&host);
        Ok(Self { base: text.trim_end_matches('/').to_owned(), host, in_the_clear })
    }

    /// The address of a path on it.
    pub fn of(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The address itself.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether what is sent can be read and changed on the way.
    pub fn in_the_clear(&self) -> bool {
        self.in_the_clear
    }

    /// Its host.
    pub fn host(&self) -> &str {
        &self.host
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What is wrong with a server that is to be added, in whole sentences.
pub fn fault(server: &NewServer) -> Option<String> {
    let address = match Address::read(&server.url) {
        Ok(address) => address,
        Err(why) => return Some(why),
    };
    if server.headers.len() > HEADERS {
        return Some(format!("More than {HEADERS} headers are too many."));
    }
    if server.secret.is_some() && address.in_the_clear() {
        return Some(format!(
            "The secret could be read on the way to {}: what is sent there is not encrypted. Use \
             an https address.",
            address.host()
        ));
    }
    let mut known: Vec<String> = Vec::new();
    for header in server.headers.iter().chain(&server.secret) {
        if let Some(why) = header_fault(header) {
            return Some(why);
        }
        let name = header.name.to_ascii_lowercase();
        if known.contains(&name) {
            return Some(format!("The header {name} is there twice."));
        }
        known.push(name);
    }
    None
}

fn header_fault(header: &Header) -> Option<String> {
    let name = header.name.trim();
    let Ok(parsed) = HeaderName::try_from(name) else {
        return Some(format!("{name:?} cannot be the name of a header."));
    };
    if OURS.contains(&parsed.as_str()) {
        return Some(format!("The header {name} is set by the desk itself."));
    }
    // The value may be a secret: it is never quoted.
    if header.value.is_empty() {
        return Some(format!("The header {name} has no value."));
    }
    if header.value.len() > VALUE || HeaderValue::try_from(&header.value).is_err() {
        return Some(format!(
            "The value of the header {name} is too long, or has characters that a header cannot \
             have."
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, secret: Option<(&str, &str)>) -> NewServer {
        let header =
            |(name, value): (&str, &str)| Header { name: name.into(), value: value.into() };
        NewServer {
            name: "n".into(),
            url: url.into(),
            headers: Vec::new(),
            secret: secret.map(header),
        }
    }

    #[test]
    fn addresses_are_read_or_refused() {
        for (text, base, clear) in [
            ("http://127.0.0.1:2024", "http://127.0.0.1:2024", false),
            ("http://localhost:2024/", "http://localhost:2024", false),
            ("http://[::1]:2024", "http://[::1]:2024", false),
            ("https://a.example/base/", "https://a.example/base", false),
            (" http://a.example ", "http://a.example", true),
            // Looks like loopback and is a name.
            ("http://127.0.0.1.example", "http://127.0.0.1.example", true),
        ] {
            let address = Address::read(text).expect(text);
            assert_eq!((address.base(), address.in_the_clear()), (base, clear), "{text}");
        }
        for text in [
            "",
            "localhost:2024",
            "ftp://a.example",
            "file:///etc/passwd",
            "https://",
            "https://name:pass@a.example",
            "https://a.example?key=1",
            "https://a.example/#x",
            "https://a example",
        ] {
            assert!(Address::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_sent_in_the_clear() {
        let secret = Some(("x-api-key", "s3cret"));
        assert_eq!(fault(&server("https://a.example", secret)), None);
        assert_eq!(fault(&server("http://127.0.0.1:1", secret)), None);
        let why = fault(&server("http://a.example", secret)).expect("a fault");
        assert!(why.contains("https") && !why.contains("s3cret"), "{why}");
        assert_eq!(fault(&server("http://a.example", None)), None);
    }

    #[test]
    fn headers_cannot_change_how_a_request_is_carried() {
        for (name, value) in [
            ("Host", "x"),
            ("a b", "x"),
            ("x-a", "a\r\nx-b: c"),
            ("x-a", ""),
            ("content-length", "1"),
        ] {
            let why = fault(&server("https://a.example", Some((name, value))));
            assert!(why.is_some_and(|why| !why.contains("x-b: c")), "{name:?} {value:?}");
        }
        let twice = NewServer {
            headers: vec![Header { name: "X-Api-Key".into(), value: "1".into() }],
            ..server("https://a.example", Some(("x-api-key", "2")))
        };
        assert!(fault(&twice).is_some_and(|why| why.contains("twice")));
    }
}
