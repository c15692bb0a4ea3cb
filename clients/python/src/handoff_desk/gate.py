"""Functions that ask the desk before they run.

`gate` wraps a function: it asks, waits where the call is held, runs with the
arguments that the reviewer left or edited, and reports what came of it. Where
nobody says yes it raises, and the function does not run. A desk that is gone
permits nothing; only what is declared to read goes on.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Generic, Literal, ParamSpec, TypeAlias, TypeVar, cast, overload

from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from typing_extensions import TypedDict, Unpack

from . import wire
from ._args import Arguments
from .aio import AsyncDesk, TaskLike
from .desk import Desk
from .errors import (
    BadQuestion,
    Denied,
    Informed,
    Lost,
    NoPermission,
    NotOurs,
    Rejected,
    TakenOver,
    Unavailable,
    Undecided,
    Unreachable,
)
from .models import Action, Deadline, Effect, Undo, UndoTool

P = ParamSpec("P")
R = TypeVar("R")

WithoutDesk: TypeAlias = Literal["wait", "raise"]
"""What a call does where no desk answers; one that reads goes on."""

# How long a report may keep the caller.
_REPORT_S = 5.0
# The most reads that are kept to be reported where no desk is there.
_MOST_READS = 100
# How long is waited for a hint before the desk is asked again.
_LOOK_S = 5.0
# How long a desk that is gone is left alone.
_AGAIN_S = 1.0
# An output that is longer is recorded as a beginning.
_LONGEST_OUTPUT = 200_000


@dataclass(frozen=True)
class Call:
    """One call that asks before it runs."""

    task: TaskLike
    tool: str
    args: Mapping[str, Any]
    key: str
    effect: Effect | None = None
    undo: Undo | None = None
    files: Sequence[str] = ()
    step: str | None = None
    cwd: str | None = None
    reasoning: str | None = None
    deadline: Deadline | None = None


@dataclass(frozen=True)
class Permit:
    """A yes to one call: what it runs with, and what it carries out."""

    call: Call
    effect: Effect
    handoff_id: str | None = None
    unasked: bool = False
    """No desk was there; the call is declared to read."""
    message: str | None = None
    """Words of the reviewer for the end user, which the agent delivers."""


async def permit(
    desk: AsyncDesk, call: Call, *, timeout: float | None = None, without_desk: WithoutDesk = "wait"
) -> Permit:
    """Asks until there is a yes, and raises `NoPermission` if there is none.

    Without a desk, what is declared to read goes on; all else waits for one, or
    raises `Unreachable` or `Lost`.
    """
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        checked = await _checked(desk, call, end, without_desk)
        if checked is None:
            return Permit(call, "read", unasked=True)
        if checked.verdict == "run":
            return Permit(call, checked.effect, checked.handoff_id)
        if checked.verdict == "denied":
            raise Denied(
                checked.why, "Do something else, or ask for another call.", handoff_id=checked.handoff_id
            )
        if checked.handoff_id is not None:
            settled, message = await _decided(desk, call, checked.handoff_id, end)
            given = await _permitted(desk, settled, checked.handoff_id, end, without_desk)
            return replace(given, message=message)
        await _held(desk, checked, end)


async def report(
    desk: AsyncDesk, given: Permit, *, output: Any = None, error: BaseException | None = None
) -> None:
    """Says what came of a call that was permitted. Where the desk is gone this
    goes on behind the caller's back until it is told.
    """
    if given.unasked and desk.unreported >= _MOST_READS:
        return
    # A read does not wait for a desk that is gone, before it or after it.
    wait = 0 if given.unasked else _REPORT_S
    await desk.until_told(
        f"that {given.call.tool} was called", lambda: _tell(desk, given, output, error), wait=wait
    )


async def _checked(
    desk: AsyncDesk, call: Call, end: float | None, without_desk: WithoutDesk
) -> wire.Checked | None:
    """The gate's answer; None where there is no desk and the call only reads."""
    while True:
        try:
            return await desk.check(
                call.task,
                call.tool,
                call.args,
                key=call.key,
                step=call.step,
                effect=call.effect,
                undo=call.undo,
                files=call.files,
                cwd=call.cwd,
                reasoning=call.reasoning,
                deadline=call.deadline,
                patience=0 if call.effect == "read" else None,
            )
        except (Unreachable, Lost, Unavailable):
            if call.effect == "read":
                return None
            if without_desk == "raise" or _left(end) == 0:
                raise
            await asyncio.sleep(min(_AGAIN_S, _left(end)))


