"""The desk, for programs that use asyncio: one method for each of the socket's.

Every call may be repeated: the desk knows it again by its key. So a lost
connection is opened anew and the call made again, for `patience` seconds; a
wait goes on until its own time is over. Nothing here turns a desk that is gone
into a yes.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from . import wire
from ._line import Line, lost
from ._model import Model
from .errors import Conflict, Lost, Malformed, NotAllowed, NotFound, Unavailable, Unreachable
from .home import AGENT_VARIABLE, Home
from .models import Action, Deadline, Effect, Handoff, Outcome, Plan, StepReport, Task, Undo, Unmet

M = TypeVar("M", bound=Model)
Json = dict[str, Any]
TaskLike = str | Task | Mapping[str, Any]
LeftOpen = Literal["respond_within_s", "on_timeout"]

log = logging.getLogger("handoff_desk")

# What an agent is built with that says nothing of it.
_FRAMEWORK = "handoff_desk for Python"
# How long an ordinary call may take; a slow disk is included.
_CALL_S = 30.0
# The longest that one call waits; a longer time is several calls.
_TURN_S = 600
# How much longer an answer may take than the desk was asked to wait.
_LATE_S = 10.0
# A decision that is made is held for half a minute at most: to leave then would
# drop a yes.
_HELD_S = 35.0
# How long an answer that was offered to a caller that is gone is asked for again.
_OFFERED_S = 2.0
# How long a desk that went away may take until an answer can be acknowledged.
_RECEIPT_S = 10.0
# How long a report may keep the caller.
_REPORT_S = 5.0
_LONGEST_PAUSE_S = 2.0


def _json(value: Any) -> str:
    """A value as JSON, which tells True from 1; equal where the values are."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


