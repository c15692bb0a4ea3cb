"""The person at the desk, as a test plays them: what the window's buttons send."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from stage import Stage, until

T = TypeVar("T")


class Reviewer:
    """Decides on the handoffs of a stage's desk."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def hold(self, seconds: int) -> None:
        """Sets how long a decision is held."""
        settings = self.stage.invoke("settings")
        self.stage.invoke("save_settings", settings={**settings, "hold_s": seconds})

    def waiting(self, agent: str) -> list[str]:
        """The handoffs of this agent that wait, the oldest first."""
        queue = self.stage.invoke("queue", query={"list": "inbox", "search": "", "limit": 200})
        items = [item for item in queue["items"] if item["agent"] == agent and item["state"] == "ready"]
        return [item["id"] for item in sorted(items, key=lambda item: str(item["received_at"]))]

    def question(self, agent: str, count: int = 1) -> dict[str, Any]:
        """The first of so many cases of this agent, waited for."""
        ids = until(
            lambda: len(found := self.waiting(agent)) >= count and found, f"{agent} asks {count} questions"
        )
        return self.case(ids[0])

    def case(self, handoff: str) -> dict[str, Any]:
        """Everything on the card."""
        found: dict[str, Any] = self.stage.invoke("open_case", id=handoff)
        return found

    def args(self, case: dict[str, Any], option: int = 0) -> Any:
        """The arguments on the card."""
        return json.loads(case["options"][option]["action"]["args"]["head"])

    def approve(self, case: dict[str, Any], option: int = 0, message: str | None = None) -> None:
        """Approves an option as it is shown, perhaps with words for the end user."""
        chosen = case["options"][option]
        shown = chosen["action"]["hash"] if chosen["action"] else None
        self._decide(case, {"kind": "approve", "option": chosen["id"]}, shown, message)

    def modify(self, case: dict[str, Any], args: dict[str, Any], option: int = 0) -> None:
        """Approves an option with other arguments."""
        chosen = case["options"][option]
        self._decide(case, {"kind": "modify", "option": chosen["id"], "args": args}, chosen["action"]["hash"])

    def reject(self, case: dict[str, Any], reason: str, then: str = "skip") -> None:
        """Says no."""
        self._decide(case, {"kind": "reject", "reason": reason, "then": then}, None)

    def inform(self, case: dict[str, Any], text: str, **facts: Any) -> None:
        """Answers with information."""
        self._decide(case, {"kind": "inform", "text": text, "facts": facts, "constraints": []}, None)

    def take_over(self, case: dict[str, Any], note: str) -> None:
        """Does it themselves."""
        self._decide(case, {"kind": "take_over", "note": note}, None)

    def agent(self, name: str) -> dict[str, Any]:
        """What the desk knows of an agent."""
        agents = self.stage.invoke("agents")["agents"]
        return next(agent for agent in agents if agent["name"] == name)

    def accept_tools(self, name: str, **effects: str) -> None:
        """Accepts tools as what they claim."""
        tools = [tool for tool in self.agent(name)["tools"] if tool["name"] in effects]
        accepted = [
            {"name": tool["name"], "hash": tool["hash"], "effect": effects[tool["name"]]} for tool in tools
        ]
        self.stage.invoke("accept_tools", accept={"agent": name, "tools": accepted})

    def set_level(self, name: str, level: str) -> None:
        """Sets how far an agent may go unasked."""
        self.stage.invoke("set_level", set={"agent": name, "level": level})

    def pause(self, name: str, paused: bool) -> None:
        """Stops an agent, or lets it go on."""
        self.stage.invoke("pause", pause={"agent": name, "paused": paused})

    def _decide(
        self, case: dict[str, Any], answer: dict[str, Any], shown: str | None, message: str | None = None
    ) -> None:
        request = {
            "id": case["id"],
            "revision": case["revision"],
            "answer": answer,
            "shown_hash": shown,
            "confirmed": True,
            "override": None,
            "message": {"text": message} if message else None,
        }
        self.stage.invoke("decide", request=request)


class Aside:
    """Runs an agent beside the test, which plays the reviewer. An agent that
    still waits at the end does not keep the tests from ending.
    """

    def __call__(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work(*args, **kwargs))
            except BaseException as why:  # the test looks at it
                future.set_exception(why)

        threading.Thread(target=run, daemon=True).start()
        return future
