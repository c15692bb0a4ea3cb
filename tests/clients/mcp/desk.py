"""A desk in a process of its own, whose reviewer is a script."""

import asyncio
import json
import os
import shutil
import tempfile
import time
from contextlib import asynccontextmanager


class Desk:
    """Orders go in as lines, events come out as lines."""

    def __init__(self, home):
        self.home = home
        self.process = None
        self.events = []
        self.news = asyncio.Condition()
        self.tags = 0

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            os.environ["HANDOFF_TESTDESK"],
            self.home,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=64 * 1024 * 1024,
        )
        self.reading = asyncio.create_task(self._read())
        await self.event(lambda event: event["event"] == "ready")

    async def stop(self):
        """Ends it as a crash would."""
        self.process.kill()
        await self.process.wait()
        await self.reading
        self.events = []

    async def _read(self):
        async for line in self.process.stdout:
            async with self.news:
                self.events.append(json.loads(line))
                self.news.notify_all()

    async def event(self, fits, within=60):
        """The first event that fits; it is told once."""
        async with self.news:
            async def look():
                while True:
                    for at, event in enumerate(self.events):
                        if fits(event):
                            return self.events.pop(at)
                    await self.news.wait()
            return await asyncio.wait_for(look(), within)

    async def handoff(self, within=60):
        """The next proposal that waits for the reviewer."""
        return await self.event(lambda event: event["event"] == "handoff", within)

    async def stands(self, handoff, state):
        """Until a handoff stands there."""
        await self.event(
            lambda event: event["event"] == "state"
            and (event["id"], event["state"]) == (handoff, state)
        )

    async def do(self, order, **rest):
        """Has the reviewer do something."""
        self.tags += 1
        tag = self.tags
        line = json.dumps({"do": order, "tag": tag, **rest}) + "\n"
        self.process.stdin.write(line.encode())
        await self.process.stdin.drain()
        event = await self.event(lambda event: event.get("tag") == tag)
        assert event["event"] == "done", event
        return event["result"]


@asynccontextmanager
async def desk():
    """A desk in an empty folder."""
    folder = tempfile.mkdtemp(prefix="hd-")
    found = Desk(os.path.join(folder, "home"))
    await found.start()
    try:
        yield found
    finally:
        if found.process.returncode is None:
            await found.stop()
        shutil.rmtree(folder, ignore_errors=True)


def shown(result):
    """What a tool answered, as a model reads it."""
    return result.content[0].text


class Minutes:
    """How long each part took, for who waits for it."""

    def __init__(self, client):
        self.client = client
        self.began = time.monotonic()

    def tell(self, part):
        spent = time.monotonic() - self.began
        print(f"{self.client}: {part}: {spent / 60:.2f} min", flush=True)
        self.began = time.monotonic()