class AsyncDesk:
    """A connection to the desk under one agent's name."""

    def __init__(
        self,
        agent: str | None = None,
        *,
        home: str | os.PathLike[str] | None = None,
        framework: str | None = None,
        version: str | None = None,
        patience: float = 10.0,
    ) -> None:
        """Connects when it is first used. `agent` is else what `HANDOFF_AGENT`
        says, or `python`; `home` is else found as the command line finds it.
        """
        self.agent = agent or os.environ.get(AGENT_VARIABLE) or "python"
        self.home = Home.of(home)
        self.patience = patience
        self.welcome: wire.Welcome | None = None
        self._about = {"framework": framework or _FRAMEWORK, "version": version}
        self._line: Line | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening = asyncio.Lock()
        self._stirred = asyncio.Event()
        # What was done and could not be reported yet.
        self._reports: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> AsyncDesk:
        await self._connected(self.patience)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def unreported(self) -> int:
        """How many things were done that the desk has not heard of yet."""
        return len(self._reports)

    async def close(self, *, within: float = 5.0) -> None:
        """Ends the connection, once what was done is reported or time is over."""
        if self._reports:
            await asyncio.wait(self._reports, timeout=within)
            for report in self._reports:
                report.cancel()
        if self._line is not None:
            await self._line.close()
            self._line = None

    async def through(self, framework: str) -> None:
        """Says which framework asks, where the caller has named none: the desk
        tells the reviewer how far each can be held back.
        """
        if self._about["framework"] != _FRAMEWORK:
            return
        self._about["framework"] = framework
        if self._line is not None and self._line.is_open:
            hello = given(name=self.agent, token=self.home.token(self.agent), **self._about)
            await self.call("agent.hello", hello)

    async def call(self, method: str, params: Mapping[str, Any], *, limit: float = _CALL_S) -> Any:
        """Calls any method of PROTOCOL.md and answers its result as it came."""
        return await self._repeat(method, dict(params), limit, self.patience)

    # Handing over

    async def validate(self, handoff: Handoff | Mapping[str, Any]) -> list[wire.Fault]:
        """Everything that is wrong with a payload; nothing is stored."""
        return (await self._ask(wire.Validated, "handoff.validate", {"handoff": payload(handoff)})).faults

    async def submit(
        self, handoff: Handoff | Mapping[str, Any], *, left_open: Sequence[LeftOpen] = ()
    ) -> wire.Standing:
        """Hands a case over; what is answered is on disk. What the reviewer has set
        takes the place of the parts of its deadline that are left open.
        """
        return await self._ask(
            wire.Standing, "handoff.submit", {"handoff": payload(handoff), "left_open": list(left_open)}
        )

    async def revise(self, handoff_id: str, handoff: Handoff | Mapping[str, Any]) -> wire.Standing:
        """Puts another proposal in the place of one."""
        return await self._ask(
            wire.Standing, "handoff.revise", {"id": handoff_id, "handoff": payload(handoff)}
        )

    async def withdraw(self, handoff_id: str, reason: str | None = None) -> wire.Standing:
        """Takes a handoff back that is not decided yet."""
        return await self._ask(wire.Standing, "handoff.withdraw", given(id=handoff_id, reason=reason))

    async def get(self, handoff_id: str) -> wire.Shown:
        """One handoff as it is; looking never collects its decision."""
        return await self._ask(wire.Shown, "handoff.get", {"id": handoff_id})

    async def handoffs(
        self, *, state: wire.State | None = None, search: str | None = None, limit: int | None = None
    ) -> wire.Listed:
        """This agent's handoffs, the newest first."""
        return await self._ask(wire.Listed, "handoff.list", given(state=state, search=search, limit=limit))

    async def wait(self, handoff_id: str, timeout: float | None = None) -> wire.Answered:
        """Waits for the decision, across lost connections, and acknowledges it.

        Without a decision at the end of `timeout`, or where it was taken back or
        has gone to manual review, `decision` is None. Act on a decision only
        where `act` is true: then nobody else does.
        """
        return await self.collect(await self.decision(handoff_id, timeout))

    async def decision(self, handoff_id: str, timeout: float | None = None) -> wire.Answered:
        """The same without acknowledging it: the decision is offered to this
        connection, and `collect` takes it.
        """
        end = None if timeout is None else time.monotonic() + timeout
        answered = await self._await(handoff_id, end)
        if answered.state == "decided" and timeout:
            answered = await self._await(handoff_id, time.monotonic() + _HELD_S)
        until = time.monotonic() + _OFFERED_S
        while (
            answered.decision
            and not answered.act
            and answered.state == "released"
            and time.monotonic() < until
        ):
            await asyncio.sleep(_OFFERED_S / 20)
            answered = await self._await(handoff_id, time.monotonic())
        return answered

    async def collect(self, answered: wire.Answered) -> wire.Answered:
        """Acknowledges a decision: only then is it this caller's to act on."""
        if answered.lease is None:
            return answered
        try:
            await self._receipt(answered.lease)
            return answered
        except (Lost, NotFound, Conflict):
            again = await self._await(answered.id, time.monotonic() + _RECEIPT_S)
        # With the connection its offer has ended: there is another to be had,
        # unless the receipt did arrive. Then nobody can say whose it was, and
        # acting twice is worse than not acting.
        if again.lease is None or not again.act or again.decision != answered.decision:
            raise Conflict(
                "Whether the decision still is this caller's to act on is unknown: the connection "
                "broke while its receipt was acknowledged.",
                "Do not act on it. The card at the desk can hand it out again.",
                code="conflict",
                number=-32012,
            )
        await self._receipt(again.lease)
        return again

    async def ask(self, handoff: Handoff | Mapping[str, Any], timeout: float | None = None) -> wire.Answered:
        """Hands a case over and waits for the decision."""
        return await self.wait((await self.submit(handoff)).id, timeout)

    async def reconcile(
        self,
        handoff_id: str,
        outcome: Outcome | None = None,
        *,
        why: str | None = None,
        steps: Sequence[StepReport] = (),
        unmet: Sequence[Unmet] = (),
    ) -> wire.Standing:
        """Says what was done with a decision, and closes the handoff: that it was
        applied, where nothing else is said. With `unmet`, the preconditions that
        did not hold, nothing was done, and the reviewer is asked again: then wait
        for the same handoff once more.
        """
        report = given(
            outcome=outcome or ("diverged" if unmet else "applied"),
            why=why,
            steps=[step.wire() for step in steps] or None,
            unmet=[one.wire() for one in unmet] or None,
        )
        return await self._ask(wire.Standing, "handoff.reconcile", {"id": handoff_id, "report": report})

    async def holds(self, answered: wire.Answered, read: Callable[[str, Json], Any | Awaitable[Any]]) -> bool:
        """Makes the reads of the decision's preconditions once more, with
        `read(tool, args)`, before it is acted on. Where one of them gives
        something else than was expected, that is reported and False is answered:
        do nothing, and wait for the same handoff once more. A read that fails
        raises, and nothing is to be done then, either.
        """
        unmet = []
        for known in answered.preconditions:
            found = read(known.tool, dict(known.args))
            if inspect.isawaitable(found):
                found = await found
            if _json(found) != _json(known.expect):
                found = json.loads(_json(found))
                unmet.append(Unmet(tool=known.tool, args=known.args, found=found))
        if unmet:
            await self.reconcile(answered.id, unmet=unmet)
        return not unmet

    # Before an action and after it

    async def check(
        self,
        task: TaskLike,
        tool: str,
        args: Mapping[str, Any],
        *,
        key: str,
        step: str | None = None,
        effect: Effect | None = None,
        undo: Undo | None = None,
        files: Sequence[str] = (),
        cwd: str | None = None,
        reasoning: str | None = None,
        deadline: Deadline | None = None,
        editable: bool | None = None,
        patience: float | None = None,
    ) -> wire.Checked:
        """May this call run? Only the verdict `run` permits, and only this once.

        `patience` replaces the client's own for this call.
        """
        params = given(
            task=task_of(task),
            tool=tool,
            args=dict(args),
            key=key,
            step=step,
            effect=effect,
            undo=undo.wire() if undo else None,
            files=list(files) or None,
            cwd=cwd,
            reasoning=reasoning,
            deadline=deadline.wire() if deadline else None,
            editable=editable,
        )
        return await self._ask(wire.Checked, "action.check", params, patience)

    async def record(self, task: TaskLike, action: Action, *, cwd: str | None = None) -> wire.Recorded:
        """Reports what was done, with its result."""
        params = given(task=task_of(task), action=action.wire(), cwd=cwd)
        return await self._ask(wire.Recorded, "action.record", params)

    async def tools(self, tools: Sequence[Mapping[str, Any]]) -> wire.ToolsKnown:
        """Says what the agent can call, so that the reviewer can accept it."""
        return await self._ask(wire.ToolsKnown, "agent.tools", {"tools": [dict(tool) for tool in tools]})

    # Tasks

    async def task_open(self, task: Task, plan: Plan | None = None) -> wire.TaskStanding:
        """Says what the work is before it starts."""
        params = given(task=task.wire(), plan=plan.wire() if plan else None)
        return await self._ask(wire.TaskStanding, "task.open", params)

    async def task_plan(self, task: str, plan: Plan, revision: int) -> wire.TaskStanding:
        """Replaces the steps of a task."""
        params = {"task": task, "plan": plan.wire(), "revision": revision}
        return await self._ask(wire.TaskStanding, "task.plan", params)

    async def task_runnable(self, task: str) -> wire.TaskStanding:
        """Says which steps are free to go while decisions are pending."""
        return await self._ask(wire.TaskStanding, "task.runnable", {"task": task})

    async def task_close(self, task: str) -> wire.TaskStanding:
        """Says that the work is over."""
        return await self._ask(wire.TaskStanding, "task.close", {"task": task})

    # What the reviewer says unasked

    async def next(self, task: str | None = None, *, wait: float = 0) -> list[wire.NextItem]:
        """What the reviewer told the agent; each comes again until `ack` names it."""
        end = time.monotonic() + wait
        while True:
            turn = min(math.ceil(max(0.0, end - time.monotonic())), _TURN_S)
            params = given(task=task, wait_s=turn)
            said = await self._repeat("agent.next", params, turn + _LATE_S, self.patience)
            items = parsed(wire.NextItems, said).items
            if items or time.monotonic() >= end:
                return items

    async def ack(self, item_id: str, result: Any = None) -> None:
        """Says that an item of `next` is known, and what became of it."""
        await self.call("agent.ack", given(id=item_id, result=result))

    # The desk itself

    async def status(self) -> wire.Status:
        """How the desk is."""
        return await self._ask(wire.Status, "desk.status", {})

    async def show(self, handoff_id: str | None = None) -> None:
        """Brings the window forward; it only opens."""
        await self.call("desk.show", given(id=handoff_id))

    async def stir(self, limit: float) -> None:
        """Waits until the desk hints that something changed, or time is over."""
        self._stirred.clear()
        try:
            await asyncio.wait_for(self._stirred.wait(), limit)
        except asyncio.TimeoutError:
            return

    async def until_told(
        self, what: str, tell: Callable[[], Awaitable[Any]], *, wait: float = _REPORT_S
    ) -> None:
        """Reports something. What was done is done: where the desk is gone the
        caller does not wait for long, and it is told when the desk is back.
        """
        telling = asyncio.ensure_future(_until_told(tell))
        self._reports.add(telling)
        telling.add_done_callback(self._reports.discard)
        await asyncio.wait([telling], timeout=wait)
        if not telling.done():
            log.warning("The desk is gone; %s is reported when it is back.", what)
        elif (failed := telling.exception()) is not None:
            log.error("%s could not be reported: %s", what, failed)

    # How a call gets to the desk

    async def _ask(self, kind: type[M], method: str, params: Json, patience: float | None = None) -> M:
        own = self.patience if patience is None else patience
        return parsed(kind, await self._repeat(method, params, _CALL_S, own))

    async def _repeat(self, method: str, params: Json, limit: float, patience: float | None) -> Any:
        """Calls until there is an answer; None is endless patience."""
        end = None if patience is None else time.monotonic() + patience
        pause = 0.05
        while True:
            try:
                line = await self._connected(0)
                return await line.call(method, params, limit)
            except (Unreachable, Lost):
                left = math.inf if end is None else end - time.monotonic()
                if left <= 0:
                    raise
                await asyncio.sleep(min(pause, left))
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _connected(self, patience: float) -> Line:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # A line belongs to the loop it was opened on, and that one is over.
            self._loop, self._line = loop, None
            self._opening, self._stirred = asyncio.Lock(), asyncio.Event()
        end = time.monotonic() + patience
        async with self._opening:
            while self._line is None or not self._line.is_open:
                try:
                    self._line = await self._greeted()
                except (Unreachable, Lost):
                    if time.monotonic() >= end:
                        raise
                    await asyncio.sleep(0.1)
            return self._line

    async def _greeted(self) -> Line:
        made = not self.home.token_file(self.agent).exists()
        token = self.home.token(self.agent)
        line = await Line.open(self.home, self._hint)
        try:
            hello = given(name=self.agent, token=token, **self._about)
            self.welcome = parsed(wire.Welcome, await line.call("agent.hello", hello, _CALL_S))
        except BaseException as why:
            await line.close()
            if made and isinstance(why, NotAllowed):
                # The name has another token: this one is of no use to anybody.
                self.home.token_file(self.agent).unlink(missing_ok=True)
            raise
        return line

    def _hint(self, _method: str, _params: Json) -> None:
        self._stirred.set()

    async def _await(self, handoff_id: str, end: float | None) -> wire.Answered:
        """Registers and reads, again after every lost connection."""
        while True:
            left = _TURN_S if end is None else max(0.0, end - time.monotonic())
            turn = min(math.ceil(left), _TURN_S)
            params = {"id": handoff_id, "timeout_s": turn}
            patience = None if end is None else max(left, self.patience)
            said = await self._repeat("handoff.wait", params, turn + _LATE_S, patience)
            answered = parsed(wire.Answered, said)
            over = answered.state in ("withdrawn", "superseded") or "manual_review" in answered.flags
            if answered.decision or over or (end is not None and time.monotonic() >= end):
                return answered

    async def _receipt(self, lease: wire.Lease) -> None:
        # An offer is void with its connection: on another one it means nothing.
        if self._line is None:
            raise lost("it was closed")
        await self._line.call("agent.ack", {"id": lease.id}, _CALL_S)


async def _until_told(tell: Callable[[], Awaitable[Any]]) -> None:
    while True:
        try:
            await tell()
            return
        except (Unreachable, Lost, Unavailable):
            await asyncio.sleep(1.0)


def parsed(kind: type[M], said: Any) -> M:
    """The answer as its type."""
    try:
        return kind.model_validate(said)
    except ValidationError as why:
        raise Malformed(
            f"The desk's answer is no {kind.__name__}: {why}.",
            "The desk may be newer than this package: update it.",
        ) from why


def payload(handoff: Handoff | Mapping[str, Any]) -> Json:
    """A payload as the desk takes it; one that is no model is for the desk to judge."""
    return handoff.wire() if isinstance(handoff, Handoff) else dict(handoff)


def task_of(task: TaskLike) -> str | Json:
    """A task by its id, or described."""
    if isinstance(task, str):
        return task
    return task.wire() if isinstance(task, Task) else dict(task)


def given(**params: Any) -> Json:
    """The parameters that were given."""
    return {name: value for name, value in params.items() if value is not None}
