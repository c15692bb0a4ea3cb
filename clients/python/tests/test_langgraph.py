"""Real graphs and real checkpointers against the real desk; scripted models."""

from __future__ import annotations

import asyncio
import json
import operator
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel
from reviewer import Aside, Reviewer
from stage import Stage

from handoff_desk import AsyncDesk, BadQuestion, Desk, NotOurs, Rejected, TakenOver, Task, Undecided
from handoff_desk.langgraph import ainvoke, invoke, resume

Ran = list[Any]


class State(TypedDict, total=False):
    said: Annotated[list[Any], operator.add]


def config(thread: str = "t1") -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}


def asking(
    *values: Any, schema: Any = None, saver: Any = ..., parallel: bool = False, **compiled: Any
) -> Any:
    """A graph whose nodes ask for one value each."""
    # The types of nodes are not what is tried here.
    graph: Any = StateGraph(State)
    before = START
    for number, value in enumerate(values):

        def node(_: State, value: Any = value) -> State:
            answer = interrupt(value, response_schema=schema) if schema is not None else interrupt(value)
            return {"said": [answer]}

        graph.add_node(f"n{number}", node)
        graph.add_edge(START if parallel else before, f"n{number}")
        before = f"n{number}"
        if parallel:
            graph.add_edge(before, END)
    graph.add_edge(before, END)
    return graph.compile(checkpointer=InMemorySaver() if saver is ... else saver, **compiled)


class Scripted(GenericFakeChatModel):
    """A model that says what it was given and takes tools as they are."""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self


def mailing(mode: Any, ran: Ran, allowed: list[Any], calls: int = 2) -> Any:
    """LangChain's agent with its own human-in-the-loop middleware."""

    @tool
    def send_email(to: str, urgent: bool = False) -> str:
        """Sends a letter."""
        ran.append((to, urgent))
        return f"sent to {to}"

    wanted = [{"name": "send_email", "args": {"to": f"{name}@x"}, "id": f"c{name}"} for name in "abc"[:calls]]
    model = Scripted(messages=iter([AIMessage(content="", tool_calls=wanted), AIMessage(content="done")]))
    guard = HumanInTheLoopMiddleware({"send_email": {"allowed_decisions": allowed}}, interrupt_mode=mode)
    return create_agent(model, [send_email], middleware=[guard], checkpointer=InMemorySaver())


ASK: dict[str, Any] = {"messages": [("user", "write to them")]}
ALL = ["approve", "edit", "reject", "respond"]


def tool_texts(result: Any) -> list[str]:
    return [str(message.content) for message in result["messages"] if isinstance(message, ToolMessage)]


