"""A desk that says what a test wants: for what no real desk can be made to do on
demand, such as to go away between two lines.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Params = dict[str, Any]


class HangUp(Exception):
    """Ends the connection instead of answering."""


class ScriptedDesk:
    """Answers each method with what a function makes of its parameters."""

    def __init__(self, home: Path, **methods: Callable[[Params], Any]) -> None:
        self.methods = {name.replace("__", "."): answer for name, answer in methods.items()}
        self.calls: list[tuple[str, Params]] = []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(home / "desk.sock"))
        self.server.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Ends it; nobody can connect any more."""
        self.server.close()

    def asked(self, method: str) -> list[Params]:
        """What a method was called with."""
        return [params for name, params in self.calls if name == method]

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rw", encoding="utf-8") as line:
            for text in line:
                call = json.loads(text)
                if call["method"] == "agent.hello":
                    result: Any = {"agent": call["params"]["name"], "level": "suggest", "protocol": "1"}
                else:
                    self.calls.append((call["method"], call["params"]))
                    try:
                        result = self.methods[call["method"]](call["params"])
                    except HangUp:
                        peer.shutdown(socket.SHUT_RDWR)
                        return
                print(
                    json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}), file=line, flush=True
                )
