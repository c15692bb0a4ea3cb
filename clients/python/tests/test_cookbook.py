"""The snippets of docs/cookbook.md, taken from the page and run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from reviewer import Reviewer
from stage import Stage, program

from handoff_desk import Handoff


def snippet(here: Path, heading: str, kind: str) -> str:
    page = (here.parent.parent / "docs" / "cookbook.md").read_text(encoding="utf-8")
    (part,) = [part for part in page.split("\n## ") if part.startswith(heading)]
    found = re.search(rf"```{kind}\n(.*?)```", part, re.DOTALL)
    assert found, f"{heading} has no {kind}"
    return found[1]


@pytest.fixture
def folder(tmp_path: Path, handoff: Callable[..., Handoff]) -> Path:
    for name in ("plain", "plain-node"):
        (tmp_path / f"{name}.token").write_text("0123456789abcdef" * 2 + name, encoding="ascii")
    (tmp_path / "question.json").write_text(json.dumps(handoff("plain").wire()), encoding="utf-8")
    return tmp_path


def begin(stage: Stage, folder: Path, command: list[str], **variables: str) -> subprocess.Popen[str]:
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    shutil.copy(program("HANDOFF_BIN", "handoff"), tools / "handoff")
    environment = {
        **stage.environment,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(folder),
        **variables,
    }
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("heading", "kind", "file", "agent"),
    [
        ("Ten lines of Python", "python", "ask.py", "plain"),
        ("Ten lines of Node", "js", "ask.mjs", "plain-node"),
    ],
)
def test_ten_lines_and_no_package(
    stage: Stage, reviewer: Reviewer, here: Path, folder: Path, heading: str, kind: str, file: str, agent: str
) -> None:
    if kind == "js" and shutil.which("node") is None:
        pytest.skip("there is no Node")
    text = snippet(here, heading, kind)
    assert len(text.strip().splitlines()) <= 10
    (folder / file).write_text(text, encoding="utf-8")
    interpreter = [sys.executable, "-I"] if kind == "python" else [shutil.which("node") or "node"]
    child = begin(stage, folder, [*interpreter, file])
    reviewer.modify(reviewer.question(agent), {"to": "better.txt"})
    out, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert json.loads(out)["args"] == {"to": "better.txt"}
    # The same again is the same question, and nobody is to act on it twice.
    again = begin(stage, folder, [*interpreter, file])
    out, err = again.communicate(timeout=30)
    assert (again.returncode, out) == (0, ""), err
    (folder / "question.json").write_text("{}", encoding="utf-8")
    wrong = begin(stage, folder, [*interpreter, file])
    assert wrong.wait(30) != 0, "an error is no answer"


@pytest.mark.parametrize("answer", ["yes", "no", "none"])
def test_a_cron_job(stage: Stage, reviewer: Reviewer, here: Path, folder: Path, answer: str) -> None:
    (folder / ".cache" / "build").mkdir(parents=True)
    (folder / "clean-cache").write_text(snippet(here, "A cron job", "sh"), encoding="utf-8")
    agent = f"nightly-{answer}"
    child = begin(
        stage, folder, ["sh", "clean-cache"], HANDOFF_AGENT=agent, WAIT="1" if answer == "none" else "30"
    )
    case = reviewer.question(agent)
    if answer == "yes":
        reviewer.approve(case)
    elif answer == "no":
        reviewer.reject(case, "I need it.")
    _, err = child.communicate(timeout=40)
    assert child.returncode == 0, err
    assert (folder / ".cache" / "build").exists() == (answer != "yes")
    if answer == "yes":
        assert reviewer.case(case["id"])["state"] == "reconciled"


@pytest.mark.parametrize(
    ("branch", "answer", "code"), [("main", "yes", 0), ("main", "no", 1), ("topic", None, 0)]
)
def test_a_git_hook(
    stage: Stage, reviewer: Reviewer, here: Path, folder: Path, branch: str, answer: str | None, code: int
) -> None:
    run = {"cwd": folder, "check": True, "capture_output": True}
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (
        ["git", "init", "-q", "--bare", "there"],
        ["git", "init", "-q", "-b", branch, "here"],
        ["git", "-C", "here", *identity, "commit", "-q", "--allow-empty", "-m", "A 'quoted' \"subject\""],
        ["git", "-C", "here", "remote", "add", "origin", "../there"],
    ):
        subprocess.run(command, **run)  # type: ignore[call-overload]
    hook = folder / "here" / ".git" / "hooks" / "pre-push"
    hook.write_text(snippet(here, "A Git hook", "sh"), encoding="utf-8")
    hook.chmod(0o755)
    child = begin(stage, folder, ["git", "-C", "here", "push", "-q", "origin", branch], WAIT="30")
    if answer is not None:
        case = reviewer.question("git")
        reviewer.approve(case) if answer == "yes" else reviewer.reject(case, "Not on a Friday.")
    _, err = child.communicate(timeout=40)
    assert child.returncode == code, err
    pushed = subprocess.run(
        ["git", "-C", str(folder / "there"), "rev-parse", "-q", "--verify", branch], capture_output=True
    )
    assert (pushed.returncode == 0) == (code == 0)


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 13)])
def test_a_ci_step(
    stage: Stage, reviewer: Reviewer, here: Path, folder: Path, answer: str, code: int
) -> None:
    if shutil.which("jq") is None:
        pytest.skip("the step uses jq")
    text = snippet(here, "A CI step", "yaml")
    block = re.search(r"  run: \|\n((?:    .*\n)+)", text)
    assert block
    shutil.copy(folder / "question.json", folder / "release.json")
    script = "\n".join(line[4:] for line in block[1].splitlines())
    agent = f"ci-{answer}"
    variables = {
        "RUNNER_TEMP": str(folder),
        "GITHUB_RUN_ID": "7",
        "GITHUB_RUN_ATTEMPT": "1",
        "HANDOFF_AGENT": agent,
    }
    child = begin(stage, folder, ["bash", "-e", "-c", script], **variables)
    case = reviewer.question(agent)
    reviewer.approve(case) if answer == "yes" else reviewer.reject(case, "Not yet.")
    _, err = child.communicate(timeout=40)
    assert child.returncode == code, err