def test_a_batch_gets_one_decision_for_each_call_in_order(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    ran: Ran = []
    graph = mailing("batched", ran, ALL, calls=3)
    waiting = aside(invoke, graph, ASK, config(), desk=desk, task=task)
    reviewer.question(agent, 3)
    cases = {reviewer.args(case)["to"]: case for case in map(reviewer.case, reviewer.waiting(agent))}
    assert cases["a@x"]["options"][0]["action"]["tool"] == "send_email"
    reviewer.modify(cases["c@x"], {"to": "d@x", "urgent": True})
    reviewer.reject(cases["b@x"], "Not to b.")
    assert ran == [], "nothing runs before all is decided"
    reviewer.approve(cases["a@x"])
    result = waiting.result(30)
    assert sorted(ran) == [("a@x", False), ("d@x", True)]
    assert any("Not to b." in text for text in tool_texts(result)), "the model reads why"
    assert {desk.get(case["id"]).state for case in cases.values()} == {"reconciled"}


def test_a_batch_can_be_answered_in_place_of_the_tool(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    ran: Ran = []
    waiting = aside(invoke, mailing("batched", ran, ALL, calls=1), ASK, config(), desk=desk, task=task)
    reviewer.inform(reviewer.question(agent), "I wrote it myself.")
    assert "I wrote it myself." in tool_texts(waiting.result(30))
    assert ran == []


def test_calls_that_are_asked_one_by_one_are_resumed_by_their_ids(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    ran: Ran = []
    graph = mailing("per_call", ran, ALL)
    waiting = aside(invoke, graph, ASK, config(), desk=desk, task=task)
    reviewer.question(agent, 2)
    cases = {reviewer.args(case)["to"]: case for case in map(reviewer.case, reviewer.waiting(agent))}
    schema = cases["a@x"]["options"][0]["action"]["args_schema"]
    assert schema["properties"]["to"]["type"] == "string", "the editor knows the tool's arguments"
    reviewer.modify(cases["a@x"], {"to": "z@x", "urgent": True})
    reviewer.reject(cases["b@x"], "Not to b.", "stop")
    texts = tool_texts(waiting.result(30))
    assert ran == [("z@x", True)]
    assert any("Not to b. Stop this task." in text for text in texts)


def test_only_what_the_graph_allows_can_be_decided(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    ran: Ran = []
    for mode in ("batched", "per_call"):
        graph = mailing(mode, ran, ["approve"], calls=1)
        waiting = aside(invoke, graph, ASK, config(mode), desk=desk, task=task)
        case = reviewer.question(agent)
        assert case["allowed"] == {**case["allowed"], "approve": True, "modify": False, "inform": False}
        reviewer.reject(case, "No.")
        # There is no form for it: nothing is sent, and it is no yes either.
        with pytest.raises(Rejected):
            waiting.result(30)
        assert ran == []
        assert graph.get_state(config(mode)).interrupts
        with pytest.raises(Rejected):
            resume(graph, config(mode), desk=desk, task=task, timeout=5)


INBOX = {
    "action_request": {"action": "book", "args": {"nights": 2}},
    "config": {"allow_ignore": True, "allow_respond": True, "allow_edit": True, "allow_accept": True},
    "description": "Book the room",
}


@pytest.mark.parametrize(
    ("value", "decide", "sent"),
    [
        (INBOX, "approve", [{"type": "accept", "args": None}]),
        ([INBOX], "modify", [{"type": "edit", "args": {"action": "book", "args": {"nights": 3}}}]),
        (INBOX, "inform", [{"type": "response", "args": "Only one night."}]),
        ([INBOX], "reject", [{"type": "ignore", "args": None}]),
    ],
)
def test_the_inbox_dialect(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str, value: Any, decide: str, sent: Any
) -> None:
    waiting = aside(invoke, asking(value), {"said": []}, config(), desk=desk, task=task)
    case = reviewer.question(agent)
    decisions: dict[str, Callable[[], None]] = {
        "approve": lambda: reviewer.approve(case),
        "modify": lambda: reviewer.modify(case, {"nights": 3}),
        "inform": lambda: reviewer.inform(case, "Only one night."),
        "reject": lambda: reviewer.reject(case, "No."),
    }
    decisions[decide]()
    assert waiting.result(30)["said"] == [sent]


class Verdict(BaseModel):
    """What the node wants to know."""

    approved: bool
    note: str = ""


@pytest.mark.parametrize(
    ("schema", "edited", "said"),
    [
        (Verdict, {"approved": True, "note": "fine"}, Verdict(approved=True, note="fine")),
        ({"type": "string", "enum": ["red", "blue"]}, {"answer": "blue"}, "blue"),
        ({"type": "integer"}, {"answer": 7}, 7),
    ],
)
def test_a_schema_makes_a_form(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str, schema: Any, edited: Any, said: Any
) -> None:
    graph = asking({"question": "Is it right?"}, schema=schema)
    waiting = aside(invoke, graph, {"said": []}, config(), desk=desk, task=task)
    case = reviewer.question(agent)
    assert case["question"] == "Is it right?"
    assert not case["allowed"]["approve"]
    reviewer.modify(case, edited)
    assert waiting.result(30)["said"] == [said]


@pytest.mark.parametrize(
    "value",
    [
        "Which colour?",
        {"deep": [1, {"er": None}]},
        None,
        [],
        {"on": date(2026, 11, 22), "odd": float("nan"), "long": "x" * 90_000},
    ],
)
def test_anything_else_is_shown_and_answered_freely(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str, value: Any
) -> None:
    graph = asking(value, value, value)
    waiting = aside(invoke, graph, {"said": []}, config(), desk=desk, task=task)
    reviewer.inform(reviewer.question(agent), "blue")
    reviewer.modify(reviewer.question(agent), {"answer": {"colour": "blue", "shades": [1, None]}})
    reviewer.inform(reviewer.question(agent), "see the facts", colour="blue")
    assert waiting.result(30)["said"] == ["blue", {"colour": "blue", "shades": [1, None]}, {"colour": "blue"}]


@pytest.mark.parametrize("answer", [{}, None, [], False, {"a" * 32: 1}])
def test_answers_that_could_be_taken_for_something_else(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str, answer: Any
) -> None:
    waiting = aside(invoke, asking("Which?"), {"said": []}, config(), desk=desk, task=task)
    reviewer.modify(
        reviewer.question(agent), {"answer": answer, "edited": True} if answer is None else {"answer": answer}
    )
    assert waiting.result(30)["said"] == [answer]


def test_several_interrupts_at_once_are_answered_by_their_ids(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    waiting = aside(invoke, asking("one", "two", parallel=True), {"said": []}, config(), desk=desk, task=task)
    reviewer.question(agent, 2)
    for case in map(reviewer.case, reviewer.waiting(agent)):
        reviewer.inform(case, f"answer to {case['question']}")
    assert waiting.result(30)["said"] == ["answer to one", "answer to two"]


def test_an_interrupt_inside_of_another_graph(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    outer = StateGraph(State)
    outer.add_node("inner", asking("deep", saver=None))
    outer.add_edge(START, "inner")
    waiting = aside(
        invoke, outer.compile(checkpointer=InMemorySaver()), {"said": []}, config(), desk=desk, task=task
    )
    reviewer.inform(reviewer.question(agent), "down here")
    assert waiting.result(30)["said"] == ["down here"]


def test_what_is_decided_goes_on_where_a_sibling_is_refused(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    graph = asking("one", "two", parallel=True)
    waiting = aside(invoke, graph, {"said": []}, config(), desk=desk, task=task)
    reviewer.question(agent, 2)
    cases = {case["question"]: case for case in map(reviewer.case, reviewer.waiting(agent))}
    reviewer.inform(cases["one"], "yes")
    reviewer.take_over(cases["two"], "I do two.")
    with pytest.raises(TakenOver, match="I do two"):
        waiting.result(30)
    assert [one.value for one in graph.get_state(config()).interrupts] == ["two"]


def test_a_breakpoint_asks_whether_to_go_on(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    def compiled() -> Any:
        graph = StateGraph(State)
        graph.add_node("publish", lambda _: {"said": ["published"]})
        graph.add_edge(START, "publish")
        return graph.compile(checkpointer=InMemorySaver(), interrupt_before=["publish"])

    waiting = aside(invoke, compiled(), {"said": []}, config("a"), desk=desk, task=task)
    reviewer.approve(reviewer.question(agent))
    assert waiting.result(30)["said"] == ["published"]
    waiting = aside(invoke, compiled(), {"said": []}, config("b"), desk=desk, task=task)
    reviewer.reject(reviewer.question(agent), "Not yet.")
    with pytest.raises(Rejected):
        waiting.result(30)


@pytest.mark.parametrize(
    "value",
    [
        {"action_requests": [], "review_configs": []},
        {"action_requests": [{"name": "a", "args": {}}]},
        {
            "action_requests": [{"name": "a", "args": {}}],
            "review_configs": [{"action_name": "b", "allowed_decisions": []}],
        },
        {
            "action_requests": [{"name": "a", "args": "x"}],
            "review_configs": [{"action_name": "a", "allowed_decisions": ["approve"]}],
        },
        {
            "action_requests": [{"name": "a", "args": {}}],
            "review_configs": [{"action_name": "a", "allowed_decisions": ["delegate"]}],
        },
        {"action_request": {"action": "a"}, "config": {}},
        {"action_request": {"action": "a", "args": {}}, "config": {"allow_accept": "yes"}},
        [INBOX, INBOX],
        {"type": "tool_approval", "args": {}},
    ],
)
def test_a_malformed_interrupt_asks_nobody_and_runs_nothing(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str, value: Any
) -> None:
    graph = asking(value)
    with pytest.raises(BadQuestion) as bad:
        invoke(graph, {"said": []}, config(), desk=desk, task=task, timeout=5)
    assert bad.value.hint
    assert graph.get_state(config()).interrupts
    assert reviewer.waiting(agent) == []


def test_a_schema_with_a_decision_of_tomorrow_is_refused(desk: Desk, task: Task) -> None:
    schema = {"type": "object", "properties": {"type": {"const": "delegate"}}}
    value = {"type": "tool_approval", "tool_call_id": "c", "name": "a", "args": {}, "description": ""}
    with pytest.raises(BadQuestion, match="delegate"):
        invoke(asking(value, schema=schema), {"said": []}, config(), desk=desk, task=task, timeout=5)


def test_what_cannot_wait_is_said(desk: Desk, task: Task) -> None:
    with pytest.raises(BadQuestion, match="thread"):
        resume(asking("x"), {}, desk=desk, task=task)
    with pytest.raises(BadQuestion, match="checkpointer"):
        resume(asking("x", saver=None), config(), desk=desk, task=task)


def test_a_node_that_failed_is_tried_again_after_a_yes(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    tries: Ran = []

    def node(state: State) -> Any:
        answer = interrupt("Which?")
        tries.append(answer)
        if len(tries) == 1:
            raise OSError("the disk is full")
        return {"said": [answer]}

    graph = StateGraph(State)
    graph.add_node("n", node)
    graph.add_edge(START, "n")
    compiled = graph.compile(checkpointer=InMemorySaver())
    waiting = aside(invoke, compiled, {"said": []}, config(), desk=desk, task=task)
    case = reviewer.question(agent)
    reviewer.inform(case, "one")
    with pytest.raises(OSError, match="full"):
        waiting.result(30)
    report = desk.get(case["id"]).report
    assert report is not None
    assert report.outcome == "diverged"
    waiting = aside(resume, compiled, config(), desk=desk, task=task)
    again = reviewer.question(agent)
    assert "the disk is full" in again["question"]
    assert "again" in again["question"]
    assert tries == ["one"], "it may do twice what it did before it failed"
    reviewer.approve(again)
    assert waiting.result(30)["said"] == ["one"]


def test_time_that_runs_out_leaves_the_question(
    desk: Desk, task: Task, reviewer: Reviewer, agent: str
) -> None:
    graph = asking("Which?")
    with pytest.raises(Undecided):
        invoke(graph, {"said": []}, config(), desk=desk, task=task, timeout=0.3)
    reviewer.inform(reviewer.question(agent), "late")
    assert resume(graph, config(), desk=desk, task=task, timeout=30)["said"] == ["late"]
    assert resume(graph, config(), desk=desk, task=task, timeout=30)["said"] == ["late"], "and is over"


def test_a_batch_that_is_half_decided_is_finished_later(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    ran: Ran = []
    graph = mailing("batched", ran, ALL)
    waiting = aside(invoke, graph, ASK, config(), desk=desk, task=task, timeout=3)
    reviewer.question(agent, 2)
    first, second = map(reviewer.case, reviewer.waiting(agent))
    reviewer.approve(first)
    with pytest.raises(Undecided):
        waiting.result(30)
    assert ran == []
    # The yes was not collected, since it could not be sent alone: it is still to be had.
    waiting = aside(resume, graph, config(), desk=desk, task=task, timeout=30)
    reviewer.approve(second)
    waiting.result(30)
    assert len(ran) == 2


def test_another_process_goes_on_later(
    stage: Stage, desk: Desk, task: Task, reviewer: Reviewer, agent: str, tmp_path: Path
) -> None:
    script = tmp_path / "planner.py"
    script.write_text(
        textwrap.dedent(
            """
            import operator, sys
            from typing import Annotated, TypedDict
            from handoff_desk import Desk, Task, Undecided
            from handoff_desk.langgraph import invoke, resume
            from langgraph.checkpoint.sqlite import SqliteSaver
            from langgraph.graph import START, StateGraph
            from langgraph.types import interrupt

            class State(TypedDict, total=False):
                said: Annotated[list, operator.add]

            graph = StateGraph(State)
            graph.add_node("n", lambda state: {"said": [interrupt("Which?")]})
            graph.add_edge(START, "n")
            what, agent, file = sys.argv[1:]
            task = Task(id="t", title="T", goal="G")
            config = {"configurable": {"thread_id": "shared"}}
            with SqliteSaver.from_conn_string(file) as saver, Desk(agent) as desk:
                compiled = graph.compile(checkpointer=saver)
                try:
                    if what == "start":
                        print(invoke(compiled, {"said": []}, config, desk=desk, task=task, timeout=0.3))
                    else:
                        print(resume(compiled, config, desk=desk, task=task, timeout=30)["said"])
                except Undecided:
                    print("later")
            """
        ),
        encoding="utf-8",
    )

    def run(what: str) -> Any:
        command = [sys.executable, str(script), what, agent, str(tmp_path / "threads.db")]
        environment = {**os.environ, "HANDOFF_DESK_HOME": str(stage.home)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run("start") == "later"
    (waiting,) = reviewer.waiting(agent)
    reviewer.inform(reviewer.case(waiting), "green")
    assert run("resume") == "['green']"


def test_of_two_processes_one_goes_on(
    stage: Stage, desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    saver = InMemorySaver()
    with Desk(agent, home=stage.home) as other:
        first = aside(invoke, asking("Which?", saver=saver), {"said": []}, config(), desk=desk, task=task)
        case = reviewer.question(agent)
        second = aside(resume, asking("Which?", saver=saver), config(), desk=other, task=task)
        reviewer.modify(case, {"answer": "once"})
        outcomes = [one.exception(30) or one.result() for one in (first, second)]
    said = [one["said"] for one in outcomes if not isinstance(one, BaseException)]
    assert ["once"] in said, outcomes
    assert all(isinstance(one, NotOurs) for one in outcomes if isinstance(one, BaseException)), outcomes


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="LangGraph cannot interrupt under asyncio before Python 3.11"
)
def test_asyncio_does_the_same(
    stage: Stage, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    async def work() -> Any:
        async with AsyncDesk(agent, home=stage.home) as desk:
            graph = asking("one", "two", parallel=True)
            return await ainvoke(graph, {"said": []}, config(), desk=desk, task=task)

    waiting = aside(lambda: asyncio.run(work()))
    reviewer.question(agent, 2)
    for case in map(reviewer.case, reviewer.waiting(agent)):
        reviewer.inform(case, case["question"].upper())
    assert waiting.result(30)["said"] == ["ONE", "TWO"]


def test_what_stays_with_the_agent_does_not_cross(
    desk: Desk, task: Task, reviewer: Reviewer, aside: Aside, agent: str
) -> None:
    class Secretive(TypedDict, total=False):
        secret: str
        said: str

    graph = StateGraph(Secretive)
    graph.add_node("n", lambda state: {"said": interrupt("Which?")})
    graph.add_edge(START, "n")
    compiled = graph.compile(checkpointer=InMemorySaver())
    waiting = aside(invoke, compiled, {"secret": "hunter2"}, config(), desk=desk, task=task)
    case = reviewer.question(agent)
    assert "hunter2" not in json.dumps(desk.get(case["id"]).model_dump(mode="json"))
    assert case["resume"]["token"] == "t1"
    reviewer.inform(case, "x")
    waiting.result(30)
