"""The reference Python client against `handoff mcp`, in both eras."""

import asyncio
import json
import os
import shutil
import sys
import tempfile

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import Implementation

from desk import Minutes, desk, shown

HANDOFF = os.environ["HANDOFF_BIN"]
TOOLS = {
    "handoff", "handoff_wait", "handoff_check", "handoff_record", "handoff_reconcile",
    "handoff_withdraw", "handoff_next", "approve",
}
CASE = {
    "question": "May I remove the build folder?",
    "summary": "The disk is full. The build folder takes 4 GiB and can be made again.",
    "options": [
        {"label": "Remove it", "effect": "irreversible", "why": "Making it again takes an hour.",
         "tool": "fs.remove", "args": {"path": "build", "depth": 2}},
        {"label": "Leave it", "effect": "read", "recommended": True},
    ],
    "actions_taken": [{"tool": "df", "effect": "read", "output": "99 %"}],
}


def client(home, mode, name="pyclient", args=()):
    parameters = StdioServerParameters(
        command=HANDOFF, args=["mcp", *args], env={"HANDOFF_DESK_HOME": home}
    )
    info = Implementation(name=name, version="1")
    return Client(parameters, mode=mode, client_info=info)


def said(result):
    assert not result.is_error, result
    assert result.structured_content == json.loads(shown(result))
    return result.structured_content


async def hands_off_and_goes_on(home, there, mode):
    async with client(home, mode) as agent:
        listed = await agent.list_tools()
        assert {tool.name for tool in listed.tools} == TOOLS
        assert all(tool.description and tool.annotations for tool in listed.tools)
        case = dict(CASE, key=f"one-{mode}")
        waiting = asyncio.create_task(agent.call_tool("handoff", case))
        asked = await there.handoff()
        assert (asked["agent"], asked["history"]) == ("pyclient", 1), asked
        await there.do("modify", id=asked["id"], option="option-1", args={"path": "build", "depth": 1})
        answer = said(await waiting)
        assert (answer["status"], answer["act"]) == ("decided", True), answer
        assert answer["decision"]["args"] == {"path": "build", "depth": 1}
        assert "handoff_reconcile" in answer["next"]
        await there.stands(asked["id"], "collected")
        again = said(await agent.call_tool("handoff", case))
        assert (again["handoff_id"], again["act"]) == (asked["id"], False), again
        report = {"handoff_id": asked["id"], "outcome": "applied"}
        assert said(await agent.call_tool("handoff_reconcile", report))["state"] == "reconciled"

        # Pending, and waited for again, with word of how it goes.
        told = []
        async def hear(done, total, words):
            told.append((done, words))
        pending = said(await agent.call_tool("handoff", dict(CASE, key=f"two-{mode}", wait_s=1),
                                             progress_callback=hear))
        assert (pending["status"], "handoff_wait" in pending["next"]) == ("pending", True)
        assert told and "reviewer" in told[0][1], told
        asked = await there.handoff()
        waiting = asyncio.create_task(
            agent.call_tool("handoff_wait", {"handoff_id": pending["handoff_id"]}))
        await there.do("listening", id=asked["id"])
        # Other calls are answered meanwhile.
        assert (await agent.list_tools()).tools
        await there.do("reject", id=asked["id"], reason="It is in use.", then="stop")
        answer = said(await waiting)
        assert answer["decision"]["kind"] == "reject" and "It is in use." in answer["next"], answer
        report = {"handoff_id": asked["id"], "outcome": "applied"}
        assert said(await agent.call_tool("handoff_reconcile", report))["state"] == "reconciled"

        # Taken back.
        pending = said(await agent.call_tool("handoff", dict(CASE, key=f"three-{mode}", wait_s=0)))
        asked = await there.handoff()
        back = {"handoff_id": pending["handoff_id"], "reason": "Not needed."}
        assert said(await agent.call_tool("handoff_withdraw", back))["state"] == "withdrawn"
        closed = said(await agent.call_tool("handoff_wait", {"handoff_id": asked["id"]}))
        assert closed["status"] == "closed", closed


