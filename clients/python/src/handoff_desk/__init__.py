"""Hand off to the person at the desk, from Python.

    from handoff_desk import Desk, Task, gate

    desk = Desk("cleaner")
    task = Task(id="clean", title="Clean up", goal="Free some space")

    @gate(desk, task, effect="irreversible")
    def delete(path: str) -> None: ...

    delete("build")    # waits for a yes, runs with what was decided, reports

Only the window decides. Nothing in this package can, and every answer that is
not a yes is an exception.
"""

from .aio import AsyncDesk
from .desk import Desk
from .errors import (
    BadQuestion,
    Conflict,
    Denied,
    DeskError,
    Informed,
    InvalidPayload,
    Lost,
    Malformed,
    NoPermission,
    NotAllowed,
    NotFound,
    NotOurs,
    Refused,
    Rejected,
    TakenOver,
    Unanswerable,
    Unavailable,
    Undecided,
    Unreachable,
)
from .gate import Gated, GatedCoroutine, GatedFunction, gate
from .models import (
    Action,
    Briefing,
    Constraint,
    Deadline,
    Decision,
    Entity,
    Handoff,
    HandoffOption,
    OnTimeout,
    PendingQuestion,
    Plan,
    Precondition,
    ProposedAction,
    Reason,
    Report,
    Risk,
    Step,
    StepReport,
    Task,
    Undo,
    UndoCommand,
    UndoFiles,
    UndoTool,
    Unmet,
)
from .plans import AsyncWork, Work, sequence
from .undos import undo, undo_async
from .wire import Answered, Checked, Recorded, Shown, Standing, TaskStanding

__all__ = [
    "Action",
    "Answered",
    "AsyncDesk",
    "AsyncWork",
    "BadQuestion",
    "Briefing",
    "Checked",
    "Conflict",
    "Constraint",
    "Deadline",
    "Decision",
    "Denied",
    "Desk",
    "DeskError",
    "Entity",
    "Gated",
    "GatedCoroutine",
    "GatedFunction",
    "Handoff",
    "HandoffOption",
    "Informed",
    "InvalidPayload",
    "Lost",
    "Malformed",
    "NoPermission",
    "NotAllowed",
    "NotFound",
    "NotOurs",
    "OnTimeout",
    "PendingQuestion",
    "Plan",
    "Precondition",
    "ProposedAction",
    "Reason",
    "Recorded",
    "Refused",
    "Rejected",
    "Report",
    "Risk",
    "Shown",
    "Standing",
    "Step",
    "StepReport",
    "TakenOver",
    "Task",
    "TaskStanding",
    "Unanswerable",
    "Unavailable",
    "Undecided",
    "Undo",
    "UndoCommand",
    "UndoFiles",
    "UndoTool",
    "Unmet",
    "Unreachable",
    "Work",
    "gate",
    "sequence",
    "undo",
    "undo_async",
]
