"""Graphs that ask in every dialect; what they do is a line in a file."""

import json
import os
from pathlib import Path
from typing import Any, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

ACTED = Path(os.environ["HANDOFF_ACTED"])


class State(TypedDict, total=False):
    ask: Any
    schema: Any
    answer: Any


def act(what: Any) -> None:
    with ACTED.open("a", encoding="utf-8") as out:
        out.write(json.dumps(what) + "\n")


def asks(state: State) -> State:
    schema = state.get("schema")
    answer = interrupt(state["ask"], response_schema=schema) if schema else interrupt(state["ask"])
    return {"answer": answer}


def acts(state: State) -> State:
    # Fails once: whoever tries it again succeeds.
    mark = ACTED.with_suffix(".failed")
    if state["answer"] == "fail once" and not mark.exists():
        mark.touch()
        raise ValueError("the bank was closed")
    act(state["answer"])
    return {}


class Amount(BaseModel):
    amount: int
    why: str


def forms(_: State) -> State:
    return {"answer": interrupt("How much?", response_schema=Amount).model_dump()}


def graph(node: Any) -> StateGraph:
    built = StateGraph(State)
    built.add_node("asks", node)
    built.add_node("acts", acts)
    built.add_edge(START, "asks")
    built.add_edge("asks", "acts")
    built.add_edge("acts", END)
    return built


any_value = graph(asks).compile()
form = graph(forms).compile()
stops = graph(asks).compile(interrupt_before=["acts"])


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


@tool
def send_email(to: str) -> str:
    """Sends a mail."""
    act({"mail": to})
    return f"sent to {to}"


def calls() -> Any:
    while True:
        both = [("c1", "a@example.com"), ("c2", "b@example.com")]
        yield AIMessage("", tool_calls=[{"name": "send_email", "args": {"to": to}, "id": id} for id, to in both])
        yield AIMessage("done")


def agent(mode: Any) -> Any:
    allowed = {"send_email": {"allowed_decisions": ["approve", "edit", "reject", "respond"]}}
    reviewed = HumanInTheLoopMiddleware(allowed, interrupt_mode=mode)
    return create_agent(Scripted(messages=calls()), [send_email], middleware=[reviewed])


batch = agent("batched")
per_call = agent("per_call")
