"""What can go wrong, as exceptions with the desk's code, message and hint.

None of them ever means yes: whoever catches one and goes on acts unasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .models import Decision


class DeskError(Exception):
    """The base of all of them.

    `code` is one word for programs, `message` says what failed and why, `hint`
    what to do. `retryable` says whether the same call may succeed later.
    """

    code = "internal"
    retryable = False

    def __init__(self, message: str, hint: str, *, code: str | None = None) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class Unreachable(DeskError):
    """Nobody listens on the socket, or what listens is not ours."""

    code = "unreachable"
    retryable = True


class Lost(DeskError):
    """The connection ended before the answer: what was asked may have happened."""

    code = "lost"
    retryable = True


class Malformed(DeskError):
    """The desk's answer cannot be understood."""

    code = "malformed"


class Refused(DeskError):
    """The desk answered with an error.

    `faults` lists everything that is wrong with a payload; `winner` is the
    decision that won, in a conflict.
    """

    def __init__(
        self,
        message: str,
        hint: str,
        *,
        code: str,
        number: int,
        retryable: bool = False,
        faults: Sequence[dict[str, Any]] = (),
        winner: Decision | None = None,
    ) -> None:
        super().__init__(message, hint, code=code)
        self.number = number
        self.retryable = retryable
        self.faults = list(faults)
        self.winner = winner

    def __str__(self) -> str:
        faults = [f"\n  {fault.get('pointer') or '/'}: {fault.get('message')}" for fault in self.faults]
        return super().__str__() + "".join(faults)


class InvalidPayload(Refused):
    """The handoff is not a valid payload; `faults` lists everything."""


class NotFound(Refused):
    """There is no such handoff, task or lease of this agent."""


class Conflict(Refused):
    """It is no longer possible, or contradicts what is there."""


class NotAllowed(Refused):
    """It is not allowed, or the name is taken."""


class Unavailable(Refused):
    """The desk cannot store at present; try again with the same key."""


class NoPermission(DeskError):
    """The base of every answer that is not a yes: the call must not run."""

    code = "no_permission"

    def __init__(
        self, message: str, hint: str, *, handoff_id: str | None = None, decision: Decision | None = None
    ) -> None:
        super().__init__(message, hint)
        self.handoff_id = handoff_id
        self.decision = decision


class Denied(NoPermission):
    """The gate denies the call."""

    code = "denied"


class Rejected(NoPermission):
    """The reviewer said no; `reason` says why and `then` what comes next."""

    code = "rejected"

    @property
    def reason(self) -> str:
        """Why, in the reviewer's words."""
        return (self.decision and self.decision.reason) or ""

    @property
    def then(self) -> str:
        """`stop`, `skip` or `revise`."""
        return (self.decision and self.decision.then) or "stop"


class Informed(NoPermission):
    """The reviewer answered with information instead: use it and ask anew."""

    code = "informed"

    @property
    def text(self) -> str:
        """What the reviewer said."""
        return (self.decision and self.decision.text) or ""

    @property
    def facts(self) -> dict[str, Any]:
        """New or corrected values."""
        return dict(self.decision.facts) if self.decision else {}


class TakenOver(NoPermission):
    """The reviewer does this themselves: leave it."""

    code = "taken_over"

    @property
    def note(self) -> str:
        """What the agent should know."""
        return (self.decision and self.decision.note) or ""


class NotOurs(NoPermission):
    """There is a yes, but another caller has it to act on."""

    code = "not_ours"


class Undecided(NoPermission):
    """There is no decision: time ran out, or the question was taken back.

    Asking again with the same key goes on with the same question.
    """

    code = "undecided"
    retryable = True


class Unanswerable(NoPermission):
    """The reviewer's answer has no form in what asked, so nothing was sent."""

    code = "unanswerable"


class BadQuestion(DeskError, ValueError):
    """What asked cannot be understood; the reviewer was not asked and nothing runs."""

    code = "bad_question"


BY_CODE: dict[str, type[Refused]] = {
    "invalid_payload": InvalidPayload,
    "not_found": NotFound,
    "conflict": Conflict,
    "refused": NotAllowed,
    "unavailable": Unavailable,
}
