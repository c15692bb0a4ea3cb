"""An agent of the OpenAI Agents SDK whose tool needs approval; the desk gives it.

    python examples/openai_agents_review.py

It plays a scripted model, so it needs neither a key nor a network: put your own
model in its place.
"""

from __future__ import annotations

import asyncio
from typing import Any

from agents import Agent, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call

from handoff_desk import AsyncDesk, Task
from handoff_desk.openai_agents import run


@function_tool(needs_approval=True)
def refund(order: str, euros: int) -> str:
    """Pays money back."""
    return f"{euros} euros were paid back for {order}"


async def main() -> None:
    """Answers a customer."""
    set_tracing_disabled(True)
    call = function_call("refund", {"order": "A-17", "euros": 40}, call_id="call-1")
    agent: Agent[Any] = Agent(
        name="support",
        model=ScriptedModel([[call], [assistant_message("I have seen to it.")]]),
        tools=[refund],
    )
    task = Task(id="order-A-17", title="A late parcel", goal="Make it right for the customer")
    async with AsyncDesk("support", framework="openai-agents") as desk:
        result = await run(agent, "My parcel is two weeks late.", desk=desk, task=task)
    for item in result.to_input_list():
        print(item.get("output") or item.get("content") or item.get("name"))


if __name__ == "__main__":
    asyncio.run(main())
