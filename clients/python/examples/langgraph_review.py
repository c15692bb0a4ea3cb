"""A LangGraph graph that asks at two places at once; the desk answers.

    python examples/langgraph_review.py          # starts, waits, goes on
    python examples/langgraph_review.py resume   # goes on with a thread left waiting

It needs no model. The thread is kept in a file, so the process may end while the
question waits.
"""

from __future__ import annotations

import operator
import sys
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from handoff_desk import Desk, Task
from handoff_desk.langgraph import invoke, resume


class Trip(TypedDict, total=False):
    """What is planned."""

    city: str
    plan: Annotated[list[Any], operator.add]


def hotel(state: Trip) -> Trip:
    """Proposes a call; the answer says whether, and with what."""
    request = {
        "action_request": {"action": "book_hotel", "args": {"city": state["city"], "nights": 2}},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
        "description": "The room is kept until tonight.",
    }
    (answer,) = interrupt([request])
    return {"plan": [answer]}


def food(state: Trip) -> Trip:
    """Asks in its own words."""
    return {"plan": [interrupt(f"What shall they eat in {state['city']}?")]}


def main() -> None:
    """Plans a trip."""
    graph = StateGraph(Trip)
    graph.add_node("hotel", hotel)
    graph.add_node("food", food)
    graph.add_edge(START, "hotel")
    graph.add_edge(START, "food")
    config: RunnableConfig = {"configurable": {"thread_id": "trip-1"}}
    task = Task(id="trip-1", title="Plan the trip", goal="Two good days in Porto")
    with (
        SqliteSaver.from_conn_string("trips.sqlite") as saver,
        Desk("planner", framework="langgraph") as desk,
    ):
        compiled = graph.compile(checkpointer=saver)
        if "resume" in sys.argv[1:]:
            print(resume(compiled, config, desk=desk, task=task))
        else:
            print(invoke(compiled, {"city": "Porto"}, config, desk=desk, task=task))


if __name__ == "__main__":
    main()
