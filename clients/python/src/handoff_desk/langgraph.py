"""LangGraph in process: its interrupts become handoffs, the decisions resume it.

    from handoff_desk import Desk, Task
    from handoff_desk.langgraph import invoke

    result = invoke(graph, {"messages": [...]}, config, desk=Desk("planner"), task=task)

Nothing of the graph's state leaves the process but what an interrupt shows. What
waits is found in the checkpointer: `resume` goes on in another process with the
thread's id, and asks the same questions, not new ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from langgraph.types import Command, PregelTask, StateSnapshot

from ._questions import Question, Setting, decided, key_of, told
from .aio import AsyncDesk
from .desk import Desk
from .errors import BadQuestion, NoPermission
from .gate import refusal
from .interrupts import Reading, plain_of, read
from .models import Deadline, Effect, Task

__all__ = ["ainvoke", "aresume", "invoke", "resume"]

Graph: TypeAlias = "Pregel[Any, Any, Any, Any]"


def invoke(
    graph: Graph,
    input: Any,
    config: RunnableConfig,
    *,
    desk: Desk,
    task: Task,
    effects: Mapping[str, Effect] | None = None,
    deadline: Deadline | None = None,
    timeout: float | None = None,
    tell_user: Callable[[str], Any] | None = None,
    **kwargs: Any,
) -> Any:
    """`graph.invoke` to its end: each interrupt is decided at the desk.

    `effects` says what tools do, by name; else they cannot be taken back.
    `tell_user` delivers words of the reviewer to the end user. After `timeout`
    seconds without a decision it raises `Undecided`, and `resume` goes on.
    """
    run = _Run(graph, config, task, effects or {}, deadline, timeout, tell_user)
    return _finish(run, graph.invoke(input, config, **kwargs), desk, kwargs)


def resume(
    graph: Graph,
    config: RunnableConfig,
    *,
    desk: Desk,
    task: Task,
    effects: Mapping[str, Effect] | None = None,
    deadline: Deadline | None = None,
    timeout: float | None = None,
    tell_user: Callable[[str], Any] | None = None,
    **kwargs: Any,
) -> Any:
    """Goes on with a thread that was left interrupted, in whichever process."""
    run = _Run(graph, config, task, effects or {}, deadline, timeout, tell_user)
    return _finish(run, run.snapshot().values, desk, kwargs)


async def ainvoke(
    graph: Graph,
    input: Any,
    config: RunnableConfig,
    *,
    desk: AsyncDesk,
    task: Task,
    effects: Mapping[str, Effect] | None = None,
    deadline: Deadline | None = None,
    timeout: float | None = None,
    tell_user: Callable[[str], Any] | None = None,
    **kwargs: Any,
) -> Any:
    """`invoke` for asyncio."""
    run = _Run(graph, config, task, effects or {}, deadline, timeout, tell_user)
    return await _afinish(run, await graph.ainvoke(input, config, **kwargs), desk, kwargs)


async def aresume(
    graph: Graph,
    config: RunnableConfig,
    *,
    desk: AsyncDesk,
    task: Task,
    effects: Mapping[str, Effect] | None = None,
    deadline: Deadline | None = None,
    timeout: float | None = None,
    tell_user: Callable[[str], Any] | None = None,
    **kwargs: Any,
) -> Any:
    """`resume` for asyncio."""
    run = _Run(graph, config, task, effects or {}, deadline, timeout, tell_user)
    return await _afinish(run, (await run.asnapshot()).values, desk, kwargs)


@dataclass
class _Answers:
    """What the graph goes on with, and what could not be answered."""

    input: Any = None
    ids: list[str] = field(default_factory=list)
    refused: list[BaseException] = field(default_factory=list)


@dataclass(frozen=True)
class _Run:
    graph: Graph
    config: RunnableConfig
    task: Task
    effects: Mapping[str, Effect]
    deadline: Deadline | None
    timeout: float | None
    tell_user: Callable[[str], Any] | None

    @property
    def thread(self) -> str:
        thread = self.config.get("configurable", {}).get("thread_id")
        if thread is None:
            raise BadQuestion(
                "The config names no thread.",
                'Give {"configurable": {"thread_id": "…"}}: what waits is found by it.',
            )
        return str(thread)

    def snapshot(self) -> StateSnapshot:
        self._must_keep_state()
        return self.graph.get_state(self.config)

    async def asnapshot(self) -> StateSnapshot:
        self._must_keep_state()
        return await self.graph.aget_state(self.config)

    def _must_keep_state(self) -> None:
        _ = self.thread
        if not self.graph.checkpointer:
            raise BadQuestion(
                "The graph has no checkpointer, so it cannot wait.",
                "Compile it with one: InMemorySaver will do.",
            )

    async def answers(self, desk: AsyncDesk, snapshot: StateSnapshot) -> _Answers:
        """The decisions on all that waits; none that could not be sent is collected."""
        failed = [one for one in snapshot.tasks if one.error is not None]
        if failed or not snapshot.interrupts:
            return await self._go_on(desk, snapshot, failed)
        # Everything is understood before anything is asked.
        readings = [(one.id, read(one.value, one.response_schema), one.value) for one in snapshot.interrupts]
        found = await asyncio.gather(
            *[self._answer(desk, *reading) for reading in readings], return_exceptions=True
        )
        answers, values = _Answers(), {}
        for (interrupt, _, _), one in zip(readings, found, strict=True):
            if isinstance(one, BaseException):
                answers.refused.append(one)
            else:
                values[interrupt], ids = one
                answers.ids += ids
        # By its id in any case: an answer of {} or None would else mean something else.
        answers.input = Command(resume=values) if values else None
        return answers

    async def _answer(
        self, desk: AsyncDesk, interrupt: str, reading: Reading, value: Any
    ) -> tuple[Any, list[str]]:
        keys = [
            key_of("langgraph", self.thread, interrupt, number) for number in range(len(reading.questions))
        ]
        place = {"thread_id": self.thread, "interrupt_id": interrupt, "value": plain_of(value)}
        answers = await decided(desk, self._setting(place), reading.questions, keys, self.timeout)
        ids = [answered.id for answered in answers]
        try:
            return reading.answer(answers), ids
        except NoPermission:
            # Nothing was sent, as was decided.
            await told(desk, ids)
            raise

    async def _go_on(
        self, desk: AsyncDesk, snapshot: StateSnapshot, failed: Sequence[PregelTask]
    ) -> _Answers:
        """What has no interrupt to answer is a yes or no: a breakpoint between
        nodes, or a node that failed. That one keeps the answer it was given, and
        what it did before it failed it would do twice.
        """
        nodes = ", ".join(sorted({one.name for one in failed}) or snapshot.next)
        if failed:
            why = "; ".join(str(one.error) for one in failed)
            text, label = f"{nodes} failed: {why}. May it be tried again?", f"Try {nodes} again"
            risk = "It starts from its beginning, with the answer that it was given."
        else:
            text, label = f"The graph stopped before {nodes}. May it go on?", f"Go on with {nodes}"
            risk = "Only the graph knows what the node does."
        question = Question(
            tool="go_on",
            args={"nodes": list(snapshot.next)},
            text=text,
            can=["approve"],
            label=label[:200],
            risk_why=risk,
        )
        checkpoint = snapshot.config.get("configurable", {}).get("checkpoint_id")
        place = {"thread_id": self.thread, "checkpoint_id": checkpoint, "next": list(snapshot.next)}
        key = key_of("langgraph", self.thread, "retry" if failed else "breakpoint", checkpoint, text)
        (answered,) = await decided(desk, self._setting(place), [question], [key], self.timeout)
        if not answered.approved:
            await told(desk, [answered.id])
            raise refusal(answered)
        return _Answers(ids=[answered.id])

    def _setting(self, place: Mapping[str, Any]) -> Setting:
        left_out = ["The state of the graph: it stays with the agent"]
        return Setting(
            self.task, "LangGraph", place, self.thread, self.effects, self.deadline, left_out, self.tell_user
        )


def _finish(run: _Run, result: Any, desk: Desk, kwargs: Mapping[str, Any]) -> Any:
    while True:
        snapshot = run.snapshot()
        if not snapshot.next:
            return result
        answers = desk.run(partial(run.answers, snapshot=snapshot))
        if answers.ids:
            try:
                result = run.graph.invoke(answers.input, run.config, **kwargs)
            except BaseException as why:
                desk.run(partial(told, ids=answers.ids, error=why))
                raise
            desk.run(partial(told, ids=answers.ids))
        if answers.refused:
            raise answers.refused[0]


async def _afinish(run: _Run, result: Any, desk: AsyncDesk, kwargs: Mapping[str, Any]) -> Any:
    while True:
        snapshot = await run.asnapshot()
        if not snapshot.next:
            return result
        answers = await run.answers(desk, snapshot)
        if answers.ids:
            try:
                result = await run.graph.ainvoke(answers.input, run.config, **kwargs)
            except BaseException as why:
                await told(desk, answers.ids, why)
                raise
            await told(desk, answers.ids)
        if answers.refused:
            raise answers.refused[0]
