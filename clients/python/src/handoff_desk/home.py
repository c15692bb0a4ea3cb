"""The desk's folder: its socket, and the token of an agent's name.

The same places as the desk's own command line uses, so that both find each
other and one agent's name works in both.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import Unreachable

HOME_VARIABLE = "HANDOFF_DESK_HOME"
AGENT_VARIABLE = "HANDOFF_AGENT"

# A socket's path fits into about 100 bytes; beyond this the short path is used.
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class Home:
    """The folder of one desk, and the socket on which it listens."""

    root: Path
    socket: Path

    @classmethod
    def of(cls, root: str | os.PathLike[str] | None = None) -> Home:
        """The folder that is named, else the environment's, else the platform's."""
        given = os.fspath(root) if root is not None else os.environ.get(HOME_VARIABLE)
        found = Path(os.path.abspath(given)) if given else _platform_folder()
        plain = found / "desk.sock"
        fits = len(os.fsencode(plain)) <= _LONGEST_SOCKET_PATH
        return cls(found, plain if fits else _short_socket(found))

    def token_file(self, agent: str) -> Path:
        """Where the token of this name is kept."""
        plain = set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        raw = agent.encode()
        name = "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in raw)
        if len(name) > 200:
            # `=` occurs in no encoded name, so the two forms cannot meet.
            name = f"sha256={hashlib.sha256(raw).hexdigest()}"
        return self.root / "tokens" / name

    def token(self, agent: str) -> str:
        """The token of this name, made and on disk before any desk hears of it."""
        path = self.token_file(agent)
        try:
            return _read(path) or _make(path)
        except OSError as why:
            raise Unreachable(
                f"The token {path} cannot be used: {why}.",
                "The folder must belong to you; set HANDOFF_DESK_HOME to the desk's folder.",
            ) from why

    def check_socket(self) -> None:
        """Refuses a socket that is not there, or not ours."""
        try:
            found = self.socket.lstat()
        except OSError as why:
            raise unreachable(self.socket, why) from why
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
            raise Unreachable(
                f"{self.socket} is no socket of yours.",
                "Another program or user has put something there; look at it before you remove it.",
            )


def unreachable(socket: Path, why: Exception) -> Unreachable:
    """Nobody answers there."""
    return Unreachable(
        f"No desk answers at {socket}: {why}.",
        "Start `handoff-desk`; any `handoff` command starts it in the background, too.",
    )


def _platform_folder() -> Path:
    user = Path.home()
    if sys.platform == "darwin":
        return user / "Library" / "Application Support" / "handoff-desk"
    data = os.environ.get("XDG_DATA_HOME") or ""
    # The XDG rules say that a relative path is to be ignored.
    base = Path(data) if os.path.isabs(data) else user / ".local" / "share"
    return base / "handoff-desk"


def _short_socket(root: Path) -> Path:
    uid = os.geteuid()
    session = f"/run/user/{uid}"
    base = (
        os.environ.get("XDG_RUNTIME_DIR")
        or (session if os.path.isdir(session) else os.environ.get("TMPDIR"))
        or ""
    )
    if not os.path.isabs(base) or len(os.fsencode(base)) > _LONGEST_SOCKET_PATH - 48:
        base = "/tmp"
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return Path(base) / f"handoff-desk-{uid}" / f"{name}.sock"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def _make(path: Path) -> str:
    folder = path.parent
    for one in (folder.parent, folder):
        with contextlib.suppress(FileExistsError):
            one.mkdir(mode=0o700, parents=True)
    if folder.lstat().st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user")
    os.chmod(folder, 0o700)
    token = secrets.token_hex(32)
    draft = folder / f".{os.getpid()}-{secrets.token_hex(4)}.new"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    try:
        # Of several processes that come first, one makes it and all use it.
        os.link(draft, path)
    except FileExistsError:
        there = _read(path)
        if there is None:
            raise
        return there
    finally:
        os.unlink(draft)
    return token
