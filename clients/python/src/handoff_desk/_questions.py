"""What the adapters of agent frameworks share: a question of a framework as a
handoff, its decision collected once all of its parts are there, and what came
of it reported.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

from . import wire
from .aio import AsyncDesk, LeftOpen
from .errors import NotOurs, Undecided
from .gate import refusal
from .models import (
    AllowedDecision,
    Briefing,
    Deadline,
    Effect,
    Handoff,
    HandoffOption,
    OnTimeout,
    PendingQuestion,
    ProposedAction,
    Reason,
    Resume,
    Risk,
    RiskLevel,
    Task,
)

RISKS: dict[Effect, RiskLevel] = {"read": "low", "reversible": "medium", "irreversible": "high"}

# The most of a framework's own text that goes onto the card.
_LONGEST_TEXT = 8000
# Room for what stands beside it in `meta`, of 64 KiB in all.
_LONGEST_META = 40_000

Asked: TypeAlias = Literal["approval_required", "missing_information"]


@dataclass(frozen=True)
class Question:
    """One thing that the reviewer decides."""

    tool: str
    args: Mapping[str, Any]
    text: str
    """The question itself."""
    can: Sequence[AllowedDecision]
    """What the framework has a form for."""
    reason: Asked = "approval_required"
    description: str | None = None
    args_schema: Any = None
    label: str | None = None
    risk_why: str | None = None


@dataclass(frozen=True)
class Setting:
    """What the handoffs of one run have in common."""

    task: Task
    framework: str
    place: Mapping[str, Any]
    """Where it waits, in the framework's own terms; shown, and part of the key."""
    token: str | None = None
    effects: Mapping[str, Effect] = field(default_factory=dict)
    deadline: Deadline | None = None
    not_included: Sequence[str] = ()
    tell_user: Callable[[str], Any] | None = None
    """Delivers words of the reviewer to the end user."""


def handoff(setting: Setting, question: Question, key: str) -> Handoff:
    """The card."""
    effect = setting.effects.get(question.tool, "irreversible")
    why = (
        question.risk_why
        or {
            "read": "It only reads, as the agent says.",
            "reversible": "It can be taken back, as the agent says.",
            "irreversible": "Nobody says that it can be taken back.",
        }[effect]
    )
    asks = any(one in ("approve", "modify") for one in question.can)
    fixed = " Its arguments cannot be edited: the framework takes no others back."
    summary = f"A {setting.framework} run that works on “{setting.task.title[:200]}” waits for you. {why}"
    option = HandoffOption(
        id="run",
        label=question.label or f"Run {question.tool}"[:200],
        description=clipped(question.description) if question.description else None,
        risk=Risk(level=RISKS[effect], effect=effect, why=why),
        action=ProposedAction(
            tool=question.tool[:200], args=dict(question.args), args_schema=question.args_schema
        ),
    )
    return Handoff(
        key=key,
        task=setting.task,
        reason=Reason(code=question.reason),
        priority="high" if effect == "irreversible" and asks else "normal",
        summary=summary + (fixed if asks and question.args and "modify" not in question.can else ""),
        pending_question=PendingQuestion(text=clipped(question.text)),
        deadline=setting.deadline or Deadline(respond_within_s=3600, on_timeout=OnTimeout(kind="escalate")),
        options=[option] if asks else [],
        allowed_decisions=list(question.can),
        briefing=Briefing(intent=setting.task.goal, not_included=list(setting.not_included)),
        resume=Resume(mode="checkpoint", token=setting.token),
        meta=_meta(setting),
    )


def key_of(framework: str, *parts: object) -> str:
    """The same question has the same key in every process."""
    text = json.dumps([str(part) for part in parts])
    return f"{framework}:{hashlib.sha256(text.encode()).hexdigest()[:40]}"


async def asked(desk: AsyncDesk, setting: Setting, question: Question, key: str) -> str:
    """Submits a question and answers its id. One that was answered and then
    failed to be carried out, or was taken back, is asked anew.
    """
    await desk.through(setting.framework)
    left_open: Sequence[LeftOpen] = () if setting.deadline else ("respond_within_s", "on_timeout")
    attempt = 1
    while True:
        card = handoff(setting, question, key if attempt == 1 else f"{key}:{attempt}")
        standing = await desk.submit(card, left_open=left_open)
        again = standing.state in ("withdrawn", "superseded")
        if standing.state == "reconciled":
            report = (await desk.get(standing.id)).report
            again = report is not None and report.outcome == "diverged"
        if not again:
            return standing.id
        attempt += 1


async def decided(
    desk: AsyncDesk,
    setting: Setting,
    questions: Sequence[Question],
    keys: Sequence[str],
    timeout: float | None,
) -> list[wire.Answered]:
    """The decisions on questions that belong together, collected when all are there.

    Raises `Undecided` where one is missing and `NotOurs` where another caller has
    one; then none is collected that could still be acted on later.
    """
    ids = [await asked(desk, setting, question, key) for question, key in zip(questions, keys, strict=True)]
    found = await asyncio.gather(*[desk.decision(one, timeout) for one in ids])
    for answered in found:
        if answered.decision is None:
            raise Undecided(
                f"There is no decision yet: the question is {answered.state}.",
                "Resume later; it is the same question then.",
                handoff_id=answered.id,
            )
    for answered in found:
        if answered.act:
            continue
        if answered.decision is not None and answered.decision.kind in ("reject", "inform", "take_over"):
            raise refusal(answered)
        raise NotOurs(
            "The decision was handed to another caller.",
            "That one goes on with it. If it is gone, the card at the desk can hand the decision out again.",
            handoff_id=answered.id,
            decision=answered.decision,
        )
    collected = [await desk.collect(answered) for answered in found]
    for answered in collected:
        if (
            setting.tell_user is not None
            and answered.decision is not None
            and answered.decision.message is not None
        ):
            setting.tell_user(answered.decision.message.text)
    return collected


async def told(desk: AsyncDesk, ids: Sequence[str], error: BaseException | None = None) -> None:
    """Reports what became of decisions."""
    for one in ids:
        await desk.until_told("what became of a decision", partial(_told, desk, one, error))


async def _told(desk: AsyncDesk, handoff_id: str, error: BaseException | None) -> None:
    if error is None:
        await desk.reconcile(handoff_id)
    else:
        await desk.reconcile(handoff_id, "diverged", why=f"It failed: {type(error).__name__}: {error}"[:2000])


def no_words(answered: wire.Answered) -> str:
    """A rejection, or a take-over, in words that a model can read."""
    decision = answered.decision
    assert decision is not None
    if decision.kind == "take_over":
        return f"The reviewer does this themselves; leave it. {decision.note or ''}".strip()
    words = decision.reason or "The reviewer said no."
    after = {"stop": " Stop this task.", "skip": "", "revise": " Make another proposal."}
    return words + after.get(decision.then or "skip", "")


def clipped(text: str) -> str:
    """A text that fits onto the card."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} … ({len(text)} characters in all)"


def _meta(setting: Setting) -> dict[str, Any]:
    place = dict(setting.place)
    if len(json.dumps(place, default=str)) > _LONGEST_META:
        place = {name: clipped(str(value)) for name, value in place.items()}
    return {setting.framework.lower().replace(" ", "_"): place}
