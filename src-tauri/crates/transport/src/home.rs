//! The folder that holds everything of one desk, and the names in it.
//!
//! It makes folders private and says who owns them. It opens no database, and
//! holds no lock: those belong to the desk alone.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Names the folder, wherever the platform would put it.
pub const HOME_VARIABLE: &str = "HANDOFF_DESK_HOME";

/// A socket's path fits into 108 bytes on Linux and 104 on macOS, its closing
/// zero included; beyond this the short path is used.
const LONGEST_SOCKET_PATH: usize = 100;

/// The folder that holds everything of one desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    socket: PathBuf,
}

/// Why there is no usable home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither the variable nor the platform names a folder.
    #[error("there is no home folder: neither {HOME_VARIABLE} nor HOME is set")]
    Nowhere,
    /// It belongs to somebody else.
    #[error("{} belongs to another user", path.display())]
    NotOurs {
        /// What does.
        path: PathBuf,
    },
    /// Something else has its name.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What is not.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{} cannot be made, or not for you alone", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Home {
    /// The home that the environment names, else the platform's.
    pub fn resolve() -> Result<Self, HomeError> {
        Self::resolve_from(|name| std::env::var_os(name))
    }

    /// The same over any source of variables.
    pub fn resolve_from(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HomeError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let root = match set(HOME_VARIABLE) {
            Some(given) => {
                let given = PathBuf::from(given);
                std::path::absolute(&given)
                    .map_err(|source| HomeError::Io { path: given, source })?
            }
            None => platform_folder(&set).ok_or(HomeError::Nowhere)?,
        };
        Ok(Self::at(root, &set))
    }

    /// The home with this root, with the real environment for the rest.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::at(root.into(), &|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn at(root: PathBuf, set: &impl Fn(&str) -> Option<OsString>) -> Self {
        let plain = root.join("desk.sock");
        let socket = if plain.as_os_str().len() <= LONGEST_SOCKET_PATH {
            plain
        } else {
            short_socket(&root, set)
        };
        Self { root, socket }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.root.join("desk.db")
    }

    /// The file whose lock makes one desk the owner.
    pub fn lock(&self) -> PathBuf {
        self.root.join("desk.lock")
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The folder of the agents' tokens.
    pub fn tokens(&self) -> PathBuf {
        self.root.join("tokens")
    }

    /// The token of one agent.
    pub fn token(&self, agent: &str) -> PathBuf {
        self.tokens().join(file_name(agent))
    }

    /// The folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Makes the root, and the socket's folder where it is another one:
    /// readable by nobody else.
    pub fn create(&self) -> Result<(), HomeError> {
        make_private(&self.root)?;
        match self.socket.parent() {
            Some(folder) if folder != self.root => make_private(folder),
            Some(_) | None => Ok(()),
        }
    }
}

