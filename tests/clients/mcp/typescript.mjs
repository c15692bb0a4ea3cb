// The TypeScript SDK's client against `handoff mcp` and `handoff mcp-gate`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const packages = process.env.HANDOFF_MCP_SERVERS;
const require = createRequire(join(packages, "index.js"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/client/stdio.js");

const handoff = process.env.HANDOFF_BIN;
const files = join(packages, "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");

/** A desk in a process of its own, whose reviewer is this script. */
class Desk {
  events = [];
  waiting = [];
  tags = 0;

  constructor(home) {
    this.home = home;
    this.process = spawn(process.env.HANDOFF_TESTDESK, [home], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.process.stdout }).on("line", (line) => {
      this.events.push(JSON.parse(line));
      this.waiting = this.waiting.filter((look) => !look());
    });
  }

  event(fits) {
    return new Promise((resolve) => {
      const look = () => {
        const at = this.events.findIndex(fits);
        if (at < 0) return false;
        resolve(this.events.splice(at, 1)[0]);
        return true;
      };
      if (!look()) this.waiting.push(look);
    });
  }

  handoff() {
    return this.event((event) => event.event === "handoff");
  }

  stands(id, state) {
    return this.event((event) => event.event === "state" && event.id === id && event.state === state);
  }

  async do(order, rest) {
    const tag = ++this.tags;
    this.process.stdin.write(JSON.stringify({ do: order, tag, ...rest }) + "\n");
    const event = await this.event((event) => event.tag === tag);
    assert.equal(event.event, "done", JSON.stringify(event));
    return event.result;
  }
}

async function connected(home, args) {
  const client = new Client({ name: "tsclient", version: "1" });
  const env = { ...process.env, HANDOFF_DESK_HOME: home };
  await client.connect(new StdioClientTransport({ command: handoff, args, env }));
  return client;
}

const text = (result) => result.content[0].text;
const said = (result) => {
  assert.ok(!result.isError, text(result));
  return JSON.parse(text(result));
};
const asks = {
  question: "May I?",
  summary: "The disk is full.",
  options: [{ label: "Remove it", effect: "irreversible", tool: "fs.remove", args: { path: "build" } }],
};

async function handsOff(desk) {
  const client = await connected(desk.home, ["mcp"]);
  assert.equal((await client.listTools()).tools.length, 8);
  const waiting = client.callTool({ name: "handoff", arguments: { ...asks, key: "one" } });
  const asked = await desk.handoff();
  assert.equal(asked.agent, "tsclient");
  await desk.do("approve", { id: asked.id });
  const answer = said(await waiting);
  assert.deepEqual([answer.status, answer.act], ["decided", true]);
  const report = { handoff_id: asked.id, outcome: "diverged", why: "It was gone." };
  assert.equal(said(await client.callTool({ name: "handoff_reconcile", arguments: report })).state, "reconciled");
  const bad = await client.callTool({ name: "handoff", arguments: { question: 1 } });
  assert.ok(bad.isError && text(bad).includes("/summary") && text(bad).includes("/question"), text(bad));
  await client.close();
}

// The client's own limit is 60 s: an answer has to come before, whoever is at
// the desk, and word of how it goes must keep a longer one alive.
async function answersBeforeTheClientGivesUp(desk) {
  const client = await connected(desk.home, ["mcp"]);
  const heard = [];
  const quiet = client.callTool({ name: "handoff", arguments: { ...asks, key: "quiet" } });
  const told = client.callTool(
    { name: "handoff", arguments: { ...asks, key: "told" } },
    undefined,
    { timeout: 15_000, resetTimeoutOnProgress: true, onprogress: (word) => heard.push(word) },
  );
  for (const result of await Promise.all([quiet, told])) {
    const pending = said(result);
    assert.equal(pending.status, "pending");
    assert.match(pending.next, /handoff_wait/);
  }
  assert.ok(heard.length >= 4, JSON.stringify(heard));
  await client.close();
}

async function asksForEachCall(desk) {
  const work = realpathSync(mkdtempSync(join(tmpdir(), "hd-ts-")));
  writeFileSync(join(work, "a.txt"), "hello\n");
  const client = await connected(desk.home, ["mcp-gate", "--agent", "ts/files", "--", "node", files, work]);
  assert.ok((await client.listTools()).tools.length > 5);
  const read = { name: "read_text_file", arguments: { path: join(work, "a.txt") } };
  const whole = await client.callTool(read);
  assert.equal(text(whole), "hello\n");
  assert.deepEqual(whole.structuredContent, { content: "hello\n" });
  const write = (name, content) => ({ name: "write_file", arguments: { path: join(work, name), content } });

  // A call that is held keeps its client alive, and lets others through.
  const heard = [];
  const held = client.callTool(write("b.txt", "b"), undefined, { onprogress: (word) => heard.push(word) });
  let asked = await desk.event((event) => event.event === "handoff" && event.agent === "ts/files");
  assert.equal(text(await client.callTool(read)), "hello\n");
  assert.ok(!existsSync(join(work, "b.txt")));
  await desk.do("modify", { id: asked.id, args: { path: join(work, "c.txt"), content: "c" } });
  assert.ok(!(await held).isError);
  assert.ok(heard.length >= 1);
  assert.ok(!existsSync(join(work, "b.txt")));
  assert.equal(readFileSync(join(work, "c.txt"), "utf8"), "c");
  await desk.stands(asked.id, "reconciled");

  const rejected = client.callTool(write("b.txt", "b"));
  asked = await desk.event((event) => event.event === "handoff" && event.agent === "ts/files");
  await desk.do("reject", { id: asked.id, reason: "It is in use." });
  const result = await rejected;
  assert.ok(result.isError && text(result).includes("It is in use."), text(result));

  const leaving = new AbortController();
  const cancelled = client.callTool(write("d.txt", "d"), undefined, { signal: leaving.signal });
  asked = await desk.event((event) => event.event === "handoff" && event.agent === "ts/files");
  leaving.abort();
  await assert.rejects(cancelled);
  await desk.stands(asked.id, "withdrawn");
  assert.ok(!existsSync(join(work, "d.txt")));
  await client.close();
  rmSync(work, { recursive: true });
}

const began = Date.now();
const folder = mkdtempSync(join(tmpdir(), "hd-"));
const desk = new Desk(join(folder, "home"));
const limit = setTimeout(() => {
  console.error("typescript sdk: it takes more than five minutes");
  desk.process.kill("SIGKILL");
  process.exit(1);
}, 300_000);
try {
  await desk.event((event) => event.event === "ready");
  await handsOff(desk);
  await Promise.all([answersBeforeTheClientGivesUp(desk), asksForEachCall(desk)]);
  console.log(`typescript sdk: all: ${((Date.now() - began) / 60_000).toFixed(2)} min`);
} finally {
  clearTimeout(limit);
  desk.process.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
