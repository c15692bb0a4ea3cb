import json, os, socket, sys

event = json.load(sys.stdin)
desk = socket.socket(socket.AF_UNIX)
desk.connect(os.environ["DESK_SOCKET"])
line = desk.makefile("rw")


def call(method, **params):
    print(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}), file=line, flush=True)
    while "id" not in (said := json.loads(line.readline())):
        pass
    return said


call("agent.hello", name="plain-python", token=os.environ["TOKEN"])
task = event["session_id"]
check = {"tool": event["tool_name"], "args": event["tool_input"], "cwd": event["cwd"],
         "key": task + ":" + event["tool_use_id"]}
said = call("action.check", task=task, **check)
if "error" in said:
    said = call("action.check", task={"id": task, "title": "A task", "goal": "Measured"}, **check)
verdict = said["result"]["verdict"]
print(json.dumps({"hookSpecificOutput": {
    "hookEventName": "PreToolUse",
    "permissionDecision": "allow" if verdict == "run" else "deny",
    "permissionDecisionReason": said["result"]["why"],
}}))