/// Makes a folder that only its owner, who must be us, can enter.
pub fn make_private(path: &Path) -> Result<(), HomeError> {
    let failed = |source| HomeError::Io { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(
        |source| match fs::metadata(path) {
            Ok(found) if !found.is_dir() => HomeError::NotAFolder { path: path.to_owned() },
            Ok(_) | Err(_) => failed(source),
        },
    )?;
    let found = fs::symlink_metadata(path).map_err(failed)?;
    // A link is followed only where the link itself is ours: in a folder that
    // all may write to, another user could have put it there.
    if !is_ours(&found) {
        return Err(HomeError::NotOurs { path: path.to_owned() });
    }
    let found = fs::metadata(path).map_err(failed)?;
    if !is_ours(&found) {
        return Err(HomeError::NotOurs { path: path.to_owned() });
    }
    if found.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Whether a file belongs to the user this program runs as.
pub fn is_ours(file: &Metadata) -> bool {
    file.uid() == own_uid()
}

/// The user this program runs as.
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn platform_folder(set: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let user = set("HOME").map(PathBuf::from);
    if cfg!(target_os = "macos") {
        return Some(user?.join("Library/Application Support/handoff-desk"));
    }
    // The XDG rules say that a relative path is to be ignored.
    let data = set("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    Some(data.or_else(|| Some(user?.join(".local/share")))?.join("handoff-desk"))
}

/// A short path that only the root and the user decide, so that the desk and
/// its clients find each other.
fn short_socket(root: &Path, set: &impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let uid = own_uid();
    // Started by cron or over SSH the variable is missing, the folder is not.
    let session = PathBuf::from(format!("/run/user/{uid}"));
    let base = set("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .or_else(|| session.is_dir().then_some(session))
        .or_else(|| set("TMPDIR").map(PathBuf::from))
        .filter(|base| base.is_absolute() && base.as_os_str().len() <= LONGEST_SOCKET_PATH - 48)
        .unwrap_or_else(|| PathBuf::from("/tmp"));
    let name = hex(&Sha256::digest(root.as_os_str().as_bytes())[..8]);
    base.join(format!("handoff-desk-{uid}")).join(format!("{name}.sock"))
}

/// A file name for any agent's name: what is not plain is percent-encoded, and
/// what gets too long for a file system is hashed.
fn file_name(agent: &str) -> String {
    let mut name = String::new();
    for byte in agent.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > 200 {
        // `=` occurs in no encoded name, so the two forms cannot meet.
        return format!("sha256={}", hex(&Sha256::digest(agent.as_bytes())));
    }
    name
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(variables: &[(&str, &str)]) -> Result<Home, HomeError> {
        Home::resolve_from(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_variable_wins_and_is_made_absolute() {
        let home = resolve(&[(HOME_VARIABLE, "here"), ("HOME", "/home/u")]).expect("a home");
        assert!(home.root().is_absolute() && home.root().ends_with("here"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn without_it_the_platform_says_where() {
        let plain = resolve(&[("HOME", "/home/u"), (HOME_VARIABLE, "")]).expect("a home");
        assert_eq!(plain.root(), Path::new("/home/u/.local/share/handoff-desk"));
        let named = resolve(&[("HOME", "/home/u"), ("XDG_DATA_HOME", "/data")]).expect("a home");
        assert_eq!(named.root(), Path::new("/data/handoff-desk"));
        let relative = resolve(&[("HOME", "/home/u"), ("XDG_DATA_HOME", "data")]).expect("a home");
        assert_eq!(relative, plain, "a relative XDG folder is ignored");
        assert!(matches!(resolve(&[]), Err(HomeError::Nowhere)));
    }

    #[test]
    fn a_deep_root_gets_a_short_socket_of_its_own() {
        let deep = |name: &str| format!("/{}/{name}", "deep/".repeat(30));
        let one =
            resolve(&[(HOME_VARIABLE, &deep("a")), ("XDG_RUNTIME_DIR", "/run/u")]).expect("a home");
        let two =
            resolve(&[(HOME_VARIABLE, &deep("b")), ("XDG_RUNTIME_DIR", "/run/u")]).expect("a home");
        assert!(one.socket().starts_with("/run/u"));
        assert!(one.socket().as_os_str().len() <= LONGEST_SOCKET_PATH);
        assert_ne!(one.socket(), two.socket());
        let long = format!("/{}", "r".repeat(90));
        let fallback =
            resolve(&[(HOME_VARIABLE, &deep("a")), ("XDG_RUNTIME_DIR", &long)]).expect("a home");
        assert!(fallback.socket().starts_with("/tmp"));
    }

    #[test]
    fn a_token_stays_in_its_folder_whatever_the_name() {
        let home = Home::new("/h");
        for name in ["../../etc/passwd", "a/b", "..", ".", "", "naïve agent", &"x".repeat(500)] {
            let path = home.token(name);
            assert_eq!(
                path.components().count(),
                Path::new("/h/tokens/x").components().count() - usize::from(name.is_empty())
            );
            assert!(path.starts_with("/h/tokens"), "{name}");
            assert!(path.as_os_str().len() < 240, "{name}");
        }
        assert_ne!(home.token("a/b"), home.token("a%2Fb"));
    }

    #[test]
    fn a_home_is_closed_to_others_even_if_it_was_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("home");
        fs::create_dir(&root).expect("made");
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("opened");
        Home::new(&root).create().expect("created");
        assert_eq!(fs::metadata(&root).expect("there").permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("home");
        fs::write(&root, "x").expect("written");
        let refused = Home::new(&root).create();
        assert!(matches!(refused, Err(HomeError::NotAFolder { .. })), "{refused:?}");
    }
}
