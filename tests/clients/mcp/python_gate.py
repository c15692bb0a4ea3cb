"""The reference Python client and real servers, with `handoff mcp-gate` between."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import (
    CreateMessageResult, ElicitResult, Implementation, ListRootsResult, TextContent,
)

from desk import Minutes, desk, shown

HANDOFF = os.environ["HANDOFF_BIN"]
SERVERS = os.path.join(os.environ["HANDOFF_MCP_SERVERS"], "node_modules", "@modelcontextprotocol")
FILES = ["node", os.path.join(SERVERS, "server-filesystem", "dist", "index.js")]
EVERYTHING = ["node", os.path.join(SERVERS, "server-everything", "dist", "index.js"), "stdio"]


@asynccontextmanager
async def gated(home, command, gate=(), **rest):
    parameters = StdioServerParameters(
        command=HANDOFF, args=["mcp-gate", *gate, "--", *command],
        env={"HANDOFF_DESK_HOME": home},
    )
    info = Implementation(name="pyclient", version="1")
    async with Client(parameters, client_info=info, **rest) as client:
        yield client


@asynccontextmanager
async def folder():
    path = os.path.realpath(tempfile.mkdtemp(prefix="hd-work-"))
    with open(os.path.join(path, "a.txt"), "w") as file:
        file.write("hello\n")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def call(client, tool, **args):
    return asyncio.create_task(client.call_tool(tool, args))


async def every_byte_passes(home, work):
    """The same words to the same server, with the gate and without it."""
    lines = "\n".join([
        '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
        '"capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}',
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        '{"jsonrpc":"2.0","id":"list","method":"tools/list"}',
        '{ "method": "ping",  "id": 3, "jsonrpc": "2.0" }',
        'this is no message',
        '{"jsonrpc":"2.0","id":4,"method":"no/such"}',
        '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"read_text_file",'
        f'"arguments":{{"path":"{work}/a.txt"}}}}}}',
    ]) + "\n"
    async def spoken(command):
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "HANDOFF_DESK_HOME": home})
        process.stdin.write(lines.encode())
        await process.stdin.drain()
        # Each of its ids is answered before its end is closed.
        answers = [await asyncio.wait_for(process.stdout.readline(), 30) for _ in range(5)]
        process.stdin.close()
        rest = await process.stdout.read()
        return sorted(answers), rest, await process.wait()
    direct = await spoken([*FILES, work])
    through = await spoken([HANDOFF, "mcp-gate", "--", *FILES, work])
    assert direct == through, (direct, through)


async def reads_run_and_the_rest_is_asked(home, there, work):
    async with gated(home, [*FILES, work]) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"read_text_file", "write_file"} <= tools
        result = await client.call_tool("read_text_file", {"path": f"{work}/a.txt"})
        assert shown(result) == "hello\n", result

        # Approved as it was.
        held = call(client, "write_file", path=f"{work}/b.txt", content="one")
        asked = await there.handoff()
        assert asked["agent"] == "pyclient/server-filesystem", asked
        assert asked["options"][0]["args"] == {"path": f"{work}/b.txt", "content": "one"}
        assert asked["history"] == 1, "the read was recorded"
        assert read(f"{work}/b.txt") is None
        # Everything else goes on.
        result = await client.call_tool("read_text_file", {"path": f"{work}/a.txt"})
        assert shown(result) == "hello\n" and not held.done()
        await there.do("approve", id=asked["id"])
        assert not (await held).is_error
        assert read(f"{work}/b.txt") == "one"
        await there.stands(asked["id"], "reconciled")

        # Edited: that is what the server gets.
        held = call(client, "write_file", path=f"{work}/b.txt", content="two")
        asked = await there.handoff()
        await there.do("modify", id=asked["id"], args={"path": f"{work}/c.txt", "content": "three"})
        assert not (await held).is_error
        assert (read(f"{work}/b.txt"), read(f"{work}/c.txt")) == ("one", "three")
        await there.stands(asked["id"], "reconciled")

        # Rejected: the model reads why.
        held = call(client, "write_file", path=f"{work}/b.txt", content="four")
        asked = await there.handoff()
        await there.do("reject", id=asked["id"], reason="It is in use.", then="stop")
        result = await held
        assert result.is_error and "It is in use." in shown(result), result
        assert read(f"{work}/b.txt") == "one"
        await there.stands(asked["id"], "reconciled")

        # Told something first.
        held = call(client, "write_file", path=f"{work}/b.txt", content="five")
        asked = await there.handoff()
        await there.do("inform", id=asked["id"], text="Use d.txt.", facts={"file": "d.txt"})
        result = await held
        assert result.is_error and "Use d.txt." in shown(result), result

        # Two at once, one after the other.
        first = call(client, "write_file", path=f"{work}/1.txt", content="1")
        asked = await there.handoff()
        second = call(client, "write_file", path=f"{work}/2.txt", content="2")
        await there.do("approve", id=asked["id"])
        assert not (await first).is_error
        asked = await there.handoff()
        await there.do("approve", id=asked["id"])
        assert not (await second).is_error
        assert (read(f"{work}/1.txt"), read(f"{work}/2.txt")) == ("1", "2")

        # What did not work is told, too.
        held = call(client, "write_file", path="/nowhere/b.txt", content="six")
        asked = await there.handoff()
        await there.do("approve", id=asked["id"])
        assert (await held).is_error
        await there.stands(asked["id"], "reconciled")


async def cancelled_is_withdrawn(home, there, work):
    async with gated(home, [*FILES, work]) as client:
        held = call(client, "write_file", path=f"{work}/x.txt", content="x")
        asked = await there.handoff()
        await there.do("listening", id=asked["id"])
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
        await there.stands(asked["id"], "withdrawn")
        held = call(client, "write_file", path=f"{work}/y.txt", content="y")
        asked = await there.handoff()
    # The client is gone, and so is the question.
    await there.stands(asked["id"], "withdrawn")
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)
    assert (read(f"{work}/x.txt"), read(f"{work}/y.txt")) == (None, None)


async def a_wait_that_is_over_goes_on_with_the_same_call(home, there, work):
    async with gated(home, [*FILES, work], gate=["--wait", "1"]) as client:
        told = []
        async def hear(done, total, words):
            told.append(done)
        given = {"path": f"{work}/w.txt", "content": "w"}
        result = await client.call_tool("write_file", given, progress_callback=hear)
        assert result.is_error and "same call again" in shown(result), result
        assert told and max(told) < 1, told
        asked = await there.handoff()
        await there.do("modify", id=asked["id"], args=dict(given, content="edited"))
        result = await client.call_tool("write_file", given)
        assert not result.is_error, result
        assert read(f"{work}/w.txt") == "edited"
        await there.stands(asked["id"], "reconciled")


async def a_lost_desk_permits_nothing(home, there, work):
    async with gated(home, [*FILES, work], gate=["--wait", "3"]) as client:
        held = call(client, "write_file", path=f"{work}/l.txt", content="l")
        asked = await there.handoff()
        await there.do("listening", id=asked["id"])
        await there.stop()
        result = await held
        assert result.is_error and asked["id"] in shown(result), result
        result = await client.call_tool("read_text_file", {"path": f"{work}/a.txt"})
        assert result.is_error and "not made" in shown(result), result
        assert (await client.list_tools()).tools, "the rest goes on"
        await there.start()
        assert (await there.handoff())["id"] == asked["id"], "it was not lost"
        held = call(client, "write_file", path=f"{work}/l.txt", content="l")
        await there.do("listening", id=asked["id"])
        await there.do("approve", id=asked["id"])
        assert not (await held).is_error
        assert read(f"{work}/l.txt") == "l"


async def no_desk_no_call(work):
    home = tempfile.mkdtemp(prefix="hd-")
    try:
        async with gated(os.path.join(home, "home"), [*FILES, work]) as client:
            assert (await client.list_tools()).tools
            for tool, given in [("read_text_file", {"path": f"{work}/a.txt"}),
                                ("write_file", {"path": f"{work}/n.txt", "content": "n"})]:
                result = await client.call_tool(tool, given)
                assert result.is_error and "not made" in shown(result), result
        assert read(f"{work}/n.txt") is None
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def everything_else_passes(home, there):
    seen = {"progress": []}
    async def sampling(context, params):
        seen["sampling"] = True
        return CreateMessageResult(role="assistant", content=TextContent(type="text", text="sampled"),
                                   model="none")
    async def elicitation(context, params):
        seen["elicitation"] = True
        return ElicitResult(action="decline")
    async def roots(context):
        seen["roots"] = True
        return ListRootsResult(roots=[])
    async def hear(done, total, words):
        seen["progress"].append(done)
    agent = "every"
    async with gated(home, EVERYTHING, gate=["--agent", agent], sampling_callback=sampling,
                     elicitation_callback=elicitation, list_roots_callback=roots) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        # Nobody has accepted what the server says of itself.
        held = call(client, "echo", message="one")
        asked = await there.handoff()
        assert asked["agent"] == agent, asked
        await there.do("approve", id=asked["id"])
        assert "one" in shown(await held)
        await there.do("accept_tools", agent=agent, effects={name: "read" for name in tools})
        assert "two" in shown(await client.call_tool("echo", {"message": "two"}))
        result = await client.call_tool(
            "trigger-long-running-operation", {"duration": 1, "steps": 2}, progress_callback=hear)
        assert not result.is_error and len(seen["progress"]) >= 2, seen
        assert seen["progress"] == sorted(seen["progress"])
        for tool in ["trigger-sampling-request", "trigger-elicitation-request", "get-roots-list"]:
            if tool in tools:
                given = {"prompt": "hi", "maxTokens": 5} if "sampling" in tool else {}
                # The server says that it changes something, and that stands.
                held = call(client, tool, **given)
                while not held.done():
                    try:
                        asked = await there.handoff(1)
                        await there.do("approve", id=asked["id"])
                    except asyncio.TimeoutError:
                        pass
                assert not (await held).is_error, (tool, held.result())
        assert seen.get("sampling") and seen.get("elicitation"), (seen, tools)
        assert (await client.list_resources()).resources
        prompts = (await client.list_prompts()).prompts
        assert prompts and (await client.get_prompt("simple-prompt")).messages
        result = await client.call_tool("get-structured-content", {"location": "Chicago"})
        assert result.structured_content, result


async def what_the_server_ends_with_is_passed_on(home):
    for command, code in [(["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137),
                          (["/no/such/server"], 2)]:
        process = await asyncio.create_subprocess_exec(
            HANDOFF, "mcp-gate", "--", *command, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HANDOFF_DESK_HOME": home})
        assert await asyncio.wait_for(process.wait(), 30) == code, command


async def what_may_hide_a_call_is_refused(home, there, work):
    target = f"{work}/hidden.txt"
    write = f'"params":{{"name":"write_file","arguments":{{"path":"{target}","content":"x"}}}}'
    lines = [
        f'[{{"jsonrpc":"2.0","id":1,"method":"tools/call",{write}}}]',
        f'{{"jsonrpc":"2.0","id":2,"method":"ping","method":"tools/call",{write}}}',
        f'{{"jsonrpc":"2.0","method":"tools/call",{write}}}',
        f'{{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{{"name":"read_text_file",'
        f'"name":"write_file","arguments":{{"path":"{target}","content":"x"}}}}}}',
        f'\ufeff{{"jsonrpc":"2.0","id":4,"method":"tools/call",{write}}}',
    ]
    process = await asyncio.create_subprocess_exec(
        HANDOFF, "mcp-gate", "--", *FILES, work, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env={**os.environ, "HANDOFF_DESK_HOME": home})
    process.stdin.write(("\n".join(lines) + "\n").encode())
    await process.stdin.drain()
    refused = [await asyncio.wait_for(process.stdout.readline(), 30) for _ in range(4)]
    assert all(b'"error"' in line for line in refused), refused
    process.stdin.close()
    assert await process.stdout.read() == b""
    await process.wait()
    assert read(target) is None


async def main():
    minutes = Minutes("python mcp, gate")
    async with desk() as there, folder() as work:
        home = there.home
        await every_byte_passes(home, work)
        await reads_run_and_the_rest_is_asked(home, there, work)
        await cancelled_is_withdrawn(home, there, work)
        await a_wait_that_is_over_goes_on_with_the_same_call(home, there, work)
        await what_may_hide_a_call_is_refused(home, there, work)
        minutes.tell("server-filesystem")
        await a_lost_desk_permits_nothing(home, there, work)
        await no_desk_no_call(work)
        minutes.tell("without a desk")
        await everything_else_passes(home, there)
        await what_the_server_ends_with_is_passed_on(home)
        minutes.tell("server-everything")


asyncio.run(asyncio.wait_for(main(), 600))
print("ok", file=sys.stderr)
