"""The answers of the desk, as PROTOCOL.md lists them.

What a payload, an action, a decision and a report are, `models` says.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import AwareDatetime, Field

from ._model import Model
from .models import Decision, Effect, Precondition, Priority, Report

State: TypeAlias = Literal[
    "queued", "ready", "decided", "released", "collected", "reconciled", "withdrawn", "superseded"
]
"""Where a handoff stands."""

Level: TypeAlias = Literal["suggest", "draft", "execute"]
"""How far an agent may go unasked."""

Verdict: TypeAlias = Literal["run", "held", "denied"]
"""What the gate answers."""


class Welcome(Model):
    """The answer to `agent.hello`."""

    agent: str
    level: Level
    protocol: str
    token: str | None = None


class Fault(Model):
    """One thing that is wrong with a payload."""

    pointer: str
    message: str
    hint: str


class Validated(Model):
    """Everything that is wrong with a payload."""

    valid: bool
    faults: list[Fault]


class Standing(Model):
    """Where a handoff stands."""

    id: str
    revision: int
    state: State
    replayed: bool | None = None


class Lease(Model):
    """The right, and the duty, to act on a decision."""

    id: str
    expires_at: AwareDatetime


class Line(Model):
    """What becomes of one step of the plan."""

    step: str
    verdict: str
    why: str
    facts: dict[str, Any] = Field(default_factory=dict)
    undo: list[str] = Field(default_factory=list)


class Answered(Model):
    """A decision, or that there is none yet."""

    id: str
    revision: int
    state: State
    flags: list[str]
    act: bool
    directive: list[Line]
    decision: Decision | None = None
    action_hash: str | None = None
    lease: Lease | None = None
    warned_at: AwareDatetime | None = None
    preconditions: list[Precondition] = Field(default_factory=list)
    """What is checked once more before acting; what does not hold is reported as `unmet`."""

    @property
    def approved(self) -> bool:
        """The reviewer said yes, as proposed or edited, and it is ours to act on."""
        return (
            self.act
            and self.decision is not None
            and self.decision.by == "reviewer"
            and self.decision.kind in ("approve", "modify")
        )


class Shown(Answered):
    """One handoff with its payload."""

    key: str
    received_at: AwareDatetime
    respond_by: AwareDatetime
    handoff: Any
    report: Report | None = None
    standing: dict[str, Any] | None = None


class ListedHandoff(Model):
    """One line of a list."""

    id: str
    key: str
    revision: int
    state: State
    flags: list[str]
    priority: Priority
    task: str
    title: str
    question: str
    received_at: AwareDatetime
    respond_by: AwareDatetime


class Listed(Model):
    """Handoffs, the newest first."""

    handoffs: list[ListedHandoff]
    total: int


class Status(Model):
    """How the desk is."""

    version: str
    protocol: str
    pid: int
    inbox: int
    fault: str | None = None
    no_notifications: str | None = None


class NextItem(Model, extra="allow"):
    """One thing that the reviewer tells the agent; `kind` says what, and what
    belongs to it stands beside it.
    """

    id: str
    kind: str
    at: AwareDatetime
    task: str | None = None

    @property
    def rest(self) -> dict[str, Any]:
        """What belongs to its kind."""
        return dict(self.model_extra or {})


class NextItems(Model):
    """What the agent has not acknowledged yet, oldest first."""

    items: list[NextItem]


class ToolsKnown(Model):
    """Which tools the reviewer has accepted."""

    accepted: list[str]
    waiting: list[str]
    level: Level


class TaskStanding(Model):
    """Where a task stands."""

    task: str
    revision: int
    level: Level
    runnable: list[str]
    pending: list[str]
    closed: bool
    stopped: str | None = None
    draft: str | None = None


class Checked(Model):
    """The gate's answer. Only `run` permits, and only this one call."""

    verdict: Verdict
    effect: Effect
    why: str
    pending_for_you: int
    action_hash: str
    unknown: bool = False
    ran: str | None = None
    held: Any = None
    handoff_id: str | None = None
    blocked_by: list[str] = Field(default_factory=list)
    runnable: list[str] = Field(default_factory=list)
    undoes: str | None = None


class Recorded(Model):
    """What a record of an action led to."""

    id: str
    replayed: bool = False
    reconciled: str | None = None
    diverged: str | None = None
    undid: str | None = None
