"""What a real desk does only when it is killed at the right moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from scripted import HangUp, Params, ScriptedDesk

from handoff_desk import AsyncDesk, Conflict, Deadline, Desk, OnTimeout, Task, gate, undo
from handoff_desk._questions import Question, Setting, asked

AT = "2026-11-22T10:00:00Z"
YES = {"kind": "approve", "by": "reviewer", "at": AT, "option": "run", "tool": "act", "args": {}}


def answered(lease: str | None) -> dict[str, Any]:
    offer = {"id": lease, "expires_at": AT} if lease else None
    return {
        "id": "h1",
        "revision": 1,
        "state": "released" if lease else "collected",
        "flags": [],
        "decision": YES,
        "action_hash": "x",
        "act": lease is not None,
        "lease": offer,
        "directive": [],
    }


def checked(verdict: str, **more: Any) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "effect": "reversible",
        "why": "So.",
        "pending_for_you": 0,
        "action_hash": "x",
        **more,
    }


def once_lost(then: Any) -> Any:
    """Hangs up at the first call."""
    number = count()

    def answer(_: Params) -> Any:
        if next(number) == 0:
            raise HangUp
        return then

    return answer


def in_turn(*results: Any) -> Any:
    left: Iterator[Any] = iter(results)
    return lambda _: next(left)


def test_an_offer_whose_connection_broke_is_taken_again(tmp_path: Path) -> None:
    waits = in_turn(answered("l1"), answered("l2"))
    desk = ScriptedDesk(tmp_path, handoff__wait=waits, agent__ack=once_lost({}))
    assert Desk("a", home=tmp_path).wait("h1").act
    assert [ack["id"] for ack in desk.asked("agent.ack")] == ["l1", "l2"]


def test_a_receipt_that_may_have_arrived_is_no_permission(tmp_path: Path) -> None:
    waits = in_turn(answered("l1"), answered(None))
    ScriptedDesk(tmp_path, handoff__wait=waits, agent__ack=once_lost({}))
    with pytest.raises(Conflict, match="unknown"):
        Desk("a", home=tmp_path).wait("h1")


def test_an_answer_that_got_lost_is_asked_for_again(tmp_path: Path) -> None:
    desk = ScriptedDesk(tmp_path, action__check=once_lost(checked("run")))
    assert Desk("a", home=tmp_path).check("t", "act", {}, key="k").verdict == "run"
    assert [call["key"] for call in desk.asked("action.check")] == ["k", "k"], "with the same key"


def test_a_verdict_of_tomorrow_is_no_yes(tmp_path: Path) -> None:
    ScriptedDesk(tmp_path, action__check=lambda _: checked("mostly"))
    ran: list[int] = []

    @gate(Desk("a", home=tmp_path), "t")
    def act() -> None:
        ran.append(1)

    with pytest.raises(Exception, match="Checked"):
        act()
    assert ran == []


def undo_item(tool: str = "tag.undo") -> dict[str, Any]:
    told = {"rollback": "r1", "action": "a1", "tool": tool, "args": {"name": "blue"}, "key": "undo:1"}
    return {"id": "i1", "task": "t", "at": AT, "kind": "undo", **told}


@pytest.mark.parametrize(
    ("verdict", "fails", "outcome", "runs"),
    [
        ("run", False, "undone", 1),
        ("run", True, "failed", 1),
        ("held", False, None, 0),
        ("denied", False, None, 0),
    ],
)
def test_a_rollback_is_carried_out_once_the_gate_lets_it(
    tmp_path: Path, verdict: str, fails: bool, outcome: str | None, runs: int
) -> None:
    ran: list[str] = []

    def untag(name: str) -> None:
        ran.append(name)
        if fails:
            raise OSError("it is gone")

    message = {"id": "i2", "at": AT, "kind": "message", "text": "Thanks."}
    script = ScriptedDesk(
        tmp_path,
        agent__next=lambda _: {"items": [undo_item(), message]},
        action__check=lambda _: checked(verdict, undoes="a1"),
        agent__ack=lambda _: {},
    )
    desk = Desk("a", home=tmp_path)

    @gate(desk, "t", undo_with=untag)
    def tag(name: str) -> None: ...

    (other,) = undo(desk, [tag])
    assert other.kind == "message"
    assert ran == ["blue"] * runs
    assert script.asked("action.check") == [
        {"task": "t", "tool": "tag.undo", "args": {"name": "blue"}, "key": "undo:1"}
    ]
    acks = script.asked("agent.ack")
    # Where the gate does not let it run, another process has it: nothing is said.
    assert [(ack["id"], ack["result"]["outcome"]) for ack in acks] == ([("i1", outcome)] if outcome else [])
    assert not fails or "it is gone" in acks[0]["result"]["why"]


def test_a_yes_that_is_not_for_the_undo_runs_no_undo(tmp_path: Path) -> None:
    ran: list[str] = []
    script = ScriptedDesk(
        tmp_path,
        agent__next=lambda _: {"items": [undo_item()]},
        action__check=lambda _: checked("run"),
    )
    desk = Desk("a", home=tmp_path)

    @gate(desk, "t", undo_with=ran.append)
    def tag(name: str) -> None: ...

    assert undo(desk, [tag]) == []
    assert ran == []
    assert script.asked("agent.ack") == []


def test_an_undo_that_nobody_registered_is_left_to_the_caller(tmp_path: Path) -> None:
    script = ScriptedDesk(tmp_path, agent__next=lambda _: {"items": [undo_item("fly.undo")]})
    (item,) = undo(Desk("a", home=tmp_path), [])
    assert item.rest["tool"] == "fly.undo"
    assert script.asked("agent.ack") == []


def test_a_deadline_that_nobody_names_is_left_to_the_reviewer(tmp_path: Path) -> None:
    standing = {"id": "h1", "revision": 1, "state": "ready"}
    desk = ScriptedDesk(tmp_path, handoff__submit=lambda _: standing)
    question = Question(tool="act", args={}, text="May I?", can=["approve"])
    own = Deadline(respond_within_s=60, on_timeout=OnTimeout(kind="manual_review"))

    async def ask(deadline: Deadline | None) -> None:
        task = Task(id="t", title="T", goal="G")
        async with AsyncDesk("a", home=tmp_path) as line:
            await asked(line, Setting(task, "Framework", {}, deadline=deadline), question, "k")

    asyncio.run(ask(None))
    asyncio.run(ask(own))
    left, named = desk.asked("handoff.submit")
    assert left["left_open"] == ["respond_within_s", "on_timeout"]
    assert named["left_open"] == []
    assert named["handoff"]["deadline"]["respond_within_s"] == 60
