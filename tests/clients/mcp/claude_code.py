"""Claude Code's own binary with `handoff mcp` as its server: the tools, and the
permission prompt, with a model on loopback."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

CLIENTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CLIENTS), str(CLIENTS / "claude_code")]

from common import loopback  # noqa: E402
from common.desk import Desk  # noqa: E402
from model import Model  # noqa: E402

PATIENCE = 180
HANDOFF = str(pathlib.Path(os.environ["HANDOFF_BIN"]).resolve())


class Stage:
    """One run of the client in folders of its own."""

    def __init__(self, turns, gate=None):
        self.folder = tempfile.TemporaryDirectory(prefix="hd-claude-")
        root = pathlib.Path(os.path.realpath(self.folder.name))
        self.work, home, desk = root / "work", root / "home", root / "desk"
        for folder in (self.work, home):
            folder.mkdir()
        self.desk = Desk(os.environ["HANDOFF_TESTDESK"], desk)
        self.model = Model(json.loads(json.dumps(turns).replace("$WORK", str(self.work))))
        serves = {"command": HANDOFF, "args": gate and gate(self.work) or ["mcp"],
                  "env": {"HANDOFF_DESK_HOME": str(desk)}}
        self.process = subprocess.Popen(
            [os.environ["HANDOFF_CLAUDE"], "-p", "Tidy this folder up.", "--output-format", "json",
             "--setting-sources", "", "--mcp-config", json.dumps({"mcpServers": {"desk": serves}}),
             *([] if gate else ["--permission-prompt-tool", "mcp__desk__approve"]),
             "--allowedTools", "mcp__desk__*"],
            cwd=self.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={"HOME": str(home), "PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": "fake",
                 "ANTHROPIC_BASE_URL": self.model.url, "DISABLE_AUTOUPDATER": "1",
                 "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "ENABLE_TOOL_SEARCH": "false"},
        )

    def end(self):
        """What the model was told by then."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, f"{self.process.returncode}: {out} {err}"
        assert not self.model.faults, self.model.faults
        return json.loads(out)["result"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.model.close()
        self.desk.close()
        self.folder.cleanup()


def a_case_is_handed_off_and_decided():
    case = {"question": "Which folder?", "summary": "Two could take the letters."}
    with Stage([[{"name": "mcp__desk__handoff", "input": case}]]) as stage:
        card = stage.desk.handoff()
        assert card["agent"] == "claude-code", card
        stage.desk.do("inform", id=card["id"], text="The blue one.", facts={"folder": "blue"})
        told = stage.end()
        assert "The blue one." in told and "handoff_reconcile" in told, told


def bash(command):
    return {"name": "Bash", "input": {"command": command, "description": "Does a thing"}}


def the_prompt_lets_an_edited_call_run():
    with Stage([[bash("touch $WORK/a $WORK/b")]]) as stage:
        card = stage.desk.handoff()
        given = {"command": f"touch {stage.work}/a", "description": "Does a thing"}
        stage.desk.do("modify", id=card["id"], args=given)
        stage.end()
        assert (stage.work / "a").exists() and not (stage.work / "b").exists()


def the_prompt_denies_what_is_rejected():
    with Stage([[bash("touch $WORK/a")]]) as stage:
        card = stage.desk.handoff()
        stage.desk.do("reject", id=card["id"], reason="It is in use until Friday.")
        told = stage.end()
        assert "It is in use until Friday." in told, told
        assert not (stage.work / "a").exists()
        stage.desk.until("state", id=card["id"], state="reconciled")


def a_gated_server_does_what_was_decided():
    server = os.path.join(os.environ["HANDOFF_MCP_SERVERS"], "node_modules",
                          "@modelcontextprotocol", "server-filesystem", "dist", "index.js")
    write = {"name": "mcp__desk__write_file", "input": {"path": "$WORK/a", "content": "a"}}
    gate = lambda work: ["mcp-gate", "--wait", "10m", "--", "node", server, str(work)]
    with Stage([[write]], gate) as stage:
        card = stage.desk.handoff()
        assert card["agent"] == "claude-code/server-filesystem", card
        stage.desk.do("modify", id=card["id"], args={"path": f"{stage.work}/a", "content": "b"})
        stage.end()
        assert (stage.work / "a").read_text() == "b"
        stage.desk.until("state", id=card["id"], state="reconciled")


loopback.alone()
for part in (a_case_is_handed_off_and_decided, the_prompt_lets_an_edited_call_run,
             the_prompt_denies_what_is_rejected, a_gated_server_does_what_was_decided):
    began = time.monotonic()
    part()
    print(f"claude code, {part.__name__}: {(time.monotonic() - began) / 60:.2f} min", flush=True)
