"""Taking back what gated functions did, when the reviewer rolls it back.

The desk asks for an undo through `agent.next`, under a permit for exactly that
call. Any process of the same agent may carry it out.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from . import wire
from .aio import AsyncDesk
from .desk import Desk
from .gate import Gated


async def undo_async(
    desk: AsyncDesk, gated: Iterable[Gated[Any, Any]], *, task: str | None = None, wait: float = 0
) -> list[wire.NextItem]:
    """Takes back what the reviewer asks for, with the functions that `gated` name.

    Answers everything else that the reviewer said, which is the caller's to heed
    and to acknowledge with `ack`; an undo that none of them can do, too, which
    takes `{"outcome": "undone" or "failed", "why": …}`.
    """
    by_tool = {one.undo_tool: one for one in gated if one.undo_tool}
    others: list[wire.NextItem] = []
    for item in await desk.next(task, wait=wait):
        tool, args, key = (item.rest.get(name) for name in ("tool", "args", "key"))
        known = by_tool.get(tool) if isinstance(tool, str) else None
        if item.kind != "undo" or known is None or not isinstance(args, Mapping) or not isinstance(key, str):
            others.append(item)
            continue
        checked = await desk.check(item.task or "", str(tool), args, key=key)
        # Whatever else the gate says: another process has taken it up, and only
        # that one knows what came of it.
        if checked.verdict == "run" and checked.undoes is not None:
            await desk.ack(item.id, await _taken_back(known, args))
    return others


def undo(
    desk: Desk, gated: Iterable[Gated[Any, Any]], *, task: str | None = None, wait: float = 0
) -> list[wire.NextItem]:
    """The same for programs that do not use asyncio."""
    functions = list(gated)
    return desk.run(lambda aio: undo_async(aio, functions, task=task, wait=wait))


async def _taken_back(gated: Gated[Any, Any], args: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if inspect.iscoroutinefunction(gated.settings.undo_with):
            await gated.put_back(args)
        else:
            await asyncio.to_thread(gated.put_back, args)
    except Exception as why:  # whatever it is, the reviewer has to know
        return {"outcome": "failed", "why": f"{type(why).__name__}: {why}"}
    return {"outcome": "undone", "why": f"{gated.undo_tool} has run."}
