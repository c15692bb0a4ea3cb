"""A terminal with a program in it, and somebody who reads and types."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time

PATIENCE = 60
ROWS, COLUMNS = 40, 140
ESCAPES = re.compile(rb"\x1b(\][^\x07\x1b]*(\x07|\x1b\\)|[\[(][0-9;?<>=]*[A-Za-z@`]|[=>78cM])")


class Terminal:
    """One program in a terminal of its own."""

    def __init__(self, command, **rest):
        self.end, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=inside, stdout=inside, stderr=inside, start_new_session=True, **rest
        )
        os.close(inside)
        self.shown = b""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while part := os.read(self.end, 65536):
                self.shown += part
        except OSError:
            # The program has ended.
            pass

    def text(self):
        """All that was ever shown, without colours, places and spaces: programs
        of this kind draw a line anew in parts."""
        plain = ESCAPES.sub(b"", self.shown).decode(errors="replace")
        return "".join(plain.split())

    def until(self, words):
        """Waits until these words were shown."""
        wanted = "".join(words.split())
        end = time.monotonic() + PATIENCE
        while wanted not in self.text():
            alive = self.process.poll() is None
            assert alive and time.monotonic() < end, f"no {words!r} in: {self.text()[-3000:]}"
            time.sleep(0.05)

    def forget(self):
        """What was shown before does not count any more."""
        self.shown = b""

    def type(self, keys):
        """Presses these keys."""
        os.write(self.end, keys.encode())

    def press(self, keys, until):
        """Presses these keys until that was shown: a question that has just come
        up takes no answer for a moment."""
        wanted = "".join(until.split())
        end = time.monotonic() + PATIENCE
        while wanted not in self.text():
            assert time.monotonic() < end, f"no {until!r} in: {self.text()[-3000:]}"
            self.type(keys)
            time.sleep(0.5)

    def say(self, words):
        """Types words and sends them: at once it would count as pasted."""
        self.type(words)
        self.until(words)
        self.type("\r")

    def close(self):
        """Ends the program, with all that it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
        self.process.wait(timeout=PATIENCE)
