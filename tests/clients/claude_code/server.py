"""A small MCP server with one tool, `make`, that makes an empty file in a folder."""

import json
import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[1])
TOOL = {"name": "make", "description": "Makes an empty file.", "inputSchema": {
    "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}


def made(params):
    (FOLDER / params["arguments"]["name"]).touch()
    return {"content": [{"type": "text", "text": "It is made."}]}


ANSWERS = {
    "initialize": lambda params: {
        "protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
        "serverInfo": {"name": "box", "version": "1"}},
    "tools/list": lambda _: {"tools": [TOOL]},
    "tools/call": made,
}

for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    known = ANSWERS.get(asked["method"])
    said = ({"result": known(asked.get("params"))} if known
            else {"error": {"code": -32601, "message": "There is no such method."}})
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **said}), flush=True)
