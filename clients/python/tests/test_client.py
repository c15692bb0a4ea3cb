"""Both kinds of clients against the real desk."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reviewer import Aside, Reviewer
from stage import Stage, program, until

from handoff_desk import (
    Action,
    AsyncDesk,
    Conflict,
    Desk,
    Handoff,
    InvalidPayload,
    Malformed,
    NotAllowed,
    NotFound,
    Precondition,
    Refused,
    Task,
    Unreachable,
    Work,
    sequence,
)
from handoff_desk.home import Home

Make = Callable[..., Handoff]


def test_a_decision_comes_back_and_is_closed(
    desk: Desk, reviewer: Reviewer, aside: Aside, agent: str, handoff: Make
) -> None:
    waiting = aside(desk.ask, handoff(), timeout=60)
    reviewer.modify(reviewer.question(agent), {"to": "better.txt"})
    answered = waiting.result(30)
    assert answered.approved
    assert answered.decision is not None
    assert answered.decision.args == {"to": "better.txt"}
    assert answered.decision.tool == "rename"
    assert desk.get(answered.id).state == "collected", "it was acknowledged"
    assert desk.reconcile(answered.id).state == "reconciled"


def test_what_does_not_hold_any_more_is_asked_again(
    desk: Desk, reviewer: Reviewer, aside: Aside, agent: str, handoff: Make
) -> None:
    asked = handoff()
    asked.options[0].preconditions = [Precondition(tool="exists", args={"name": "notes.txt"}, expect=False)]
    waiting = aside(desk.ask, asked, timeout=60)
    reviewer.approve(reviewer.question(agent))
    answered = waiting.result(30)
    (first,) = answered.preconditions
    assert answered.approved
    assert first.expect is False
    assert desk.holds(answered, lambda tool, args: (tool, args) != ("exists", {"name": "notes.txt"}))
    assert desk.get(answered.id).state == "collected", "it holds, and nothing is reported"
    assert not desk.holds(answered, lambda tool, args: True)
    again = desk.get(answered.id)
    assert (again.state, again.revision) == ("ready", answered.revision + 1)
    case = reviewer.case(answered.id)
    (changed,) = case["changed"]
    assert (changed["tool"], changed["expect"], changed["found"]) == ("exists", False, True)
    later = aside(desk.wait, answered.id, timeout=60)
    reviewer.approve(case)
    assert later.result(30).approved, "the new answer is to be acted on"
    assert desk.reconcile(answered.id).state == "reconciled"


def test_a_precondition_is_held_against_what_is_read_as_json(
    desk: Desk, reviewer: Reviewer, aside: Aside, handoff: Make, agent: str
) -> None:
    asked = handoff()
    asked.options[0].preconditions = [
        Precondition(tool="count", args={}, expect={"a": 1, "b": [None, True]}),
        Precondition(tool="count", args={"of": "all"}, expect=1),
    ]
    waiting = aside(desk.ask, asked, timeout=60)
    reviewer.approve(reviewer.question(agent))
    answered = waiting.result(30)
    same: list[Any] = [{"b": (None, True), "a": 1}, 1]
    assert desk.holds(answered, lambda tool, args: same[len(args)])

    def fails(tool: str, args: dict[str, Any]) -> Any:
        raise OSError("the ledger is away")

    with pytest.raises(OSError, match="away"):
        desk.holds(answered, fails)
    assert desk.get(answered.id).state == "collected", "nobody knows, and nothing is reported"
    assert not desk.holds(answered, lambda tool, args: [*same[:1], True][len(args)]), "True is not 1"
    (changed,) = reviewer.case(answered.id)["changed"]
    assert (changed["args"], changed["found"]) == ({"of": "all"}, True)


def test_the_reviewer_sees_what_an_agent_is_connected_through(
    desk: Desk, stage: Stage, reviewer: Reviewer, agent: str
) -> None:
    def ways(name: str) -> list[tuple[str, bool]]:
        return sorted((one["integration"], one["connected"]) for one in reviewer.agent(name)["connections"])

    # An agent is answered before the desk has written down how it came.
    until(lambda: ways(agent) == [("python", True)], "the Python client is listed")
    desk.run(lambda aio: aio.through("LangGraph"))
    both = [("lang_graph", True), ("python", False)]
    until(lambda: ways(agent) == both, "LangGraph is listed beside it")
    with Desk(f"{agent}-named", home=stage.home, framework="my loop") as named:
        named.run(lambda aio: aio.through("LangGraph"))
        until(lambda: ways(f"{agent}-named") == [("socket", True)], "what the caller says stands")


def test_only_one_caller_is_to_act(
    desk: Desk, stage: Stage, reviewer: Reviewer, aside: Aside, agent: str, handoff: Make
) -> None:
    with Desk(agent, home=stage.home) as other:
        first = aside(desk.ask, handoff(), timeout=60)
        second = aside(other.ask, handoff(), timeout=60)
        reviewer.approve(reviewer.question(agent))
        answers = [first.result(30), second.result(30)]
    assert sorted(answer.act for answer in answers) == [False, True]
    assert not desk.ask(handoff()).act, "nor does a later reading"


def test_no_decision_in_time_is_none(desk: Desk, handoff: Make) -> None:
    answered = desk.ask(handoff(), timeout=0.2)
    assert answered.decision is None
    assert answered.state == "ready"
    assert not answered.approved
    assert desk.withdraw(answered.id, "not needed any more").state == "withdrawn"
    assert desk.wait(answered.id).decision is None


def test_a_decision_that_is_held_is_waited_for(
    desk: Desk, reviewer: Reviewer, agent: str, handoff: Make, aside: Aside
) -> None:
    standing = desk.submit(handoff())
    reviewer.hold(2)
    try:
        reviewer.approve(reviewer.question(agent))
        assert desk.wait(standing.id, timeout=0.1).approved
    finally:
        reviewer.hold(0)


def test_the_same_key_is_the_same_question(desk: Desk, handoff: Make) -> None:
    first = desk.submit(handoff())
    again = desk.submit(handoff())
    assert again.id == first.id
    assert again.replayed
    with pytest.raises(Conflict) as conflict:
        desk.submit(handoff().model_copy(update={"summary": "Another."}))
    assert (conflict.value.code, conflict.value.number) == ("conflict", -32012)
    assert conflict.value.hint
    assert [one.key for one in desk.handoffs(state="ready").handoffs] == ["q1"]


def test_a_proposal_can_be_revised(desk: Desk, reviewer: Reviewer, agent: str, handoff: Make) -> None:
    standing = desk.submit(handoff())
    revised = desk.revise(standing.id, handoff().model_copy(update={"summary": "Another."}))
    assert (revised.id, revised.revision) == (standing.id, 2)


def test_errors_say_what_to_do(desk: Desk) -> None:
    with pytest.raises(NotFound) as missing:
        desk.wait("nothing")
    assert missing.value.code == "not_found"
    assert missing.value.hint
    with pytest.raises(Refused) as unknown:
        desk.call("agent.decide", {})
    assert unknown.value.code == "method_not_found"
    with pytest.raises(InvalidPayload):
        desk.submit({"version": "2"})
    with pytest.raises(Refused, match="no JSON"):
        desk.check("t", "tool", {"number": float("nan")}, key="k")
    with pytest.raises(Refused) as large:
        desk.submit({"version": "1", "summary": "x" * (11 << 20)})
    assert large.value.code == "frame_too_large"


def test_a_check_a_record_and_what_the_desk_says_of_them(desk: Desk, task: Task) -> None:
    checked = desk.check(task, "bash", {"command": "ls"}, key="look")
    assert (checked.verdict, checked.effect) == ("run", "read")
    done = Action(id="look", tool="bash", input={"command": "ls"}, output="a b", effect="read", status="done")
    assert desk.record(task, done).diverged is None
    assert desk.record(task, done).replayed
    held = desk.check(task, "bash", {"command": "rm -rf /tmp/x"}, key="remove")
    assert held.verdict == "held"
    assert held.handoff_id is not None
    known = desk.tools([{"name": "greet", "effect": "read"}])
    assert known.waiting == ["greet"]


def test_a_task_keeps_its_plan_told(desk: Desk, task: Task) -> None:
    work = Work(desk, task, sequence(("find", "Find them"), ("move", "Move them")))
    assert work.open().runnable == ["find"]
    work.mark("find", "done", output={"count": 3})
    assert work.runnable() == ["move"]
    with pytest.raises(KeyError):
        work.mark("fly", "done")
    assert work.close().closed


def test_what_the_reviewer_says_comes_until_it_is_acknowledged(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str, aside: Aside
) -> None:
    desk.task_open(task)
    waiting = aside(desk.next, task.id, wait=60)
    reviewer.stage.invoke("tell_agent", tell={"agent": agent, "task": task.id, "text": "Be quick."})
    (item,) = waiting.result(30)
    assert (item.kind, item.rest["text"]) == ("message", "Be quick.")
    assert desk.next() == [item]
    desk.ack(item.id)
    assert desk.next() == []


def test_a_plan_that_the_reviewer_edits_is_followed(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str
) -> None:
    work = Work(desk, task, sequence(("find", "Find them"), ("move", "Move them")))
    standing = work.open()
    steps = [{"id": "find", "title": "Find them all", "status": "pending"}]
    edit = {
        "agent": agent,
        "task": task.id,
        "revision": standing.revision,
        "plan": {"steps": steps},
        "text": None,
    }
    reviewer.stage.invoke("edit_plan", edit=edit)
    with pytest.raises(Conflict):
        work.mark("move", "running")
    (item,) = desk.next()
    work.follow(item)
    work.mark("find", "done")
    assert work.plan is not None
    assert work.plan.steps[0].title == "Find them all"


def test_the_asynchronous_client_does_the_same(
    stage: Stage, reviewer: Reviewer, aside: Aside, agent: str, handoff: Make
) -> None:
    async def work() -> list[bool]:
        async with AsyncDesk(agent, home=stage.home) as desk:
            answers = await asyncio.gather(desk.ask(handoff("a")), desk.ask(handoff("b")), desk.status())
            return [answers[0].approved, answers[1].approved]

    waiting = aside(lambda: asyncio.run(work()))
    reviewer.approve(reviewer.question(agent, 2))
    reviewer.reject(reviewer.question(agent), "No.")
    assert sorted(waiting.result(30)) == [False, True]


def test_a_client_works_in_several_loops_and_threads(stage: Stage, agent: str, desk: Desk) -> None:
    one = AsyncDesk(agent, home=stage.home)
    assert asyncio.run(one.status()).protocol == asyncio.run(one.status()).protocol == "1"
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(desk.status().pid)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_name_is_shared_with_the_command_line(stage: Stage, desk: Desk, agent: str, handoff: Make) -> None:
    standing = desk.submit(handoff())
    command = [str(program("HANDOFF_BIN", "handoff")), "--json", "--agent", agent, "list"]
    listed = subprocess.run(command, env=stage.environment, capture_output=True, text=True, check=True)
    assert [one["id"] for one in json.loads(listed.stdout)["handoffs"]] == [standing.id]
    assert Home.of(stage.home).token_file(agent).stat().st_mode & 0o777 == 0o600


def test_a_taken_name_is_refused(stage: Stage, desk: Desk, agent: str, tmp_path: Path) -> None:
    thief = Desk(agent, home=tmp_path, patience=0)
    (tmp_path / "desk.sock").symlink_to(stage.home / "desk.sock")
    with pytest.raises(Unreachable, match="no socket of yours"):
        thief.status()
    token = Home.of(stage.home).token_file(agent)
    kept = token.read_text(encoding="ascii")
    token.unlink()
    try:
        with pytest.raises(NotAllowed) as refused, Desk(agent, home=stage.home, patience=0):
            pass
        assert refused.value.code == "refused"
        assert not token.exists(), "a token that is of no use is not kept"
    finally:
        token.write_text(kept, encoding="ascii")


def test_without_a_desk_there_is_an_error_and_no_answer(tmp_path: Path, handoff: Make) -> None:
    with pytest.raises(Unreachable) as gone:
        Desk("nobody", home=tmp_path, patience=0).submit(handoff())
    assert gone.value.code == "unreachable"
    assert gone.value.retryable
    assert "handoff-desk" in gone.value.hint


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b'{"id":1,"result":{"agent":1}}\n'])
def test_an_answer_that_is_none_is_an_error(tmp_path: Path, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "desk.sock"))
        server.listen()

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(line)
                peer.recv(65536)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Malformed):
            Desk("odd", home=tmp_path, patience=0).status()
        thread.join(30)


def test_a_wait_outlives_the_desk(own_stage: Stage, aside: Aside, handoff: Make) -> None:
    own_stage.start()
    reviewer = Reviewer(own_stage)
    reviewer.hold(0)
    desk = Desk("patient", home=own_stage.home)
    waiting = aside(desk.ask, handoff())
    reviewer.question("patient")
    own_stage.stop()
    own_stage.start()
    reviewer.approve(reviewer.question("patient"))
    answered = waiting.result(30)
    assert answered.approved
    desk.close()


def test_a_forked_process_opens_a_connection_of_its_own(desk: Desk) -> None:
    pid = desk.status().pid
    script = os.fork()
    if script == 0:
        os._exit(0 if desk.status().pid == pid else 1)
    _, code = os.waitpid(script, 0)
    assert os.waitstatus_to_exitcode(code) == 0


def test_deep_homes_have_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("deep/" * 30)
    assert len(str(Home.of(deep).socket)) <= 100


def test_interrupting_a_wait_leaves_the_handoff(
    stage: Stage, agent: str, handoff: Make, reviewer: Reviewer, tmp_path: Path
) -> None:
    script = tmp_path / "agent.py"
    script.write_text(
        "import sys, json, signal; from handoff_desk import Desk\n"
        # Who starts the tests may have it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "d = Desk(sys.argv[1]); h = json.load(sys.stdin)\n"
        "try: d.ask(h)\n"
        "except KeyboardInterrupt: print('stopped'); sys.exit(7)\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "HANDOFF_DESK_HOME": str(stage.home)}
    child = subprocess.Popen(
        [sys.executable, script, agent],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(handoff().wire()))
    child.stdin.close()
    case = reviewer.question(agent)
    child.send_signal(2)
    assert until(lambda: child.poll() is not None, "it ends")
    assert child.returncode == 7
    assert reviewer.case(case["id"])["state"] == "ready"
