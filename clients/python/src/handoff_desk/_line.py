"""One connection: newline-delimited JSON-RPC 2.0 over the desk's socket.

It knows no method. A connection that breaks fails every call that waits on it;
what that means only the caller can know.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from .errors import BY_CODE, DeskError, Lost, Malformed, Refused, Unreachable
from .home import Home, unreachable
from .models import Decision

MAX_FRAME_BYTES = 10 * 1024 * 1024

Hint = Callable[[str, dict[str, Any]], None]


class Line:
    """An open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hint: Hint) -> None:
        self._reader = reader
        self._writer = writer
        self._hint = hint
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._over: DeskError | None = None
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def open(cls, home: Home, hint: Hint) -> Line:
        """Connects, and refuses what is not our own desk."""
        home.check_socket()
        try:
            reader, writer = await asyncio.open_unix_connection(str(home.socket), limit=MAX_FRAME_BYTES + 1)
        except OSError as why:
            raise unreachable(home.socket, why) from why
        uid = _peer_uid(writer.get_extra_info("socket"))
        if uid is not None and uid != os.geteuid():
            writer.close()
            raise Unreachable(f"Another user's program listens on {home.socket}.", "Do not use it.")
        return cls(reader, writer, hint)

    @property
    def is_open(self) -> bool:
        """Whether calls can still be made."""
        return self._over is None

    async def call(self, method: str, params: dict[str, Any], limit: float | None) -> Any:
        """Calls a method; its answer must come within `limit` seconds."""
        if self._over is not None:
            raise self._over
        self._last_id += 1
        number = self._last_id
        frame = _frame({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(frame)
            await self._writer.drain()
            return await asyncio.wait_for(answer, limit)
        except (ConnectionError, asyncio.IncompleteReadError) as why:
            raise lost(str(why)) from why
        except asyncio.TimeoutError as why:
            # Later answers could no longer be trusted to be about later calls.
            self._end(lost("no answer came in time"))
            raise lost("no answer came in time") from why
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Ends the connection."""
        self._end(lost("it was closed here"))
        self._reading.cancel()
        self._writer.close()

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._reader.readuntil(b"\n"))
        except asyncio.IncompleteReadError:
            self._end(lost("the desk closed it"))
        except (OSError, asyncio.LimitOverrunError) as why:
            self._end(lost(str(why)))
        except Malformed as why:
            self._end(why)

    def _take(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except ValueError as why:
            raise Malformed(f"The desk's answer is not JSON: {why}.", "Is this the desk's socket?") from why
        if not isinstance(said, dict):
            raise Malformed("The desk's answer is no object.", "Is this the desk's socket?")
        if "method" in said:
            params = said.get("params")
            self._hint(str(said["method"]), params if isinstance(params, dict) else {})
            return
        number = said.get("id")
        if number is None and "error" in said:
            # It could not even read which call it refuses: nobody knows whose.
            self._end(refused(said["error"]))
            return
        answer = self._waiting.get(number) if isinstance(number, int) else None
        if answer is None or answer.done():
            return
        if "error" in said:
            answer.set_exception(refused(said["error"]))
        else:
            answer.set_result(said.get("result"))

    def _end(self, why: DeskError) -> None:
        if self._over is None:
            self._over = why
            self._writer.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(why)


def lost(why: str) -> Lost:
    """The connection is gone."""
    return Lost(
        f"The connection to the desk was lost: {why}.",
        "What was asked may have happened, or not: ask again with the same key.",
    )


def refused(error: Any) -> DeskError:
    """The exception for an error of the desk."""
    error = error if isinstance(error, dict) else {}
    data = error.get("data")
    number = error.get("code")
    if not isinstance(data, dict) or not isinstance(data.get("code"), str):
        return Refused(
            str(error.get("message") or "The desk gave no reason."),
            "The desk gave no details; its log may have some.",
            code="internal",
            number=number if isinstance(number, int) else -32603,
        )
    try:
        winner = Decision.model_validate(data["winner"]) if data.get("winner") else None
    except ValidationError:
        winner = None
    faults = data.get("faults")
    return BY_CODE.get(data["code"], Refused)(
        str(data.get("message", "")),
        str(data.get("hint", "")),
        code=data["code"],
        number=number if isinstance(number, int) else -32603,
        retryable=data.get("retryable") is True,
        faults=[fault for fault in faults if isinstance(fault, dict)] if isinstance(faults, list) else [],
        winner=winner,
    )


def _frame(call: dict[str, Any]) -> bytes:
    try:
        frame = json.dumps(call, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as why:
        raise Refused(
            f"The call is no JSON: {why}.",
            "Use text, finite numbers, booleans, None, lists and dicts with text as keys.",
            code="invalid_params",
            number=-32602,
        ) from why
    if len(frame) > MAX_FRAME_BYTES:
        raise Refused(
            f"The call takes {len(frame)} bytes, more than the {MAX_FRAME_BYTES} that a line may have.",
            "Hand over a part, or where it can be read.",
            code="frame_too_large",
            number=-32015,
        )
    return frame


def _peer_uid(connection: Any) -> int | None:
    """Who listens at the other end, where the system tells."""
    if connection is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])
