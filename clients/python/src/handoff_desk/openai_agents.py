"""The OpenAI Agents SDK: tool calls that need approval are decided at the desk.

    from handoff_desk import AsyncDesk, Task
    from handoff_desk.openai_agents import run

    result = await run(agent, "Tidy up", desk=AsyncDesk("tidy"), task=task)

Only the name and the arguments of a call cross, and where they come from; the
`RunState` never leaves the agent. The SDK has no way to change arguments, so the
card offers none: a yes, or a no whose reason the model reads.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from agents import Agent, Runner, RunResult, RunState, ToolApprovalItem

from ._questions import Question, Setting, decided, key_of, no_words, told
from .aio import AsyncDesk
from .desk import Desk
from .errors import BadQuestion, NoPermission, Undecided
from .models import Deadline, Effect, Task
from .wire import Answered

__all__ = ["Waiting", "resume", "resume_sync", "run", "run_sync"]

State: TypeAlias = "RunState[Any, Agent[Any]]"


class Waiting(Undecided):
    """A run that cannot go on yet, with its state, which is yours to keep.

    `resume` goes on from it, in another process from what `RunState.from_json`
    makes of it, with the same `run_id`.
    """

    def __init__(self, why: NoPermission, state: State, run_id: str) -> None:
        super().__init__(why.message, why.hint, handoff_id=why.handoff_id, decision=why.decision)
        self.why = why
        self.state = state
        self.run_id = run_id


async def run(
    agent: Agent[Any],
    input: Any,
    *,
    desk: AsyncDesk,
    task: Task,
    run_id: str | None = None,
    effects: Mapping[str, Effect] | None = None,
    deadline: Deadline | None = None,
    timeout: float | None = None,
    tell_user: Callable[[str], Any] | None = None,
    **kwargs: Any,
) -> RunResult:
    """`Runner.run` to its end: each call that needs approval is decided at the desk.

    `effects` says what tools do, by name; else they cannot be taken back.
    `tell_user` delivers words of the reviewer to the end user. After `timeout`
    seconds without a decision it raises `Waiting`.
    """
    review = _Review(task, run_id or uuid.uuid4().hex, effects or {}, deadline, timeout, tell_user)
    return await _finish(agent, await Runner.run(agent, input, **kwargs), review, desk, kwargs)


async def resume(
    agent: Agent[Any],
    state: State,
    *,
    desk: AsyncDesk,
    task: Task,
    run_id: str,
    effects: Mapping[str, Effect] | None = None,
    deadline: Deadline | None = None,
    timeout: float | None = None,
    tell_user: Callable[[str], Any] | None = None,
    **kwargs: Any,
) -> RunResult:
    """Goes on with a run that was left waiting, in whichever process."""
    review = _Review(task, run_id, effects or {}, deadline, timeout, tell_user)
    return await _finish(agent, state, review, desk, kwargs)


def run_sync(
    agent: Agent[Any],
    input: Any,
    *,
    desk: Desk,
    task: Task,
    run_id: str | None = None,
    effects: Mapping[str, Effect] | None = None,
    deadline: Deadline | None = None,
    timeout: float | None = None,
    tell_user: Callable[[str], Any] | None = None,
    **kwargs: Any,
) -> RunResult:
    """`run` for programs that do not use asyncio."""
    review = _Review(task, run_id or uuid.uuid4().hex, effects or {}, deadline, timeout, tell_user)
    return _finish_sync(agent, Runner.run_sync(agent, input, **kwargs), review, desk, kwargs)


def resume_sync(
    agent: Agent[Any],
    state: State,
    *,
    desk: Desk,
    task: Task,
    run_id: str,
    effects: Mapping[str, Effect] | None = None,
    deadline: Deadline | None = None,
    timeout: float | None = None,
    tell_user: Callable[[str], Any] | None = None,
    **kwargs: Any,
) -> RunResult:
    """`resume` for programs that do not use asyncio."""
    review = _Review(task, run_id, effects or {}, deadline, timeout, tell_user)
    return _finish_sync(agent, state, review, desk, kwargs)


@dataclass
class _Found:
    """What was decided on the calls of a state, in their order."""

    calls: Sequence[ToolApprovalItem]
    outcomes: Sequence[Answered | BaseException]
    ids: list[str] = field(default_factory=list)

    def apply(self, state: State) -> bool:
        """Writes the decisions into the state; whether there was any."""
        for call, outcome in zip(self.calls, self.outcomes, strict=True):
            if isinstance(outcome, BadQuestion):
                # The model can read what was wrong, and nobody need be asked.
                state.reject(call, rejection_message=f"{outcome.message} Nobody was asked, and nothing ran.")
            elif isinstance(outcome, Answered):
                if outcome.approved:
                    state.approve(call)
                else:
                    state.reject(call, rejection_message=_no(outcome))
        return any(isinstance(one, (Answered, BadQuestion)) for one in self.outcomes)

    def raise_why(self, state: State, run_id: str) -> None:
        """Raises why nothing was decided."""
        why = next(one for one in self.outcomes if isinstance(one, BaseException))
        if isinstance(why, NoPermission):
            raise Waiting(why, state, run_id) from why
        raise why


@dataclass(frozen=True)
class _Review:
    task: Task
    run_id: str
    effects: Mapping[str, Effect]
    deadline: Deadline | None
    timeout: float | None
    tell_user: Callable[[str], Any] | None

    async def decide(self, desk: AsyncDesk, calls: Sequence[ToolApprovalItem]) -> _Found:
        outcomes = await asyncio.gather(*[self._decide(desk, call) for call in calls], return_exceptions=True)
        ids = [outcome.id for outcome in outcomes if isinstance(outcome, Answered)]
        return _Found(calls, outcomes, ids)

    async def _decide(self, desk: AsyncDesk, call: ToolApprovalItem) -> Answered:
        call_id, tool, args = _call_of(call)
        question = Question(
            tool=tool,
            args=args,
            text=f"May it call {tool} with these arguments?",
            # Arguments cannot be changed, and there is no form for an answer.
            can=["approve"],
        )
        place = {"run_id": self.run_id, "call_id": call_id, "agent": call.agent.name}
        left_out = ["The state of the run: it stays with the agent"]
        setting = Setting(
            self.task,
            "OpenAI Agents",
            place,
            self.run_id,
            self.effects,
            self.deadline,
            left_out,
            self.tell_user,
        )
        key = key_of("openai-agents", self.run_id, call_id, tool, json.dumps(args, sort_keys=True))
        (answered,) = await decided(desk, setting, [question], [key], self.timeout)
        return answered


async def _finish(
    agent: Agent[Any], at: RunResult | State, review: _Review, desk: AsyncDesk, kwargs: Mapping[str, Any]
) -> RunResult:
    while True:
        if isinstance(at, RunResult):
            if not at.interruptions:
                return at
            at = at.to_state()
        found = await review.decide(desk, at.get_interruptions())
        if found.calls and not found.apply(at):
            found.raise_why(at, review.run_id)
        try:
            at = await Runner.run(agent, at, **kwargs)
        except BaseException as why:
            await told(desk, found.ids, why)
            raise
        await told(desk, found.ids)


def _finish_sync(
    agent: Agent[Any], at: RunResult | State, review: _Review, desk: Desk, kwargs: Mapping[str, Any]
) -> RunResult:
    while True:
        if isinstance(at, RunResult):
            if not at.interruptions:
                return at
            at = at.to_state()
        found = desk.run(partial(review.decide, calls=at.get_interruptions()))
        if found.calls and not found.apply(at):
            found.raise_why(at, review.run_id)
        try:
            at = Runner.run_sync(agent, at, **kwargs)
        except BaseException as why:
            desk.run(partial(told, ids=found.ids, error=why))
            raise
        desk.run(partial(told, ids=found.ids))


def _call_of(call: ToolApprovalItem) -> tuple[str, str, dict[str, Any]]:
    """The id, the tool and the arguments of a call."""
    raw: Any = call.raw_item
    plain = dict(raw) if isinstance(raw, Mapping) else raw.model_dump(mode="json", exclude_none=True)
    call_id, tool = plain.get("call_id") or plain.get("id"), call.name
    if not isinstance(call_id, str) or not isinstance(tool, str) or not tool or len(tool) > 200:
        raise BadQuestion("The call has no id, or no name of at most 200 characters.", "Update the package.")
    arguments = plain.get("arguments")
    if isinstance(arguments, str):
        try:
            args = json.loads(arguments or "{}", parse_constant=_no_number)
        except ValueError as why:
            raise BadQuestion(
                f"The arguments of {tool} are no JSON: {why}.", "Call it with a JSON object."
            ) from why
        if not isinstance(args, dict):
            raise BadQuestion(f"The arguments of {tool} are no JSON object.", "Call it with a JSON object.")
        return call_id, tool, args
    # Shell commands and patches have no arguments but an action of their own.
    action = {name: plain[name] for name in ("action", "operation") if name in plain}
    if not action:
        raise BadQuestion(f"What {tool} is called with cannot be shown.", "Update the package.")
    return call_id, tool, action


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _no(answered: Answered) -> str:
    decision = answered.decision
    if decision is None or decision.by != "reviewer" or decision.kind not in ("reject", "take_over"):
        # A default that the desk took is no yes of anybody.
        return "Nobody said yes to this call."
    return no_words(answered)
