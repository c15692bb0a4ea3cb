"""The examples run as they are written, and the package can be built."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from reviewer import Reviewer
from stage import Stage, until


def start(stage: Stage, here: Path, folder: Path, name: str, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(here / "examples" / name), *args]
    environment = {**os.environ, "HANDOFF_DESK_HOME": str(stage.home), "PYTHONPATH": str(here / "src")}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def said(child: subprocess.Popen[str]) -> str:
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0, out
    return out


def over(reviewer: Reviewer, handoff: str) -> bool:
    return handoff not in reviewer.waiting("tidy-script")


def test_the_script(stage: Stage, reviewer: Reviewer, here: Path, tmp_path: Path) -> None:
    (tmp_path / "EMPTY.txt").touch()
    (tmp_path / "Keep.txt").write_text("x", encoding="utf-8")
    (tmp_path / "also.txt").touch()
    child = start(stage, here, tmp_path, "script_gate.py", str(tmp_path))
    answers: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
        ("EMPTY.txt", reviewer.approve),
        ("Keep.txt", lambda case: reviewer.reject(case, "I like it so.")),
        ("also.txt", reviewer.approve),
    ]
    for name, answer in answers:
        case = reviewer.question("tidy-script")
        assert name in str(reviewer.args(case))
        answer(case)
        until(partial(over, reviewer, case["id"]), "it is decided")
    out = said(child)
    assert [path.name for path in tmp_path.iterdir()] == ["Keep.txt"]
    assert "left as it is: Keep.txt" in out
    assert "I like it so." in out
    assert reviewer.agent("tidy-script")["waiting"] == 2, "its tools wait to be accepted"


def test_the_graph(stage: Stage, reviewer: Reviewer, here: Path, tmp_path: Path) -> None:
    child = start(stage, here, tmp_path, "langgraph_review.py")
    reviewer.question("planner", 2)
    child.kill()
    child.wait()
    # It was killed while it waited; another process goes on with the same questions.
    child = start(stage, here, tmp_path, "langgraph_review.py", "resume")
    for case in map(reviewer.case, reviewer.waiting("planner")):
        if case["options"][0]["action"]["tool"] == "book_hotel":
            reviewer.modify(case, {"city": "Porto", "nights": 3})
        else:
            reviewer.inform(case, "Sardines.")
    out = said(child)
    assert "'nights': 3" in out
    assert "Sardines." in out


def test_the_agent(stage: Stage, reviewer: Reviewer, here: Path, tmp_path: Path) -> None:
    child = start(stage, here, tmp_path, "openai_agents_review.py")
    reviewer.approve(reviewer.question("support"))
    assert "40 euros were paid back for A-17" in said(child)


def test_the_package_is_built_with_its_types(here: Path, tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(tmp_path),
        str(here),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"handoff_desk/py.typed", "handoff_desk/models.py", "handoff_desk/langgraph.py"} <= names
    assert not [name for name in names if name.startswith(("tests", "examples"))]
