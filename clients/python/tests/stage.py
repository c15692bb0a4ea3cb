"""A real desk for the tests: the built program, on a screen and a bus of its
own, with its window driven through WebDriver.

The reviewer's answers go through the window's own commands, as the page sends
them; nothing here speaks to the desk in another way.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

# How long anything that should happen at once may take on a slow machine.
SOON = 30.0

BUS = """<busconfig><type>session</type><listen>unix:dir=FOLDER</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""

INVOKE = """
const [command, args, done] = arguments;
window.__TAURI_INTERNALS__.invoke(command, args).then(
  (value) => done({ value }), (fault) => done({ fault }));
"""


class Refused(Exception):
    """The window's command failed."""


def program(variable: str, name: str) -> Path:
    """A built program, named by the environment or where cargo puts it."""
    given = os.environ.get(variable)
    built = Path(__file__).resolve().parents[3] / "target" / "debug" / name
    path = Path(given) if given else built
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not built. Set {variable}, or run `cargo xtask test` once.")
    return path.resolve()


class Stage:
    """A screen and a bus, and on them one desk with a home of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hp"))
        self.home = self.folder / "home"
        self.children: list[subprocess.Popen[str]] = []
        self.driver: subprocess.Popen[str] | None = None
        self.base = ""
        run = self.folder / "run"
        run.mkdir(mode=0o700)
        screen = self._begin(["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
        (self.folder / "bus.conf").write_text(BUS.replace("FOLDER", str(run)), encoding="utf-8")
        bus = self._begin(
            ["dbus-daemon", "--config-file", str(self.folder / "bus.conf"), "--nofork", "--print-address=1"]
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "DISPLAY": f":{_first_line(screen)}",
            "DBUS_SESSION_BUS_ADDRESS": _first_line(bus),
            "XDG_RUNTIME_DIR": str(run),
            "HANDOFF_DESK_HOME": str(self.home),
            "NO_AT_BRIDGE": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
        }

    def start(self) -> None:
        """Opens the desk's window and waits until it can be used."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**self.environment, "TAURI_AUTOMATION": "true", "TAURI_WEBVIEW_AUTOMATION": "true"}
        with (self.folder / "desk.log").open("a") as log:
            self.driver = subprocess.Popen(
                ["WebKitWebDriver", f"--port={port}"], env=environment, stdout=log, stderr=log, text=True
            )
        root = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{root}/status"), "WebKitWebDriver answers")
        binary = str(program("HANDOFF_DESK_BIN", "handoff-desk"))
        wish = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": {"binary": binary, "args": []}}}}
        session = _post(f"{root}/session", wish)["sessionId"]
        self.base = f"{root}/session/{session}"
        _post(f"{self.base}/timeouts", {"script": int(SOON * 1000)})
        until(lambda: self._ready(), "the desk's page is open")

    def stop(self) -> None:
        """Kills the desk as a power cut would, and its driver."""
        if self.driver is None:
            return
        desks = _children(self.driver.pid)
        for desk in desks:
            os.kill(desk, signal.SIGKILL)
        self.driver.kill()
        self.driver.wait()
        self.driver = None
        # The desk's lock goes with its process, which is no child of ours.
        until(lambda: not any(_runs(desk) for desk in desks), "the desk is gone")

    def close(self) -> None:
        """Ends everything and removes the folder."""
        self.stop()
        for child in reversed(self.children):
            child.kill()
            child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def invoke(self, command: str, **args: Any) -> Any:
        """Calls a command of the window from its page."""
        said = _post(f"{self.base}/execute/async", {"script": INVOKE, "args": [command, args]})
        if "fault" in said:
            raise Refused(json.dumps(said["fault"]))
        return said["value"]

    def run(self, script: str) -> Any:
        """Runs a function body in the page."""
        return _post(f"{self.base}/execute/sync", {"script": script, "args": []})

    def _ready(self) -> bool:
        try:
            return self.run("return '__TAURI_INTERNALS__' in window;") is True
        except urllib.error.HTTPError:
            return False

    def _begin(self, command: list[str]) -> subprocess.Popen[str]:
        with (self.folder / f"{command[0]}.log").open("w") as log:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.children.append(child)
        return child


def until(condition: Callable[[], Any], what: str, limit: float = SOON) -> Any:
    """Asks until the answer is true."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        # Another process has to do something; there is nothing to wait on.
        time.sleep(0.02)
    raise AssertionError(f"not within {limit:.0f} s: {what}")


def _first_line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _post(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=SOON + 30) as answer:
        return json.load(answer)["value"]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]
