//! One word of a command, as far as it is known before the shell expands it.

/// A word of a command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Word {
    /// All of it, or what is sure to stand at its start.
    pub(super) text: String,
    /// Something follows that only the shell knows: a variable, a glob.
    pub(super) open: bool,
    /// It may become several words, the later ones of any kind.
    pub(super) breaks: bool,
    /// It starts in somebody's home folder.
    pub(super) home: bool,
}

impl Word {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A word of which nothing is known.
    pub(super) fn anything() -> Self {
        Self { open: true, breaks: true, ..Self::default() }
    }

    /// The word itself, where it is known to the last letter.
    pub(super) fn exact(&self) -> Option<&str> {
        (!self.open && !self.home).then_some(self.text.as_str())
    }

    /// Whether it is exactly this.
    pub(super) fn is(&self, text: &str) -> bool {
        self.exact() == Some(text)
    }

    /// Whether a program could take it for an option.
    pub(super) fn may_be_option(&self) -> bool {
        self.breaks
            || self.text.starts_with('-')
            || (self.open && self.text.is_empty() && !self.home)
    }

    /// Whether it, or a word it becomes, could be one of these options: letters
    /// after one dash, in any bundle, or names after two, shortened or not.
    pub(super) fn may_be(&self, letters: &str, names: &[&str]) -> bool {
        if !self.may_be_option() {
            return false;
        }
        if self.open {
            // `-x*` and the like: what follows may be any letter.
            return true;
        }
        match self.text.strip_prefix("--") {
            Some(long) => {
                let name = long.split('=').next().unwrap_or_default();
                !name.is_empty() && names.iter().any(|known| known.starts_with(name))
            }
            None => self.text.chars().skip(1).any(|letter| letters.contains(letter)),
        }
    }

    /// Whether a shell that takes it for a sum would run something in it.
    pub(super) fn may_be_worked_out(&self) -> bool {
        self.text.contains('[') && (self.text.contains("$(") || self.text.contains('`'))
    }

    /// Takes up more letters that are known.
    pub(super) fn push(&mut self, text: &str) {
        if !self.open {
            self.text.push_str(text);
        }
    }
}

/// The words as a person would type them, for what was not typed.
pub(super) fn line(words: &[Word]) -> String {
    let shown = words
        .iter()
        .map(|word| if word.open { format!("{}…", word.text) } else { word.text.clone() });
    shown.collect::<Vec<_>>().join(" ")
}