async def names_every_fault(home, mode):
    async with client(home, mode) as agent:
        bad = dict(CASE, question="", reason="whim", deadline_s=0, options=[{"label": "x"}])
        result = await agent.call_tool("handoff", bad)
        assert result.is_error
        for place in ["/question", "/reason", "/deadline_s", "/options/0/effect"]:
            assert place in shown(result), (place, shown(result))
        result = await agent.call_tool("handoff", dict(CASE, sumary="?"))
        assert result.is_error and "/sumary" in shown(result)
        for tool in ["handoff_wait", "handoff_check", "handoff_record", "handoff_reconcile"]:
            result = await agent.call_tool(tool, {"colour": 1})
            assert result.is_error and "colour" in shown(result), (tool, result)
        result = await agent.call_tool("handoff_wait", {"handoff_id": "h-00000000000000000000"})
        assert result.is_error, result


async def asks_before_a_call(home, there, mode):
    async with client(home, mode) as agent:
        read = said(await agent.call_tool("handoff_check",
                                          {"tool": "bash", "args": {"command": "ls -l"}}))
        assert read["status"] == "run", read
        remove = {"tool": "bash", "args": {"command": f"rm -r build-{mode}"}}
        held = said(await agent.call_tool("handoff_check", dict(remove, wait_s=1)))
        assert held["status"] == "held" and held["handoff_id"], held
        asked = await there.handoff()
        assert asked["id"] == held["handoff_id"]
        waiting = asyncio.create_task(agent.call_tool("handoff_check", remove))
        await there.do("listening", id=asked["id"])
        edited = {"command": f"rm -r build-{mode}/old"}
        await there.do("modify", id=asked["id"], args=edited)
        run = said(await waiting)
        assert (run["status"], run["args"]) == ("run", edited), run
        record = {"tool": "bash", "args": run["args"], "effect": "irreversible",
                  "output": "", "handoff_id": run["handoff_id"]}
        recorded = said(await agent.call_tool("handoff_record", record))
        assert recorded["reconciled"] == asked["id"], recorded
        # It was good for one call.
        held = said(await agent.call_tool("handoff_check", dict(remove, args=edited, wait_s=0)))
        assert held["status"] == "held", held
        asked = await there.handoff()
        await there.do("reject", id=asked["id"], reason="Enough.")
        denied = said(await agent.call_tool("handoff_check", dict(remove, args=edited)))
        assert denied["status"] == "denied" and "Enough." in denied["why"], denied


async def hears_what_is_said_unasked(home, there, mode):
    async with client(home, mode) as agent:
        read = {"tool": "bash", "args": {"command": "ls"}}
        assert said(await agent.call_tool("handoff_check", read))["status"] == "run"
        tasks = (await there.do("agents"))
        task = next(task["id"] for task in find_tasks(tasks) if task["id"].startswith("mcp-"))
        waiting = asyncio.create_task(agent.call_tool("handoff_next", {}))
        await asyncio.sleep(0)
        await there.do("tell", agent="pyclient", task=task, text="Leave the photos alone.")
        assert "photos" in shown(await waiting)
        nothing = said(await agent.call_tool("handoff_next", {"wait_s": 0}))
        assert nothing["items"] == [], nothing


def find_tasks(value):
    """Every task in what the window shows of the agents."""
    if isinstance(value, dict):
        if "id" in value and "title" in value:
            yield value
        for inner in value.values():
            yield from find_tasks(inner)
    if isinstance(value, list):
        for inner in value:
            yield from find_tasks(inner)