async def _held(desk: AsyncDesk, checked: wire.Checked, end: float | None) -> None:
    """Waits until something may have changed."""
    if _left(end) == 0:
        raise Undecided(checked.why, f"It waits for {', '.join(checked.blocked_by)}: ask again later.")
    await desk.stir(min(_LOOK_S, _left(end)))


async def _decided(
    desk: AsyncDesk, call: Call, handoff_id: str, end: float | None
) -> tuple[Call, str | None]:
    """The call as it was decided, where it was, and words for the end user."""
    answered = await desk.wait(handoff_id, None if end is None else _left(end))
    decision = answered.decision
    if decision is None:
        raise Undecided(
            f"There is no decision on {call.tool}: the question is {answered.state}.",
            "Ask again later with the same key.",
            handoff_id=handoff_id,
        )
    if not answered.act:
        raise NotOurs(
            "The decision was handed to another caller.",
            "That one acts on it. If it is gone, the card at the desk can hand the decision out again.",
            handoff_id=handoff_id,
            decision=decision,
        )
    if decision.kind not in ("approve", "modify"):
        await desk.reconcile(handoff_id)
        raise refusal(decision_of=answered)
    if decision.args is None or decision.tool != call.tool:
        raise Denied(
            f"The decision is about {decision.tool}, not about {call.tool}.",
            "Do not run it; ask anew.",
            handoff_id=handoff_id,
            decision=decision,
        )
    words = decision.message.text if decision.message else None
    return replace(call, args=decision.args, key=_again(call.key, handoff_id)), words


async def _permitted(
    desk: AsyncDesk, call: Call, handoff_id: str, end: float | None, without_desk: WithoutDesk
) -> Permit:
    """The gate has the last word: the permit lets exactly this call run, once,
    and what was paused meanwhile stays paused.
    """
    while True:
        checked = await _checked(desk, call, end, without_desk)
        if checked is None:
            # It was asked about and has its yes; only the desk's receipt is missing.
            return Permit(call, "read", handoff_id, unasked=True)
        if checked.verdict == "run":
            return Permit(call, checked.effect, handoff_id)
        if checked.verdict == "denied" or checked.handoff_id is not None:
            raise Denied(checked.why, "Do not run it; ask anew.", handoff_id=handoff_id)
        await _held(desk, checked, end)


def refusal(decision_of: wire.Answered) -> NoPermission:
    """The exception for a decision that is no yes."""
    decision, handoff_id = decision_of.decision, decision_of.id
    about: dict[str, Any] = {"handoff_id": handoff_id, "decision": decision}
    if decision is None:
        return Undecided("There is no decision.", "Ask again later.", **about)
    if decision.kind == "reject":
        return Rejected(
            f"The reviewer said no: {decision.reason or 'no reason given'}",
            f"Next: {decision.then}.",
            **about,
        )
    if decision.kind == "inform":
        return Informed(
            f"The reviewer says: {decision.text or decision.facts}", "Use it and ask anew.", **about
        )
    return TakenOver(
        f"The reviewer does this themselves. {decision.note or ''}".strip(), "Leave it.", **about
    )


async def _tell(desk: AsyncDesk, given: Permit, output: Any, error: BaseException | None) -> None:
    call = given.call
    action = Action(
        id=call.key,
        tool=call.tool,
        input=dict(call.args),
        output={"error": f"{type(error).__name__}: {error}"} if error else shown(output),
        effect=given.effect,
        status="failed" if error else "done",
        ended_at=datetime.now(timezone.utc),
        step=call.step,
        undo=call.undo,
        files=list(call.files),
        handoff=given.handoff_id,
        reasoning=call.reasoning,
    )
    await desk.record(call.task, action, cwd=call.cwd)
    if given.handoff_id is not None and error is not None:
        why = f"It failed: {type(error).__name__}: {error}"
        await desk.reconcile(given.handoff_id, "diverged", why=why[:2000])


