"""Plans in a few words, and a task that keeps its plan told to the desk."""

from __future__ import annotations

from typing import Any

from . import wire
from .aio import AsyncDesk
from .desk import Desk
from .models import Plan, Step, StepStatus, Task


def sequence(*steps: Step | tuple[str, str]) -> Plan:
    """A plan in which each step needs the one before it.

    A step is a `Step`, or its id and title.
    """
    made: list[Step] = []
    for given in steps:
        step = given if isinstance(given, Step) else Step(id=given[0], title=given[1], status="pending")
        before = [made[-1].id] if made and not step.depends_on else step.depends_on
        made.append(step.model_copy(update={"depends_on": before}))
    return Plan(steps=made)


class AsyncWork:
    """A task that is open at the desk, with its plan."""

    def __init__(self, desk: AsyncDesk, task: Task, plan: Plan | None = None) -> None:
        self.desk = desk
        self.task = task
        self.plan = plan
        self.standing: wire.TaskStanding | None = None

    async def open(self) -> wire.TaskStanding:
        """Says what the work is; the same again changes nothing."""
        self.standing = await self.desk.task_open(self.task, self.plan)
        return self.standing

    async def runnable(self) -> list[str]:
        """The steps that are free to go while decisions are pending."""
        self.standing = await self.desk.task_runnable(self.task.id)
        return self.standing.runnable

    async def mark(self, step: str, status: StepStatus, output: Any = None) -> None:
        """Says how far a step is. A plan that the reviewer has changed meanwhile
        is a `Conflict`: `next` tells the new one, and `follow` takes it.
        """
        standing = self.standing or await self.open()
        if self.plan is None or step not in [one.id for one in self.plan.steps]:
            raise KeyError(f"{step!r} is no step of the plan of {self.task.id!r}")
        change: dict[str, Any] = (
            {"status": status} if output is None else {"status": status, "output": output}
        )
        steps = [one.model_copy(update=change) if one.id == step else one for one in self.plan.steps]
        plan = Plan(steps=steps)
        self.standing = await self.desk.task_plan(self.task.id, plan, standing.revision)
        self.plan = plan

    def follow(self, item: wire.NextItem) -> None:
        """Takes the plan that the reviewer told with an item of kind `plan`."""
        self.plan = Plan.model_validate(item.rest["plan"])
        if self.standing is not None:
            self.standing = self.standing.model_copy(update={"revision": int(item.rest["revision"])})

    async def close(self) -> wire.TaskStanding:
        """Says that the work is over."""
        self.standing = await self.desk.task_close(self.task.id)
        return self.standing


class Work:
    """The same for programs that do not use asyncio."""

    def __init__(self, desk: Desk, task: Task, plan: Plan | None = None) -> None:
        self.desk = desk
        self.aio = AsyncWork(desk.aio, task, plan)

    @property
    def task(self) -> Task:
        """The task."""
        return self.aio.task

    @property
    def plan(self) -> Plan | None:
        """Its plan now."""
        return self.aio.plan

    def open(self) -> wire.TaskStanding:
        """Says what the work is; the same again changes nothing."""
        return self.desk.run(lambda _: self.aio.open())

    def runnable(self) -> list[str]:
        """The steps that are free to go while decisions are pending."""
        return self.desk.run(lambda _: self.aio.runnable())

    def mark(self, step: str, status: StepStatus, output: Any = None) -> None:
        """Says how far a step is."""
        return self.desk.run(lambda _: self.aio.mark(step, status, output))

    def follow(self, item: wire.NextItem) -> None:
        """Takes the plan that the reviewer told with an item of kind `plan`."""
        self.aio.follow(item)

    def close(self) -> wire.TaskStanding:
        """Says that the work is over."""
        return self.desk.run(lambda _: self.aio.close())
