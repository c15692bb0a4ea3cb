//! Where the secrets of servers are: in the system's key store if there is one,
//! else in files that only the user can read. Never in the database, a log or an
//! error.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use handoff_protocol::view::KeptIn;

/// A key store of the system.
pub trait KeyStore: Send + Sync + 'static {
    /// Keeps a secret under a name, in the place of an earlier one; says why it
    /// could not.
    fn keep(&self, name: &str, secret: &str) -> Result<(), String>;

    /// The secret of this name; says why it could not be had.
    fn find(&self, name: &str) -> Result<Option<String>, String>;

    /// Forgets the secret of this name, if there is one.
    fn forget(&self, name: &str) -> Result<(), String>;
}

/// The secrets of servers.
#[derive(Clone)]
pub struct Secrets {
    store: Option<Arc<dyn KeyStore>>,
    folder: PathBuf,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Secrets").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Secrets {
    /// Uses this key store, and a folder where that keeps nothing.
    pub fn new(store: Option<Arc<dyn KeyStore>>, folder: PathBuf) -> Self {
        Self { store, folder }
    }

    /// Keeps the secret of a server; says where.
    pub(crate) fn keep(&self, server: &str, secret: &str) -> Result<KeptIn, String> {
        if let Some(store) = &self.store {
            match store.keep(server, secret) {
                Ok(()) => {
                    self.remove_file(server)?;
                    return Ok(KeptIn::KeyStore);
                }
                Err(why) => tracing::info!(server, why, "the key store keeps no secret"),
            }
        }
        write(&self.file(server), secret)
            .map_err(|error| format!("The secret could not be written to a file: {error}."))?;
        Ok(KeptIn::File)
    }

    /// The secret of a server, from where it was kept.
    pub(crate) fn find(&self, server: &str, kept_in: KeptIn) -> Result<String, String> {
        let missing =
            || "The secret is not there any more. Remove the server and add it again.".to_owned();
        match (kept_in, &self.store) {
            (KeptIn::KeyStore, Some(store)) => store.find(server)?.ok_or_else(missing),
            (KeptIn::KeyStore, None) => {
                Err("The key store that has the secret cannot be reached now.".to_owned())
            }
            (KeptIn::File, _) => match fs::read_to_string(self.file(server)) {
                Ok(secret) => Ok(secret),
                Err(error) if error.kind() == ErrorKind::NotFound => Err(missing()),
                Err(error) => Err(format!("The secret could not be read: {error}.")),
            },
        }
    }

    /// Forgets the secret of a server.
    pub(crate) fn forget(&self, server: &str, kept_in: KeptIn) -> Result<(), String> {
        match (kept_in, &self.store) {
            (KeptIn::KeyStore, Some(store)) => store.forget(server),
            (KeptIn::KeyStore, None) => {
                Err("The key store that has the secret cannot be reached now.".to_owned())
            }
            (KeptIn::File, _) => self.remove_file(server),
        }
    }

    /// A name of a server has no character that leads elsewhere, and none of
    /// them is hidden or `..`: something stands before it.
    fn file(&self, server: &str) -> PathBuf {
        self.folder.join(format!("server-{server}"))
    }

    fn remove_file(&self, server: &str) -> Result<(), String> {
        match fs::remove_file(self.file(server)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("The file with the secret could not be removed: {error}."))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Puts a text in a file that was private before it had the text.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    builder.create(folder)?;
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = options.open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Memory {
        kept: Mutex<HashMap<String, String>>,
        locked: bool,
    }

    impl KeyStore for Memory {
        fn keep(&self, name: &str, secret: &str) -> Result<(), String> {
            if self.locked {
                return Err("locked".to_owned());
            }
            self.kept.lock().expect("a lock").insert(name.to_owned(), secret.to_owned());
            Ok(())
        }

        fn find(&self, name: &str) -> Result<Option<String>, String> {
            Ok(self.kept.lock().expect("a lock").get(name).cloned())
        }

        fn forget(&self, name: &str) -> Result<(), String> {
            self.kept.lock().expect("a lock").remove(name);
            Ok(())
        }
    }

    #[test]
    fn a_key_store_keeps_it_and_no_file_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Secrets::new(Some(Arc::new(Memory::default())), folder.path().join("s"));
        assert_eq!(secrets.keep("a", "s3cret"), Ok(KeptIn::KeyStore));
        assert_eq!(secrets.find("a", KeptIn::KeyStore), Ok("s3cret".to_owned()));
        assert!(!folder.path().join("s").exists());
        assert_eq!(secrets.forget("a", KeptIn::KeyStore), Ok(()));
        assert!(secrets.find("a", KeptIn::KeyStore).is_err());
    }

    #[test]
    fn without_one_it_is_in_a_file_of_the_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let locked: Arc<dyn KeyStore> = Arc::new(Memory { locked: true, ..Memory::default() });
        for store in [None, Some(locked)] {
            let secrets = Secrets::new(store, folder.path().join("s"));
            assert_eq!(secrets.keep("a.b", "first"), Ok(KeptIn::File));
            assert_eq!(secrets.keep("a.b", "s3cret"), Ok(KeptIn::File));
            assert_eq!(secrets.find("a.b", KeptIn::File), Ok("s3cret".to_owned()));
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = |path: &Path| fs::metadata(path).expect("it").permissions().mode();
                assert_eq!(mode(&secrets.file("a.b")) & 0o777, 0o600);
                assert_eq!(mode(&folder.path().join("s")) & 0o777, 0o700);
            }
            assert_eq!(secrets.forget("a.b", KeptIn::File), Ok(()));
            assert_eq!(secrets.forget("a.b", KeptIn::File), Ok(()));
            assert!(secrets.find("a.b", KeptIn::File).is_err());
            assert_eq!(fs::read_dir(folder.path().join("s")).expect("it").count(), 0);
        }
    }
}
