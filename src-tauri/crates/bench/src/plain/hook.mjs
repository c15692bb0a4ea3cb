import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { createInterface } from "node:readline";

const event = JSON.parse(readFileSync(0, "utf8"));
const desk = createConnection(process.env.DESK_SOCKET);
const lines = createInterface({ input: desk })[Symbol.asyncIterator]();
const call = async (method, params) => {
  desk.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })}\n`);
  for (;;) {
    const said = JSON.parse((await lines.next()).value);
    if ("id" in said) return said;
  }
};
await call("agent.hello", { name: "plain-node", token: process.env.TOKEN });
const task = event.session_id;
const check = {
  tool: event.tool_name, args: event.tool_input, cwd: event.cwd, key: `${task}:${event.tool_use_id}`,
};
let said = await call("action.check", { task, ...check });
if (said.error) {
  said = await call("action.check", { task: { id: task, title: "A task", goal: "Measured" }, ...check });
}
console.log(JSON.stringify({
  hookSpecificOutput: {
    hookEventName: "PreToolUse",
    permissionDecision: said.result.verdict === "run" ? "allow" : "deny",
    permissionDecisionReason: said.result.why,
  },
}));
desk.end();
