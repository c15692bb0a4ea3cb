"""What the checks install once, and anew where something else is pinned."""

import subprocess


def keep(folder, pin, install):
    """Installs into a folder, unless this very pin was the last there: it is noted
    when all is done."""
    note = folder / "installed.txt"
    if note.exists() and note.read_text() == pin:
        return
    folder.mkdir(parents=True, exist_ok=True)
    install()
    note.write_text(pin)


def from_npm(cache, package):
    """Installs it into the folder, as the machine's own settings say."""
    # Its own package, or npm looks for one further up. With --prefix it would not
    # read the system's settings, and so not know whom to trust.
    (cache / "package.json").write_text("{}")
    subprocess.run(["npm", "install", "--loglevel", "error", package], cwd=cache, check=True)
