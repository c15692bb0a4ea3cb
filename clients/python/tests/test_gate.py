"""Functions that ask the real desk before they run."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from reviewer import Aside, Reviewer
from stage import Stage, until

from handoff_desk import (
    AsyncDesk,
    BadQuestion,
    Deadline,
    Denied,
    Desk,
    Informed,
    NoPermission,
    NotOurs,
    OnTimeout,
    Rejected,
    TakenOver,
    Task,
    Undecided,
    UndoTool,
    Unreachable,
    gate,
    undo,
)
from handoff_desk.models import UndoFiles

Ran = list[Any]


@pytest.fixture
def ran() -> Ran:
    return []


@pytest.fixture
def send(desk: Desk, task: Task, ran: Ran) -> Callable[..., Any]:
    @gate(desk, task, effect="irreversible")
    def send(to: str, on: date, copies: int = 1) -> dict[str, Any]:
        """Sends a letter."""
        ran.append((to, on, copies))
        return {"sent": copies}

    return send


def test_a_yes_runs_it_once_and_is_reported(
    send: Any, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran, desk: Desk
) -> None:
    waiting = aside(send, "Ada", on=date(2026, 11, 22))
    case = reviewer.question(agent)
    assert reviewer.args(case) == {"to": "Ada", "on": "2026-11-22", "copies": 1}
    assert ran == [], "nothing runs before the yes"
    reviewer.approve(case)
    assert waiting.result(30) == {"sent": 1}
    assert ran == [("Ada", date(2026, 11, 22), 1)]
    shown = desk.get(case["id"])
    assert shown.state == "reconciled"
    assert shown.report is not None
    assert shown.report.outcome == "applied"
    assert reviewer.agent(agent)["lowered"] is None, "nothing ran that was not decided"


def test_edited_arguments_are_what_runs(
    send: Any, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran, desk: Desk
) -> None:
    waiting = aside(send, "Ada", on=date(2026, 11, 22))
    case = reviewer.question(agent)
    reviewer.modify(case, {"to": "Bob", "on": "2027-01-02", "copies": 3})
    assert waiting.result(30) == {"sent": 3}
    assert ran == [("Bob", date(2027, 1, 2), 3)]
    assert desk.get(case["id"]).state == "reconciled"


def test_edited_arguments_that_do_not_fit_do_not_run(
    send: Any, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran, desk: Desk
) -> None:
    waiting = aside(send, "Ada", on=date(2026, 11, 22))
    case = reviewer.question(agent)
    reviewer.modify(case, {"to": "Bob", "on": "soon", "copies": 3})
    with pytest.raises(BadQuestion, match="do not fit send"):
        waiting.result(30)
    assert ran == []
    shown = desk.get(case["id"])
    assert shown.report is not None
    assert shown.report.outcome == "diverged"


def test_every_no_is_an_exception_of_its_own(
    send: Any, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran, desk: Desk
) -> None:
    def asked() -> tuple[Any, dict[str, Any]]:
        waiting = aside(send, "Ada", on=date(2026, 11, 22))
        return waiting, reviewer.question(agent)

    waiting, case = asked()
    reviewer.reject(case, "Not today.", "stop")
    with pytest.raises(Rejected, match="Not today") as rejected:
        waiting.result(30)
    assert (rejected.value.reason, rejected.value.then) == ("Not today.", "stop")
    waiting, case = asked()
    reviewer.inform(case, "Her address has changed.", address="Main Street 1")
    with pytest.raises(Informed) as informed:
        waiting.result(30)
    assert informed.value.facts == {"address": "Main Street 1"}
    assert informed.value.text == "Her address has changed."
    waiting, case = asked()
    reviewer.take_over(case, "I phone her.")
    with pytest.raises(TakenOver) as taken:
        waiting.result(30)
    assert taken.value.note == "I phone her."
    assert isinstance(taken.value, NoPermission)
    assert ran == []
    assert desk.get(case["id"]).state == "reconciled"


def test_no_decision_in_time_does_not_run(desk: Desk, task: Task, ran: Ran) -> None:
    @gate(desk, task, timeout=0.3)
    def act(number: int) -> None:
        ran.append(number)

    with pytest.raises(Undecided) as undecided:
        act(1)
    assert undecided.value.handoff_id is not None
    assert undecided.value.retryable
    assert ran == []


def test_a_deadline_that_passes_is_no_yes(desk: Desk, task: Task, ran: Ran) -> None:
    deadline = Deadline(respond_within_s=1, grace_s=0, on_timeout=OnTimeout(kind="manual_review"))

    @gate(desk, task, deadline=deadline)
    def act(number: int) -> None:
        ran.append(number)

    with pytest.raises(Undecided):
        act(1)
    assert ran == []


def test_a_key_makes_asking_again_the_same_question(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str, ran: Ran
) -> None:
    def keyed(timeout: float) -> Any:
        @gate(desk, task, key=lambda args: f"act:{args['number']}", timeout=timeout)
        def act(number: int) -> None:
            ran.append(number)

        return act

    with pytest.raises(Undecided):
        keyed(0.2)(1)
    # The process that asked is gone; the decision is made meanwhile.
    reviewer.approve(reviewer.question(agent))
    keyed(30)(1)
    assert ran == [1]


def test_a_question_that_was_taken_back_is_no_yes(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran
) -> None:
    @gate(desk, task, key=lambda _: "one")
    def act() -> None:
        ran.append(1)

    waiting = aside(act)
    desk.withdraw(reviewer.question(agent)["id"])
    with pytest.raises(Undecided):
        waiting.result(30)
    with pytest.raises(Denied):
        act()
    assert ran == []


def test_a_yes_that_another_caller_has_is_not_ours(
    desk: Desk, stage: Stage, task: Task, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran
) -> None:
    @gate(desk, task)
    def act() -> None:
        ran.append(1)

    waiting = aside(act)
    case = reviewer.question(agent)
    with Desk(agent, home=stage.home) as other:
        reviewer.hold(1)
        try:
            reviewer.approve(case)
            taken = aside(other.wait, case["id"])
            answers: list[Any] = [taken.result(30)]
            try:
                waiting.result(30)
            except NotOurs as why:
                answers.append(why)
        finally:
            reviewer.hold(0)
    # Whichever was first: the act is one caller's alone.
    assert (answers[0].act, len(ran)) in {(True, 0), (False, 1)}


def test_what_reads_is_not_asked_about(desk: Desk, task: Task, reviewer: Reviewer, agent: str) -> None:
    @gate(desk, task, tool="bash")
    def shell(command: str) -> str:
        return f"ran {command}"

    assert shell("ls -l") == "ran ls -l"
    assert reviewer.waiting(agent) == []


def test_accepted_tools_run_at_their_level(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str, ran: Ran
) -> None:
    @gate(desk, task, effect="reversible", undo=lambda args: UndoTool(tool="untag", args=dict(args)))
    def tag(name: str) -> None:
        """Sets a tag."""
        ran.append(name)

    definition = tag.definition()
    assert definition["description"] == "Sets a tag."
    assert definition["effect"] == "reversible"
    assert definition["args_schema"]["required"] == ["name"]
    assert desk.tools([definition]).waiting == ["tag"]
    reviewer.accept_tools(agent, tag="reversible")
    reviewer.set_level(agent, "execute")
    tag("blue")
    assert ran == ["blue"]


def test_the_desk_keeps_copies_of_files_that_are_named(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str, tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("before", encoding="utf-8")

    @gate(
        desk,
        task,
        tool="Write",
        undo=UndoFiles(),
        files=lambda args: [str(args["file_path"])],
        cwd=str(tmp_path),
    )
    def write(file_path: Path, content: str) -> None:
        file_path.write_text(content, encoding="utf-8")

    desk.status()
    reviewer.set_level(agent, "execute")
    write(note, "after")
    assert note.read_text(encoding="utf-8") == "after"


def test_a_failure_is_told_and_raised(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    @gate(desk, task)
    def act() -> None:
        raise OSError("the disk is full")

    waiting = aside(act)
    case = reviewer.question(agent)
    reviewer.approve(case)
    with pytest.raises(OSError, match="full"):
        waiting.result(30)
    report = desk.get(case["id"]).report
    assert report is not None
    assert report.outcome == "diverged"
    assert "the disk is full" in (report.why or "")


def test_a_pause_holds_until_it_ends(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran
) -> None:
    @gate(desk, task)
    def act() -> None:
        ran.append(1)

    desk.status()
    reviewer.pause(agent, True)
    waiting = aside(act)
    until(lambda: any(entry for entry in desk.next()), "the agent is told of the pause")
    assert ran == []
    assert reviewer.waiting(agent) == []
    reviewer.pause(agent, False)
    reviewer.approve(reviewer.question(agent))
    waiting.result(30)
    assert ran == [1]


def test_a_yes_is_no_way_around_a_pause(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran
) -> None:
    @gate(desk, task)
    def act() -> None:
        ran.append(1)

    waiting = aside(act)
    case = reviewer.question(agent)
    reviewer.hold(2)
    try:
        reviewer.approve(case)
    finally:
        reviewer.hold(0)
    reviewer.pause(agent, True)
    until(lambda: reviewer.case(case["id"])["state"] == "collected", "the yes has arrived")
    assert ran == []
    assert not waiting.done()
    reviewer.pause(agent, False)
    waiting.result(30)
    assert ran == [1]


def test_words_for_the_end_user_are_delivered(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str, ran: Ran
) -> None:
    @gate(desk, task, tell_user=ran.append)
    def act() -> None:
        ran.append("acted")

    waiting = aside(act)
    reviewer.approve(reviewer.question(agent), message="We are on it.")
    waiting.result(30)
    assert ran == ["We are on it.", "acted"]


def test_coroutines_are_gated_too(
    stage: Stage, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    async def work() -> list[Any]:
        async with AsyncDesk(agent, home=stage.home) as desk:

            @gate(desk, task)
            async def act(number: int) -> int:
                return number * 2

            return list(await asyncio.gather(act(1), act(2), return_exceptions=True))

    waiting = aside(lambda: asyncio.run(work()))
    # Of one task, one question is asked at a time.
    reviewer.reject(reviewer.question(agent), "No.")
    reviewer.approve(reviewer.question(agent))
    results = waiting.result(30)
    assert sorted(type(result).__name__ for result in results) == ["Rejected", "int"]


def test_a_lost_desk_permits_nothing_but_reads(tmp_path: Path, ran: Ran) -> None:
    desk = Desk("alone", home=tmp_path, patience=0)

    @gate(desk, "t", effect="reversible", without_desk="raise")
    def change() -> None:
        ran.append("changed")

    @gate(desk, "t", effect="irreversible", timeout=0.3)
    def remove() -> None:
        ran.append("removed")

    @gate(desk, "t", effect="read")
    def look() -> str:
        return "seen"

    with pytest.raises(Unreachable):
        change()
    with pytest.raises(Unreachable):
        remove()
    assert ran == []
    began = time.monotonic()
    assert [look() for _ in range(300)] == ["seen"] * 300
    assert time.monotonic() - began < 5, "a read does not wait for a desk that is gone"
    assert 1 <= desk.unreported <= 100, "what was read lately is told when a desk is back"


def test_a_desk_that_dies_while_a_call_is_held_is_waited_for(
    own_stage: Stage, aside: Aside, task: Task, ran: Ran
) -> None:
    own_stage.start()
    reviewer = Reviewer(own_stage)
    reviewer.hold(0)
    desk = Desk("steady", home=own_stage.home, patience=0.2)

    decided = threading.Event()

    @gate(desk, task)
    def act() -> str:
        ran.append(1)
        # The window has to hear that its decision was taken.
        assert decided.wait(30)
        own_stage.stop()
        return "done"

    waiting = aside(act)
    reviewer.question("steady")
    own_stage.stop()
    assert not waiting.done()
    assert ran == []
    own_stage.start()
    case = reviewer.question("steady")
    reviewer.approve(case)
    decided.set()
    assert waiting.result(60) == "done"
    assert ran == [1]
    # The desk died in the middle of the call, too: what came of it is told later.
    assert desk.unreported == 1
    own_stage.start()
    until(lambda: desk.unreported == 0, "it is told")
    assert desk.get(case["id"]).state == "reconciled"
    desk.close()


def test_what_cannot_be_gated_is_said_when_it_is_defined(desk: Desk, stage: Stage) -> None:
    async def later() -> None: ...
    def many(*args: int) -> None: ...

    with pytest.raises(TypeError, match="AsyncDesk"):
        gate(desk, "t")(later)
    with pytest.raises(TypeError, match="no coroutine"):
        gate(AsyncDesk("x", home=stage.home), "t")(many)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no name to show"):
        gate(desk, "t")(many)
    with pytest.raises(TypeError, match="not both"):
        gate(desk, "t", undo=UndoFiles(), undo_with=many)(
            test_what_cannot_be_gated_is_said_when_it_is_defined
        )


def test_arguments_that_nobody_could_look_at_do_not_run(desk: Desk, task: Task, ran: Ran) -> None:
    @gate(desk, task)
    def act(thing: Any) -> None:
        ran.append(thing)

    with pytest.raises(BadQuestion, match="no JSON"):
        act(object())
    assert ran == []


def test_nothing_is_undone_that_was_not_asked_for(desk: Desk, task: Task, ran: Ran) -> None:
    @gate(desk, task, undo_with=lambda name: ran.append(name))
    def tag(name: str) -> None: ...

    desk.task_open(task)
    assert undo(desk, [tag]) == []
    assert ran == []
    assert tag.undo_tool == "tag.undo"
    tag.put_back({"name": "blue"})
    assert ran == ["blue"]


def test_what_the_reviewer_rolls_back_is_taken_back(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str, ran: Ran
) -> None:
    @gate(desk, task, effect="reversible", undo_with=lambda name: ran.append(f"not {name}"))
    def tag(name: str) -> None:
        """Sets a tag."""
        ran.append(name)

    desk.tools([tag.definition()])
    reviewer.accept_tools(agent, tag="reversible")
    reviewer.set_level(agent, "execute")
    tag("blue")
    done = desk.handoffs()
    assert done.handoffs == [], "it was not asked about"
    of = {"agent": agent, "task": task.id}
    selection = {"kind": "since_time", "at": "2020-01-01T00:00:00Z"}
    preview = reviewer.stage.invoke("preview_rollback", request={**of, "selection": selection})
    confirm = {**of, "selection": selection, "fingerprint": preview["fingerprint"]}
    reviewer.stage.invoke("confirm_rollback", confirm=confirm)
    assert [item.kind for item in undo(desk, [tag], wait=30)] in ([], ["directive"])
    assert ran == ["blue", "not blue"]
    assert [item for item in undo(desk, [tag]) if item.kind == "undo"] == [], "and only once"
    assert ran == ["blue", "not blue"]
    (action,) = reviewer.stage.invoke("task", of=of)["actions"]
    assert action["standing"]["state"] == "undone"
