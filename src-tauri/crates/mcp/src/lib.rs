//! The desk over the Model Context Protocol: `handoff mcp`, a server whose
//! tools hand off and wait, and `handoff mcp-gate`, which stands in front of
//! any other server and asks before each call.
//!
//! Both speak to a desk as any agent does. They decide nothing: where no desk
//! answers, nothing is permitted, and what was handed off waits in the spool.
//!
//! The protocol is read by hand and not with `rmcp`. The gate must pass lines
//! on byte by byte, and refuse what two readers could take for two different
//! calls; a library that hands out parsed values can do neither. The server
//! needs four methods beside it, in both eras: the handshake of 2025-11-25 and
//! `server/discover` of 2026-07-28. For that, 78 crates and a runtime in a
//! command that every hook starts would be a bad bargain.

mod asking;
mod desk;
mod gate;
mod line;
mod message;
mod out;
#[cfg(test)]
mod room;
mod server;
mod words;

use handoff_domain::identity::{AGENT_NAME_LIMIT, is_agent_name};

pub use desk::{Launch, Way};
pub use gate::Gate;
pub use server::Server;

/// The name of an agent, from what its client calls itself: of a client that
/// has a hook, the name that this goes by.
fn agent_name(client: &str) -> Option<String> {
    let client = match client {
        "codex-mcp-client" => "codex",
        other => other,
    };
    let plain: String = client
        .chars()
        .map(|letter| if letter.is_whitespace() { '-' } else { letter })
        .filter(|letter| letter.is_ascii_alphanumeric() || "._:/-".contains(*letter))
        .take(AGENT_NAME_LIMIT)
        .collect();
    Some(plain.trim_matches('-').to_owned()).filter(|name| is_agent_name(name))
}

/// A word that no other run of this program has.
fn nonce() -> String {
    let mut bytes = [0_u8; 8];
    if getrandom::fill(&mut bytes).is_err() {
        // Less sure, and good enough: it only keeps two runs apart.
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let told = since.as_secs() ^ (u64::from(since.subsec_nanos()) << 32);
        bytes = (told ^ u64::from(std::process::id())).to_le_bytes();
    }
    handoff_domain::decision::hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::agent_name;

    #[test]
    fn a_client_names_its_agent_in_plain_letters() {
        for (client, name) in [
            ("claude-code", Some("claude-code")),
            ("codex-mcp-client", Some("codex")),
            ("My Client 2", Some("My-Client-2")),
            ("a\u{202e}b\n", Some("ab")),
            ("  ", None),
            ("\u{65e5}\u{672c}", None),
        ] {
            assert_eq!(agent_name(client).as_deref(), name, "{client:?}");
        }
        assert_eq!(agent_name(&"x".repeat(500)).map(|name| name.len()), Some(100));
    }
}
