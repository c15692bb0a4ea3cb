"""Models go to the desk as they were written, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest
from pydantic import ValidationError

from handoff_desk import Desk, Handoff, Task, UndoTool, errors, sequence
from handoff_desk.models import Action, Conversation, Message, Precondition


def test_what_was_not_said_is_not_sent(handoff: Callable[..., Handoff]) -> None:
    sent = handoff().wire()
    assert sent["version"] == "1"
    assert "briefing" not in sent
    assert "actions_taken" not in sent
    assert Handoff.model_validate(sent) == handoff()


def test_what_is_added_later_is_sent(handoff: Callable[..., Handoff]) -> None:
    made = handoff()
    made.actions_taken.append(Action(id="a", tool="t", effect="read", status="done"))
    assert made.wire()["actions_taken"] == [{"id": "a", "tool": "t", "effect": "read", "status": "done"}]


def test_constants_and_nulls_that_mean_something_are_kept() -> None:
    assert UndoTool(tool="t", args={"a": None}).wire() == {"kind": "tool", "tool": "t", "args": {"a": None}}
    assert Precondition(tool="t", args={}, expect=None).wire()["expect"] is None


def test_names_that_python_keeps_for_itself_have_their_own_on_the_wire() -> None:
    at = datetime(2026, 11, 22, tzinfo=timezone.utc)
    talk = Conversation(with_="Ada", last_messages=[Message(from_="customer", text="Hello", at=at)])
    sent = talk.wire()
    assert sent["with"] == "Ada"
    assert sent["last_messages"][0]["from"] == "customer"
    assert Conversation.model_validate(sent) == talk


def test_an_unknown_field_is_refused_at_once() -> None:
    with pytest.raises(ValidationError, match="titel"):
        Task.model_validate({"id": "t", "title": "T", "goal": "G", "titel": "T"})


def test_a_sequence_is_a_plan_in_which_each_step_needs_the_one_before() -> None:
    plan = sequence(("find", "Find them"), ("move", "Move them"))
    assert [step.depends_on for step in plan.steps] == [[], ["find"]]


def test_the_desk_agrees_with_the_models(desk: Desk, handoff: Callable[..., Handoff]) -> None:
    assert desk.validate(handoff()) == []
    faults = desk.validate({**handoff().wire(), "sumary": "x", "priority": "later"})
    assert {fault.pointer for fault in faults} >= {"/sumary", "/priority"}
    with pytest.raises(errors.InvalidPayload) as refused:
        desk.submit({**handoff().wire(), "priority": "later"})
    assert refused.value.code == "invalid_payload"
    assert refused.value.hint
    assert refused.value.faults
