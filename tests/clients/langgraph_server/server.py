"""The real server in a process of its own, and a way to it that can be watched,
cut and slowed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
GRAPHS = ["any_value", "form", "stops", "batch", "per_call"]
PATIENCE = 60


def until(condition, what):
    """Asks until the answer is true: another process has to do something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


def free_port():
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return some.getsockname()[1]


class Server:
    """`langgraph dev`; its threads outlive its process."""

    def __init__(self, folder, name="server"):
        self.folder = folder / name
        self.folder.mkdir()
        shutil.copy(HERE / "graphs.py", self.folder)
        graphs = {name: f"./graphs.py:{name}" for name in GRAPHS}
        config = {"dependencies": ["."], "graphs": graphs}
        (self.folder / "langgraph.json").write_text(json.dumps(config), encoding="utf-8")
        self.acted = self.folder / "acted"
        self.port = free_port()
        self.process = None
        self.start()

    def start(self):
        command = [Path(sys.executable).parent / "langgraph", "dev", "--config", "langgraph.json"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--no-browser", "--no-reload"]
        environment = {
            **os.environ,
            "HANDOFF_ACTED": str(self.acted),
            # It is to tell nobody.
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
            "LANGGRAPH_NO_VERSION_CHECK": "true",
            "LANGSMITH_TRACING": "false",
            "LANGCHAIN_TRACING_V2": "false",
        }
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log
            )
        until(self.is_up, "the server answers")

    def is_up(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            return self.call("GET", "/ok")["ok"]
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def ask(self, graph, **state):
        """A thread that waits; answers its id."""
        thread = self.call("POST", "/threads", {})["thread_id"]
        if graph in ("batch", "per_call"):
            state = {"messages": [{"role": "user", "content": "Mail both."}]}
        self.call("POST", f"/threads/{thread}/runs", {"assistant_id": graph, "input": state})
        until(lambda: self.status(thread) == "interrupted", "the thread waits")
        return thread

    def status(self, thread):
        return self.call("GET", f"/threads/{thread}")["status"]

    def respond(self, thread, answer):
        """Somebody else answers."""
        found = self.call("GET", f"/threads/{thread}/state")["interrupts"]
        params = {"namespace": [], "interrupt_id": found[0]["id"], "response": answer}
        command = {"id": 1, "method": "input.respond", "params": params}
        said = self.call("POST", f"/threads/{thread}/commands", command)
        assert said["type"] == "success", said
        until(lambda: self.status(thread) == "idle", "the thread ended")

    def done(self):
        """What the graphs did so far."""
        if not self.acted.exists():
            return []
        return [json.loads(line) for line in self.acted.read_text(encoding="utf-8").splitlines()]

    def forget_done(self):
        self.acted.unlink(missing_ok=True)
        self.acted.with_suffix(".failed").unlink(missing_ok=True)

    def forget_threads(self):
        """No story sees the threads of another."""
        for thread in self.call("POST", "/threads/search", {"limit": 1000}):
            self.call("DELETE", f"/threads/{thread['thread_id']}")


class Way:
    """Passes requests on to the server, unless a test has other plans for one."""

    def __init__(self, server):
        way = self
        self.seen = []
        self.headers = []
        # Called with method and path; answers None, or (status, headers, body).
        self.before = lambda method, path: None
        # Called when the server has answered and the desk does not know yet.
        self.after = lambda method, path: None

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
                way.seen.append((self.command, self.path))
                way.headers.append(dict(self.headers))
                own = way.before(self.command, self.path)
                if own is None:
                    own = way.ask(server.port, self.command, self.path, body)
                    way.after(self.command, self.path)
                status, headers, text = own
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = pass_on

            def handle(self):
                try:
                    super().handle()
                except (BrokenPipeError, ConnectionResetError):
                    # The desk was killed, or gave up.
                    pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @staticmethod
    def ask(port, method, path, body):
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                told = {k: v for k, v in answer.headers.items() if k.startswith("x-")}
                return answer.status, told, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, {}, refused.read()
        except (urllib.error.URLError, OSError):
            return 502, {}, b""

    def sent(self, end):
        """How often something was posted to a path that ends like this."""
        return sum(1 for method, path in self.seen if method == "POST" and path.endswith(end))

    def restore(self):
        self.before = lambda method, path: None
        self.after = lambda method, path: None

    def close(self):
        self.http.shutdown()
        self.http.server_close()