async def answers_the_permission_prompt(home, there, mode):
    async with client(home, mode) as agent:
        async def ask(command, call):
            given = {"tool_name": "Bash", "input": {"command": command}, "tool_use_id": call}
            result = await agent.call_tool("approve", given)
            assert len(result.content) == 1 and result.structured_content is None
            return json.loads(shown(result))
        assert await ask("ls", "toolu_01") == {"behavior": "allow", "updatedInput": {"command": "ls"}}
        waiting = asyncio.create_task(ask("rm -r a", "toolu_02"))
        asked = await there.handoff()
        await there.do("modify", id=asked["id"], args={"command": "rm -r a/b"})
        assert await waiting == {"behavior": "allow", "updatedInput": {"command": "rm -r a/b"}}
        waiting = asyncio.create_task(ask("rm -r c", "toolu_03"))
        asked = await there.handoff()
        await there.do("reject", id=asked["id"], reason="No.")
        answer = await waiting
        assert answer["behavior"] == "deny" and "No." in answer["message"], answer
        await there.stands(asked["id"], "reconciled")
        assert json.loads(shown(await agent.call_tool("approve", {"tool_name": 5})))["behavior"] == "deny"


async def who_goes_away_drops_nothing(home, there, mode):
    async with client(home, mode) as agent:
        waiting = asyncio.create_task(agent.call_tool("handoff", dict(CASE, key=f"four-{mode}")))
        asked = await there.handoff()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await there.do("approve", id=asked["id"], option="option-1")
        answer = said(await agent.call_tool("handoff_wait", {"handoff_id": asked["id"]}))
        assert answer["act"], answer
        waiting = asyncio.create_task(agent.call_tool("handoff", dict(CASE, key=f"five-{mode}")))
        asked = await there.handoff()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await there.do("approve", id=asked["id"], option="option-1")
    async with client(home, mode) as agent:
        answer = said(await agent.call_tool("handoff_wait", {"handoff_id": asked["id"]}))
        assert answer["act"] and answer["decision"]["kind"] == "approve", answer


async def without_a_desk_nothing_runs_and_nothing_is_lost(mode):
    folder = tempfile.mkdtemp(prefix="hd-")
    home = os.path.join(folder, "home")
    try:
        async with client(home, mode) as agent:
            spooled = said(await agent.call_tool("handoff", dict(CASE, key="away")))
            assert (spooled["status"], spooled["spooled"]) == ("pending", True), spooled
            waited = said(await agent.call_tool("handoff_wait", {"handoff_id": spooled["handoff_id"]}))
            assert waited["spooled"], waited
            for given in [{"tool": "bash", "args": {"command": "ls"}}]:
                result = await agent.call_tool("handoff_check", given)
                assert result.is_error and "not made" in shown(result), result
            answer = json.loads(shown(await agent.call_tool(
                "approve", {"tool_name": "Bash", "input": {"command": "ls"}})))
            assert answer["behavior"] == "deny", answer
            from desk import Desk
            there = Desk(home)
            await there.start()
            asked = await there.handoff()
            assert asked["id"] == spooled["handoff_id"]
            # Lost while it is waited for, and back.
            waiting = asyncio.create_task(
                agent.call_tool("handoff_wait", {"handoff_id": asked["id"]}))
            await there.do("listening", id=asked["id"])
            await there.stop()
            await there.start()
            await there.do("approve", id=asked["id"], option="option-1")
            assert said(await waiting)["act"]
            await there.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def main():
    minutes = Minutes("python mcp, server")
    for mode in ["legacy", "2026-07-28", "auto"]:
        async with desk() as there:
            home = there.home
            await hands_off_and_goes_on(home, there, mode)
            if mode != "auto":
                await names_every_fault(home, mode)
                await asks_before_a_call(home, there, mode)
                await hears_what_is_said_unasked(home, there, mode)
                await answers_the_permission_prompt(home, there, mode)
                await who_goes_away_drops_nothing(home, there, mode)
        if mode != "auto":
            await without_a_desk_nothing_runs_and_nothing_is_lost(mode)
        minutes.tell(mode)


asyncio.run(asyncio.wait_for(main(), 600))
print("ok", file=sys.stderr)
