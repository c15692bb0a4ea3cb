"""The desk, for programs that do not use asyncio.

A thread of its own keeps the connection, so that leases are renewed while the
program works and several threads can ask at once. What each method does, its
namesake in `aio` says.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from . import wire
from .aio import AsyncDesk, LeftOpen, TaskLike
from .models import Action, Deadline, Effect, Handoff, Outcome, Plan, StepReport, Task, Undo, Unmet

T = TypeVar("T")

# How long the end of a program may wait for reports.
_CLOSE_S = 10.0


class Desk:
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
        self.aio = AsyncDesk(agent, home=home, framework=framework, version=version, patience=patience)
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop
        self._end: weakref.finalize[..., Desk] | None = None
        self._process = os.getpid()

    def __enter__(self) -> Desk:
        self.run(lambda desk: desk.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def agent(self) -> str:
        """The agent's name."""
        return self.aio.agent

    @property
    def welcome(self) -> wire.Welcome | None:
        """What the desk answered to hello; None before the first call."""
        return self.aio.welcome

    @property
    def unreported(self) -> int:
        """How many things were done that the desk has not heard of yet."""
        return self.aio.unreported

    def run(self, work: Callable[[AsyncDesk], Coroutine[Any, Any, T]]) -> T:
        """Runs work that is written for the other kind of client, and waits."""
        future = asyncio.run_coroutine_threadsafe(work(self.aio), self._running())
        try:
            return future.result()
        except BaseException:
            # Ctrl+C reaches this thread alone.
            future.cancel()
            raise

    def close(self) -> None:
        """Ends the connection, once what was done is reported. So does the end of
        the program, or of the last use of this.
        """
        with self._starting:
            end, self._end = self._end, None
        if end is not None:
            end()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._end is None or self._process != os.getpid():
                # A forked process has no threads but the one that forked.
                self._process = os.getpid()
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_serve, args=(self._loop,), name="handoff-desk", daemon=True)
                thread.start()
                self._end = weakref.finalize(self, _close, self.aio, self._loop, thread, self._process)
            return self._loop

    def call(self, method: str, params: Mapping[str, Any], *, limit: float = 30.0) -> Any:
        """Calls any method of PROTOCOL.md and answers its result as it came."""
        return self.run(lambda desk: desk.call(method, params, limit=limit))

    def validate(self, handoff: Handoff | Mapping[str, Any]) -> list[wire.Fault]:
        """Everything that is wrong with a payload; nothing is stored."""
        return self.run(lambda desk: desk.validate(handoff))

    def submit(
        self, handoff: Handoff | Mapping[str, Any], *, left_open: Sequence[LeftOpen] = ()
    ) -> wire.Standing:
        """Hands a case over; what is answered is on disk. What the reviewer has set
        takes the place of the parts of its deadline that are left open.
        """
        return self.run(lambda desk: desk.submit(handoff, left_open=left_open))

    def revise(self, handoff_id: str, handoff: Handoff | Mapping[str, Any]) -> wire.Standing:
        """Puts another proposal in the place of one."""
        return self.run(lambda desk: desk.revise(handoff_id, handoff))

    def withdraw(self, handoff_id: str, reason: str | None = None) -> wire.Standing:
        """Takes a handoff back that is not decided yet."""
        return self.run(lambda desk: desk.withdraw(handoff_id, reason))

    def get(self, handoff_id: str) -> wire.Shown:
        """One handoff as it is; looking never collects its decision."""
        return self.run(lambda desk: desk.get(handoff_id))

    def wait(self, handoff_id: str, timeout: float | None = None) -> wire.Answered:
        """Waits for the decision, across lost connections, and acknowledges it."""
        return self.run(lambda desk: desk.wait(handoff_id, timeout))

    def ask(self, handoff: Handoff | Mapping[str, Any], timeout: float | None = None) -> wire.Answered:
        """Hands a case over and waits for the decision."""
        return self.run(lambda desk: desk.ask(handoff, timeout))

    def reconcile(
        self,
        handoff_id: str,
        outcome: Outcome | None = None,
        *,
        why: str | None = None,
        steps: Sequence[StepReport] = (),
        unmet: Sequence[Unmet] = (),
    ) -> wire.Standing:
        """Says what was done with a decision, and closes the handoff; with `unmet`
        nothing was done, and the reviewer is asked again.
        """
        return self.run(lambda desk: desk.reconcile(handoff_id, outcome, why=why, steps=steps, unmet=unmet))

    def holds(self, answered: wire.Answered, read: Callable[[str, dict[str, Any]], Any]) -> bool:
        """Whether the decision's preconditions still hold; if one does not, that is
        reported, and nothing is to be done.
        """
        found = [read(known.tool, dict(known.args)) for known in answered.preconditions]
        values = iter(found)
        return self.run(lambda desk: desk.holds(answered, lambda _tool, _args: next(values)))

    def check(
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
    ) -> wire.Checked:
        """May this call run? Only the verdict `run` permits, and only this once."""
        return self.run(
            lambda desk: desk.check(
                task,
                tool,
                args,
                key=key,
                step=step,
                effect=effect,
                undo=undo,
                files=files,
                cwd=cwd,
                reasoning=reasoning,
                deadline=deadline,
                editable=editable,
            )
        )

    def record(self, task: TaskLike, action: Action, *, cwd: str | None = None) -> wire.Recorded:
        """Reports what was done, with its result."""
        return self.run(lambda desk: desk.record(task, action, cwd=cwd))

    def tools(self, tools: Sequence[Mapping[str, Any]]) -> wire.ToolsKnown:
        """Says what the agent can call, so that the reviewer can accept it."""
        return self.run(lambda desk: desk.tools(tools))

    def task_open(self, task: Task, plan: Plan | None = None) -> wire.TaskStanding:
        """Says what the work is before it starts."""
        return self.run(lambda desk: desk.task_open(task, plan))

    def task_plan(self, task: str, plan: Plan, revision: int) -> wire.TaskStanding:
        """Replaces the steps of a task."""
        return self.run(lambda desk: desk.task_plan(task, plan, revision))

    def task_runnable(self, task: str) -> wire.TaskStanding:
        """Says which steps are free to go while decisions are pending."""
        return self.run(lambda desk: desk.task_runnable(task))

    def task_close(self, task: str) -> wire.TaskStanding:
        """Says that the work is over."""
        return self.run(lambda desk: desk.task_close(task))

    def next(self, task: str | None = None, *, wait: float = 0) -> list[wire.NextItem]:
        """What the reviewer told the agent; each comes again until `ack` names it."""
        return self.run(lambda desk: desk.next(task, wait=wait))

    def ack(self, item_id: str, result: Any = None) -> None:
        """Says that an item of `next` is known, and what became of it."""
        return self.run(lambda desk: desk.ack(item_id, result))

    def status(self) -> wire.Status:
        """How the desk is."""
        return self.run(lambda desk: desk.status())

    def show(self, handoff_id: str | None = None) -> None:
        """Brings the window forward; it only opens."""
        return self.run(lambda desk: desk.show(handoff_id))

    def handoffs(
        self, *, state: wire.State | None = None, search: str | None = None, limit: int | None = None
    ) -> wire.Listed:
        """This agent's handoffs, the newest first."""
        return self.run(lambda desk: desk.handoffs(state=state, search=search, limit=limit))


def _close(aio: AsyncDesk, loop: asyncio.AbstractEventLoop, thread: threading.Thread, process: int) -> None:
    if process != os.getpid():
        return
    closing = asyncio.run_coroutine_threadsafe(aio.close(), loop)
    closing.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
    # The last use of a client may end on its own thread, which cannot wait for itself.
    if threading.current_thread() is not thread:
        thread.join(_CLOSE_S)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()
