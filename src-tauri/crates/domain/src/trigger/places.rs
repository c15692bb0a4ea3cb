//! Places: paths and hosts, and which lie in which.
//!
//! A place is compared as it is written. What a disk or a name server would say
//! of it is not known here.

/// The most parts of a path that are compared.
const MAX_PARTS: usize = 64;

/// A path, without `.` and without `..` where it can be resolved; the first part
/// of a relative one that leads out is `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// `/`, `~`, `c:` or nothing.
    pub root: String,
    pub parts: Vec<String>,
}

/// A place on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub name: String,
    port: Option<String>,
    path: Path,
}

impl Path {
    /// Reads it as written.
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim().replace('\\', "/");
        let text = text.strip_prefix("file://").unwrap_or(&text);
        let drive = text.as_bytes().get(1) == Some(&b':')
            && text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        let (root, rest) = if drive {
            (text[..2].to_lowercase(), &text[2..])
        } else if text.starts_with('~') {
            let end = text.find('/').unwrap_or(text.len());
            (text[..end].to_owned(), &text[end..])
        } else if text.starts_with('/') {
            ("/".to_owned(), text)
        } else {
            (String::new(), text)
        };
        let mut path = Self { root, parts: Vec::new() };
        path.go(rest);
        path
    }

    fn go(&mut self, rest: &str) {
        for part in rest.split('/') {
            match part {
                "" | "." => {}
                ".." if self.parts.last().is_some_and(|last| last != "..") => {
                    self.parts.truncate(self.parts.len() - 1);
                }
                // Above the root is the root; above `~` is not known.
                ".." if self.root == "/" || self.root.ends_with(':') => {}
                part => self.parts.push(part.to_owned()),
            }
        }
    }

    /// The same, as seen from a folder.
    pub(super) fn below(&self, folder: &Self) -> Self {
        let mut path = folder.clone();
        path.go(&self.parts.join("/"));
        path
    }

    /// Whether the other is the same, or lies below.
    pub(super) fn covers(&self, path: &Self) -> bool {
        self.root == path.root
            && (self.root.starts_with('/')
                || path.parts.iter().filter(|part| *part == "..").count()
                    == self.parts.iter().filter(|part| *part == "..").count())
            && covers(&self.parts, &path.parts)
    }
}

impl Host {
    /// Whether the other is the same, or lies below; `*` is any.
    pub(super) fn covers(&self, host: &Self) -> bool {
        let name = ["*", &host.name].contains(&self.name.as_str())
            || self.name.strip_prefix("*.").is_some_and(|parent| {
                host.name
                    .strip_suffix(parent)
                    .is_some_and(|front| front.len() > 1 && front.ends_with('.'))
            });
        name && (self.port.is_none() || self.port == host.port)
            && covers(&self.path.parts, &host.path.parts)
    }
}

/// Reads a host with its port, and the path on it.
pub(super) fn host(name: &str, path: &str) -> Option<Host> {
    let name = name.to_lowercase();
    let (name, port) = match name.rsplit_once(':') {
        Some((front, port))
            if !port.is_empty() && port.bytes().all(|sign| sign.is_ascii_digit()) =>
        {
            (front.to_owned(), Some(port.to_owned()))
        }
        _ => (name, None),
    };
    let name = name.trim_end_matches('.').to_owned();
    let path = path.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/").replace("%2F", "/");
    let path = Path::new(&format!("/{path}"));
    (!name.is_empty()).then_some(Host { name, port, path })
}

/// Whether a path lies in a pattern: a folder covers what is below it.
fn covers(pattern: &[String], path: &[String]) -> bool {
    if pattern.len() > MAX_PARTS || path.len() > 4 * MAX_PARTS {
        return false;
    }
    // Which beginnings of the path the pattern so far can be.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for part in pattern {
        let mut next = vec![false; path.len() + 1];
        if part == "**" {
            let mut open = false;
            for (at, reached) in reached.iter().enumerate() {
                open |= *reached;
                next[at] = open;
            }
        } else {
            for (at, name) in path.iter().enumerate() {
                next[at + 1] = reached[at] && matches(part, name);
            }
        }
        reached = next;
    }
    // `*` names things in a folder, not what is deeper.
    let bounded = pattern.last().is_some_and(|last| last != "**" && last.contains(['*', '?']));
    if bounded { reached.last() == Some(&true) } else { reached.contains(&true) }
}

/// Whether a name fits a pattern with `*` and `?`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(sign) if *sign == '?' || *sign == name[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((back, taken)) => {
                    at = back + 1;
                    from = taken + 1;
                    star = Some((back, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|sign| *sign == '*')
}
