"""One desk for all tests; each test is an agent of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reviewer import Aside, Reviewer
from stage import Stage

from handoff_desk import (
    Deadline,
    Desk,
    Handoff,
    HandoffOption,
    OnTimeout,
    PendingQuestion,
    ProposedAction,
    Reason,
    Risk,
    Task,
)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """A desk that is on, and holds no decision."""
    made = Stage()
    try:
        made.start()
        Reviewer(made).hold(0)
        yield made
    finally:
        made.close()


@pytest.fixture
def own_stage() -> Iterator[Stage]:
    """A desk for a test that kills it; off at first."""
    made = Stage()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def reviewer(stage: Stage) -> Reviewer:
    """The person at the desk."""
    return Reviewer(stage)


@pytest.fixture
def agent(request: pytest.FixtureRequest) -> str:
    """A name that no other test has."""
    name: str = request.node.name.removeprefix("test_")
    return "".join(char if char.isalnum() else "-" for char in name)[:100]


@pytest.fixture
def desk(stage: Stage, agent: str) -> Iterator[Desk]:
    """A client of the desk."""
    with Desk(agent, home=stage.home) as made:
        yield made


@pytest.fixture
def aside() -> Aside:
    """Runs the agent beside the test."""
    return Aside()


@pytest.fixture
def task(agent: str) -> Task:
    """A task."""
    return Task(id=f"task-{agent}", title="Tidy the notes", goal="Clear names")


@pytest.fixture
def handoff(task: Task) -> Callable[..., Handoff]:
    """Makes small questions."""

    def make(key: str = "q1") -> Handoff:
        return Handoff(
            key=key,
            task=task,
            reason=Reason(code="ambiguous_request"),
            priority="normal",
            summary="The file draft.txt has a name that says nothing.",
            pending_question=PendingQuestion(text="May I rename draft.txt?"),
            deadline=Deadline(respond_within_s=3600, on_timeout=OnTimeout(kind="manual_review")),
            options=[
                HandoffOption(
                    id="rename",
                    label="Rename it",
                    risk=Risk(level="low", effect="reversible", why="It can be renamed back."),
                    action=ProposedAction(tool="rename", args={"to": "notes.txt"}),
                )
            ],
        )

    return make


@pytest.fixture
def here() -> Path:
    """The folder of this client."""
    return Path(__file__).resolve().parent.parent
