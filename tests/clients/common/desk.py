"""The desk without a window, as a script's other half: it is the reviewer."""

import json
import os
import pathlib
import queue
import subprocess
import sys
import threading

PATIENCE = 60


def named(variable):
    """The path that a variable of the environment names."""
    value = os.environ.get(variable)
    if not value:
        sys.exit(f"{variable} is not set; the first lines of this script say what it names.")
    return pathlib.Path(value).resolve()


class Desk:
    """A desk in a process of its own, on a home of its own."""

    def __init__(self, program, home):
        self.home = home
        self.seen = []
        self.events = queue.Queue()
        self.process = subprocess.Popen(
            [program, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.until("ready")

    def _read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def until(self, kind, **wanted):
        """The next event of this kind with these fields; none is told twice."""
        for event in self.seen:
            if _fits(event, kind, wanted):
                self.seen.remove(event)
                return event
        while True:
            event = self.events.get(timeout=PATIENCE)
            if event is None:
                raise AssertionError(f"the desk ended before {kind} {wanted}")
            if event["event"] == "failed":
                raise AssertionError(f"the desk refused: {event}")
            if _fits(event, kind, wanted):
                return event
            self.seen.append(event)

    def handoff(self):
        """The next proposal that waits for the reviewer."""
        return self.until("handoff")

    def begin(self, order, **fields):
        """One thing the reviewer does, without a look at what comes of it."""
        self.process.stdin.write(json.dumps({"do": order, **fields}) + "\n")

    def do(self, order, **fields):
        """One thing the reviewer does."""
        self.begin(order, **fields)
        return self.until("done", do=order)["result"]

    def inbox(self):
        """What waits for the reviewer."""
        return self.do("list", list="inbox")["items"]

    def kill(self):
        """Ends it as a crash would."""
        self.process.kill()
        self.process.wait()

    def close(self):
        """Ends it in good order."""
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(timeout=PATIENCE)


def _fits(event, kind, wanted):
    return event["event"] == kind and all(event.get(name) == wanted[name] for name in wanted)
