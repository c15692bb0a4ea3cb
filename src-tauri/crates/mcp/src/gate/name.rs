//! What a server is called, from its command line: its agent is named after it, so
//! two servers that are started in the same way must not have one name.

use std::ffi::OsString;

/// What only starts others.
const STARTERS: [&str; 16] = [
    "npx", "npm", "pnpm", "yarn", "bunx", "bun", "node", "deno", "uvx", "uv", "python", "python3",
    "env", "exec", "run", "x",
];

/// What starts an image, and what stands before that.
const CONTAINERS: [&str; 2] = ["docker", "podman"];
const STARTS: &str = "run";

/// The options of these that have no value, in one letter and in full.
const LETTERS: &str = "diPqt";
const SWITCHES: [&str; 13] = [
    "--detach",
    "--init",
    "--interactive",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--privileged",
    "--publish-all",
    "--quiet",
    "--read-only",
    "--replace",
    "--rm",
    "--rmi",
    "--tty",
];

const SAY_NOTHING: [&str; 10] =
    ["index", "main", "server", "cli", "dist", "build", "bin", "src", "__main__", "."];

/// The image of a container; else the first word that is neither a program that
/// only starts others, nor one of its options. Of a path, the last part that says
/// something.
pub fn called(command: &[OsString]) -> String {
    let words: Vec<String> =
        command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let named = image(&words).and_then(telling).or_else(|| {
        let mut plain = words.iter().filter(|word| !word.starts_with('-') && !word.contains('='));
        plain.find_map(|word| telling(word).filter(|_| !STARTERS.contains(&last(word))))
    });
    named.unwrap_or_else(|| "server".to_owned())
}

/// The last part of a path that says something, without a version, or what a
/// script's name ends with.
fn telling(word: &str) -> Option<String> {
    let plain = |part: &str| {
        let name = part.split_once('@').map_or(part, |(name, _)| name);
        name.trim_end_matches(".js").trim_end_matches(".py").to_owned()
    };
    let mut parts = word.rsplit('/').map(plain).filter(|part| !part.is_empty());
    parts.find(|part| !SAY_NOTHING.contains(&part.as_str()))
}

/// The image that such a command starts, without its tag.
fn image(words: &[String]) -> Option<&str> {
    let (program, rest) = words.split_first()?;
    if !CONTAINERS.contains(&last(program)) {
        return None;
    }
    let mut rest = rest.iter().skip_while(|word| *word != STARTS).skip(1);
    while let Some(word) = rest.next() {
        if !word.starts_with('-') {
            let tag = word.rfind(':').filter(|at| !word[*at..].contains('/'));
            return Some(&word[..tag.unwrap_or(word.len())]);
        }
        // A letter may have its value right behind it.
        let has_value = match word.strip_prefix("--") {
            Some(_) => !word.contains('=') && !SWITCHES.contains(&word.as_str()),
            None => word.len() == 2 && !LETTERS.contains(&word[1..]),
        };
        if has_value {
            rest.next();
        }
    }
    None
}

fn last(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_server_is_called_after_its_command() {
        for (command, name) in [
            ("npx -y @modelcontextprotocol/server-filesystem@2026.8.31 /work", "server-filesystem"),
            ("node /opt/x/server-everything/dist/index.js stdio", "server-everything"),
            ("uvx mcp-server-git --repository .", "mcp-server-git"),
            ("/usr/bin/python3 -m weather.main", "weather.main"),
            ("./bin/server", "server"),
            ("TOKEN=1 env", "server"),
            ("docker run -i --rm mcp/github", "github"),
            ("/usr/bin/docker run -it -e TOKEN -v data:/data -p80:80 hub:5000/a/git:1.2", "git"),
            (
                "podman --log-level debug run --rm --env=A --network none files@sha256:1 x/y",
                "files",
            ),
            ("docker mcp gateway run", "docker"),
        ] {
            let words: Vec<_> = command.split(' ').map(Into::into).collect();
            assert_eq!(called(&words), name, "{command}");
        }
    }
}
