"""The real OpenAI Agents SDK, with its scripted model, against the real desk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from agents import Agent, RunResult, RunState, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call
from reviewer import Aside, Reviewer
from stage import Stage

from handoff_desk import AsyncDesk, Desk, NotOurs, Task, Undecided
from handoff_desk.openai_agents import Waiting, resume, resume_sync, run, run_sync

Ran = list[Any]
set_tracing_disabled(True)


def worker(ran: Ran, *calls: tuple[str, str], fails: bool = False) -> Agent[Any]:
    """An agent that makes these calls at once and then says what came of them."""

    @function_tool(needs_approval=True, failure_error_function=None)
    def delete_file(path: str) -> str:
        """Deletes a file."""
        if fails:
            raise OSError("the disk is full")
        ran.append(path)
        return f"deleted {path}"

    wanted = [function_call("delete_file", _arguments(args), call_id=call_id) for call_id, args in calls]
    model = ScriptedModel([wanted, [assistant_message("done")]])
    return Agent(name="worker", model=model, tools=[delete_file])


def _arguments(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else text


def outputs(result: RunResult) -> list[str]:
    items: Sequence[Any] = result.to_input_list()
    return [str(item["output"]) for item in items if item.get("type") == "function_call_output"]


def test_a_yes_runs_the_call(desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str) -> None:
    ran: Ran = []
    waiting = aside(run_sync, worker(ran, ("c1", '{"path": "/a"}')), "tidy", desk=desk, task=task)
    case = reviewer.question(agent)
    assert reviewer.args(case) == {"path": "/a"}
    assert ran == []
    assert case["allowed"]["approve"]
    assert not case["allowed"]["modify"], "arguments cannot be changed"
    assert "cannot be edited" in case["summary"], case["summary"]
    reviewer.approve(case)
    result = waiting.result(30)
    assert ran == ["/a"]
    assert outputs(result) == ["deleted /a"]
    assert result.final_output == "done"
    assert desk.get(case["id"]).state == "reconciled"


def test_several_calls_each_get_their_own_decision(
    stage: Stage, desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    ran: Ran = []
    calls = [(f"c{name}", json.dumps({"path": f"/{name}"})) for name in "abc"]

    async def work() -> RunResult:
        async with AsyncDesk(agent, home=stage.home) as aio:
            return await run(worker(ran, *calls), "tidy", desk=aio, task=task)

    waiting = aside(lambda: asyncio.run(work()))
    reviewer.question(agent, 3)
    cases = {reviewer.args(case)["path"]: case for case in map(reviewer.case, reviewer.waiting(agent))}
    reviewer.reject(cases["/b"], "That one is needed.", "revise")
    reviewer.take_over(cases["/c"], "I look at it.")
    reviewer.approve(cases["/a"])
    texts = outputs(waiting.result(30))
    assert ran == ["/a"]
    assert any(text == "That one is needed. Make another proposal." for text in texts), texts
    assert any("I look at it." in text for text in texts)


@pytest.mark.parametrize("arguments", ["nonsense", "[1]", '"text"', "NaN"])
def test_malformed_arguments_are_refused_in_words_the_model_reads(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str, arguments: str
) -> None:
    ran: Ran = []
    result = run_sync(worker(ran, ("c1", arguments)), "tidy", desk=desk, task=task, timeout=5)
    assert ran == []
    assert reviewer.waiting(agent) == []
    (said,) = outputs(result)
    assert "no JSON" in said
    assert "Nobody was asked" in said


def test_the_state_stays_with_the_agent(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    waiting = aside(
        run_sync, worker([], ("c1", '{"path": "/a"}')), "my secret is hunter2", desk=desk, task=task
    )
    case = reviewer.question(agent)
    sent = json.dumps(desk.get(case["id"]).model_dump(mode="json"))
    assert "hunter2" not in sent
    assert "schemaVersion" not in sent
    assert "c1" in sent
    reviewer.approve(case)
    waiting.result(30)


def test_a_run_that_waits_is_resumed_by_another_process(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str
) -> None:
    with pytest.raises(Waiting) as left:
        run_sync(worker([], ("c1", '{"path": "/a"}')), "tidy", desk=desk, task=task, run_id="r1", timeout=0.3)
    assert isinstance(left.value, Undecided)
    assert left.value.run_id == "r1"
    kept = json.dumps(left.value.state.to_json())
    reviewer.approve(reviewer.question(agent))
    ran: Ran = []
    fresh = worker(ran, ("c1", '{"path": "/a"}'))
    fresh.model = ScriptedModel([[assistant_message("done")]])
    state = asyncio.run(RunState.from_json(fresh, json.loads(kept)))
    result = resume_sync(fresh, state, desk=desk, task=task, run_id="r1", timeout=30)
    assert ran == ["/a"]
    assert result.final_output == "done"


def test_of_two_processes_one_runs_the_call(
    stage: Stage, desk: Desk, task: Task, reviewer: Reviewer, agent: str
) -> None:
    def left() -> Waiting:
        with pytest.raises(Waiting) as waiting:
            run_sync(
                worker(ran, ("c1", '{"path": "/a"}')), "tidy", desk=desk, task=task, run_id="r1", timeout=0.3
            )
        return waiting.value

    ran: Ran = []
    one, two = left(), left()
    assert one.handoff_id == two.handoff_id, "it is the same question"
    reviewer.approve(reviewer.question(agent))

    async def go_on(state: Any) -> Any:
        async with AsyncDesk(agent, home=stage.home) as aio:
            model = ScriptedModel([[assistant_message("done")]])
            fresh = worker(ran, ("c1", '{"path": "/a"}'))
            fresh.model = model
            again = await RunState.from_json(fresh, state.to_json())
            try:
                return await resume(fresh, again, desk=aio, task=task, run_id="r1", timeout=30)
            except Waiting as why:
                return why.why

    results = [asyncio.run(go_on(one.state)), asyncio.run(go_on(two.state))]
    assert ran == ["/a"]
    assert isinstance(results[1], NotOurs)


def test_what_is_decided_goes_on_and_the_rest_waits(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    ran: Ran = []
    calls = [("c1", '{"path": "/a"}'), ("c2", '{"path": "/b"}')]
    waiting = aside(run_sync, worker(ran, *calls), "tidy", desk=desk, task=task, timeout=2)
    reviewer.question(agent, 2)
    cases = {reviewer.args(case)["path"]: case for case in map(reviewer.case, reviewer.waiting(agent))}
    reviewer.approve(cases["/b"])
    with pytest.raises(Waiting) as left:
        waiting.result(30)
    assert ran == ["/b"]
    assert [item.call_id for item in left.value.state.get_interruptions()] == ["c1"]


def test_a_failure_is_told(desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str) -> None:
    waiting = aside(run_sync, worker([], ("c1", '{"path": "/a"}'), fails=True), "tidy", desk=desk, task=task)
    case = reviewer.question(agent)
    reviewer.approve(case)
    with pytest.raises(Exception, match="full"):
        waiting.result(30)
    report = desk.get(case["id"]).report
    assert report is not None
    assert report.outcome == "diverged"


def test_two_runs_of_one_task_ask_two_questions(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str
) -> None:
    for _ in range(2):
        with pytest.raises(Waiting):
            run_sync(worker([], ("c1", '{"path": "/a"}')), "tidy", desk=desk, task=task, timeout=0.2)
    assert len(reviewer.waiting(agent)) == 2