def shown(output: Any) -> Any:
    """A result as JSON; what is no JSON as its text, what is long as its beginning."""
    plain = to_jsonable_python(output, fallback=repr, inf_nan_mode="strings")
    text = plain if isinstance(plain, str) else str(plain)
    if len(text) > _LONGEST_OUTPUT:
        return {"beginning": text[:_LONGEST_OUTPUT], "characters": len(text)}
    return plain


def _again(key: str, handoff_id: str) -> str:
    """Another key for the same question once it is decided: the arguments may differ."""
    return f"decided:{uuid.uuid5(uuid.NAMESPACE_OID, f'{key} {handoff_id}').hex}"


def _left(end: float | None) -> float:
    return float("inf") if end is None else max(0.0, end - time.monotonic())


@dataclass(frozen=True)
class _Settings:
    tool: str | None = None
    effect: Effect | None = None
    undo: Undo | Callable[[Mapping[str, Any]], Undo] | None = None
    undo_with: Callable[..., Any] | None = None
    files: Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]] = ()
    step: str | None = None
    cwd: str | None = None
    reasoning: str | None = None
    deadline: Deadline | None = None
    key: Callable[[Mapping[str, Any]], str] | None = None
    timeout: float | None = None
    without_desk: WithoutDesk = "wait"
    tell_user: Callable[[str], Any] | None = None


class Settings(TypedDict, total=False):
    """How a function is gated."""

    tool: str
    """The tool's name; else the function's."""
    effect: Effect
    """What it does to the world. A claim: it counts once the reviewer accepted the tool."""
    undo: Undo | Callable[[Mapping[str, Any]], Undo]
    """How it is taken back, or what says so for given arguments."""
    undo_with: Callable[..., Any]
    """A function that takes it back, called with the arguments it ran with."""
    files: Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]]
    """The files it changes; with `UndoFiles` the desk keeps copies of them."""
    step: str
    """The step of the plan it belongs to."""
    cwd: str
    """The folder it runs in."""
    reasoning: str
    """Why the agent wants it."""
    deadline: Deadline
    """When an answer is needed."""
    key: Callable[[Mapping[str, Any]], str]
    """Names a call by its arguments, so that asking again after a crash is the same
    question. Without it every call is a new one.
    """
    timeout: float
    """Seconds to wait for a decision; else until there is one."""
    without_desk: WithoutDesk
    """Where no desk answers: `wait` for one, or `raise`. Reads go on in any case."""
    tell_user: Callable[[str], Any]
    """Delivers words of the reviewer to the end user. An exception that says no
    has them in `decision.message`.
    """


