//! Which folder a file belongs in, by the ending of its name.
//!
//! A guess by name is enough for a move that can be taken back; nothing is ever
//! deleted because of it.

/// A kind of files, with a folder of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Archives,
    Audio,
    Calendar,
    Data,
    Documents,
    Pictures,
    Programs,
    Tables,
    Videos,
    Web,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Archives,
        Self::Audio,
        Self::Calendar,
        Self::Data,
        Self::Documents,
        Self::Pictures,
        Self::Programs,
        Self::Tables,
        Self::Videos,
        Self::Web,
    ];

    /// The kind of a file; `None` for a name that says nothing.
    pub fn of(name: &str) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let ending = ending.to_ascii_lowercase();
        if stem.is_empty() {
            return None;
        }
        Self::ALL.into_iter().find(|kind| kind.endings().contains(&ending.as_str()))
    }

    /// The folder's name.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Archives => "Archives",
            Self::Audio => "Audio",
            Self::Calendar => "Calendar",
            Self::Data => "Data",
            Self::Documents => "Documents",
            Self::Pictures => "Pictures",
            Self::Programs => "Programs",
            Self::Tables => "Tables",
            Self::Videos => "Videos",
            Self::Web => "Web",
        }
    }

    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Archives => &["zip", "tar", "gz", "tgz", "xz", "bz2", "zst", "7z", "rar"],
            Self::Audio => &["wav", "mp3", "flac", "ogg", "opus", "m4a", "aac"],
            Self::Calendar => &["ics", "vcf"],
            Self::Data => &["json", "xml", "yaml", "yml", "toml", "sql"],
            Self::Documents => {
                &["pdf", "txt", "md", "rtf", "doc", "docx", "odt", "epub", "ppt", "pptx", "odp"]
            }
            Self::Pictures => {
                &["png", "jpg", "jpeg", "gif", "svg", "webp", "heic", "bmp", "tif", "tiff"]
            }
            Self::Programs => &["deb", "rpm", "appimage", "exe", "msi", "dmg", "pkg"],
            Self::Tables => &["csv", "tsv", "xls", "xlsx", "ods"],
            Self::Videos => &["mp4", "mov", "mkv", "webm", "avi", "m4v"],
            Self::Web => &["html", "htm", "mhtml"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_decides_in_either_case() {
        assert_eq!(Kind::of("IMG_0042.PNG"), Some(Kind::Pictures));
        assert_eq!(Kind::of("a.b.csv"), Some(Kind::Tables));
        for nameless in ["README", ".csv", "notes.", "x.unknown", ""] {
            assert_eq!(Kind::of(nameless), None, "{nameless}");
        }
    }

    #[test]
    fn no_ending_belongs_to_two_kinds() {
        let mut endings: Vec<&str> =
            Kind::ALL.iter().flat_map(|kind| kind.endings()).copied().collect();
        let all = endings.len();
        endings.sort_unstable();
        endings.dedup();
        assert_eq!(endings.len(), all);
    }
}
