//! What lies in the folder after a power cut.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The files of a folder, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) fate: Fate,
}

/// What has become of the writes that no sync covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// None is there.
    Dropped,
    /// All are there.
    Kept,
    /// The first ones are there, the last of them perhaps in part.
    Prefix,
    /// Some are there, in any order, each whole.
    Some,
    /// Some sectors of some are there.
    Torn,
}

impl Image {
    /// Puts the files into a folder in the place of all that is there.
    pub fn write_to(&self, folder: &Path) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            std::fs::remove_file(entry?.path())?;
        }
        for (name, bytes) in &self.files {
            std::fs::write(folder.join(name), bytes)?;
        }
        Ok(())
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = match self.fate {
            Fate::Dropped => "all dropped",
            Fate::Kept => "all kept",
            Fate::Prefix => "the first ones kept",
            Fate::Some => "reordered",
            Fate::Torn => "torn",
        };
        write!(f, "unsynced writes {fate};")?;
        for (name, bytes) in &self.files {
            write!(f, " {name}: {} bytes", bytes.len())?;
        }
        Ok(())
    }
}