class Gated(Generic[P, R]):
    """What both kinds of gated functions share."""

    def __init__(self, task: TaskLike, function: Callable[P, Any], settings: _Settings) -> None:
        if settings.undo is not None and settings.undo_with is not None:
            raise TypeError("Give `undo` or `undo_with`, not both.")
        self.task = task
        self.function = function
        self.settings = settings
        self.tool = settings.tool or function.__name__
        self.arguments = Arguments(function)
        functools.update_wrapper(cast(Any, self), function)

    @property
    def undo_tool(self) -> str | None:
        """The name under which the desk asks to take a call back."""
        return f"{self.tool}.undo" if self.settings.undo_with else None

    def definition(self) -> dict[str, Any]:
        """The tool, as `tools` tells it to the reviewer."""
        whole: dict[str, Any] = {"name": self.tool, "args_schema": self.arguments.schema()}
        said = inspect.getdoc(self.function)
        if said:
            whole["description"] = said
        if self.settings.effect:
            whole["effect"] = self.settings.effect
        return whole

    def put_back(self, args: Mapping[str, Any]) -> Any:
        """Takes a call back with the function that was registered for it."""
        if self.settings.undo_with is None:
            raise BadQuestion(f"{self.tool} has no function that takes it back.", "Give `undo_with`.")
        return self.settings.undo_with(**self.arguments.values(args))

    def _call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
        plain, own = self.arguments.plain(args, kwargs), self.settings
        key = own.key(plain) if own.key else f"call:{uuid.uuid4().hex}"
        call = Call(
            self.task,
            self.tool,
            plain,
            key,
            own.effect,
            None,
            (),
            own.step,
            own.cwd,
            own.reasoning,
            own.deadline,
        )
        return self._with_way_back(call)

    def _with_way_back(self, call: Call) -> Call:
        own = self.settings
        undo = own.undo(call.args) if callable(own.undo) else own.undo
        if self.undo_tool is not None:
            undo = UndoTool(tool=self.undo_tool, args=dict(call.args))
        files = own.files(call.args) if callable(own.files) else own.files
        return replace(call, undo=undo, files=files)

    def _values(self, given: Permit) -> dict[str, Any]:
        if given.message is not None and self.settings.tell_user is not None:
            self.settings.tell_user(given.message)
        try:
            return self.arguments.values(given.call.args)
        except ValidationError as why:
            raise BadQuestion(
                f"The arguments that were decided do not fit {self.tool}: {why}.",
                "Tell the reviewer, and ask anew.",
            ) from why


class GatedFunction(Gated[P, R]):
    """A function that asks before it runs."""

    def __init__(self, desk: Desk, task: TaskLike, function: Callable[P, R], settings: _Settings) -> None:
        super().__init__(task, function, settings)
        self.desk = desk

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        call, own = self._call(args, kwargs), self.settings
        asked = self.desk.run(
            lambda desk: permit(desk, call, timeout=own.timeout, without_desk=own.without_desk)
        )
        given = replace(asked, call=self._with_way_back(asked.call))
        try:
            result: R = cast(Callable[..., R], self.function)(**self._values(given))
        except BaseException as why:
            failed = why
            self.desk.run(lambda desk: report(desk, given, error=failed))
            raise
        self.desk.run(lambda desk: report(desk, given, output=result))
        return result


class GatedCoroutine(Gated[P, R]):
    """The same for asyncio."""

    def __init__(
        self, desk: AsyncDesk, task: TaskLike, function: Callable[P, Awaitable[R]], settings: _Settings
    ) -> None:
        super().__init__(task, function, settings)
        self.desk = desk

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        call, own = self._call(args, kwargs), self.settings
        asked = await permit(self.desk, call, timeout=own.timeout, without_desk=own.without_desk)
        given = replace(asked, call=self._with_way_back(asked.call))
        try:
            result = await cast(Callable[..., Awaitable[R]], self.function)(**self._values(given))
        except BaseException as why:
            await report(self.desk, given, error=why)
            raise
        await report(self.desk, given, output=result)
        return result


@overload
def gate(
    desk: Desk, task: TaskLike, **settings: Unpack[Settings]
) -> Callable[[Callable[P, R]], GatedFunction[P, R]]: ...
@overload
def gate(
    desk: AsyncDesk, task: TaskLike, **settings: Unpack[Settings]
) -> Callable[[Callable[P, Awaitable[R]]], GatedCoroutine[P, R]]: ...
def gate(desk: Desk | AsyncDesk, task: TaskLike, **settings: Unpack[Settings]) -> Any:
    """Decorates a function so that it asks the desk before it runs.

    With a `Desk` for plain functions, with an `AsyncDesk` for coroutines. It
    raises a `NoPermission` where there is no yes.
    """
    own = _Settings(**settings)

    def decorate(function: Callable[P, Any]) -> Any:
        if isinstance(desk, AsyncDesk):
            if not inspect.iscoroutinefunction(function):
                raise TypeError(f"{function.__name__} is no coroutine: gate it with a `Desk`.")
            return GatedCoroutine(desk, task, function, own)
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__name__} is a coroutine: gate it with an `AsyncDesk`.")
        return GatedFunction(desk, task, function, own)

    return decorate
