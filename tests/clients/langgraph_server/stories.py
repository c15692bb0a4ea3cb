"""What the connector does with a real server: each story has a desk, a server and
a way between them that can be cut."""

import json
import pathlib
import stat
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "common"))

from desk import Desk, named  # noqa: E402
from loopback import alone  # noqa: E402
from server import Server, Way, until  # noqa: E402

SCHEMA = {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}
INBOX = [
    {
        "action_request": {"action": "refund", "args": {"amount": 12.5}},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
        "description": "A refund over the limit.",
    }
]


class Story:
    """A desk that knows the server, over a way of its own."""

    def __init__(self, server, folder):
        self.server = server
        self.home = pathlib.Path(folder) / "home"
        self.program = named("HANDOFF_TESTDESK")
        self.way = Way(server)
        self.desk = Desk(self.program, self.home)

    def add(self, **more):
        self.desk.do("add_server", name="team", url=self.way.url, **more)

    def card(self, thread):
        """The next card of a thread."""
        return self.desk.until("handoff", task=self.task_of(thread))

    def task_of(self, thread):
        """A task as events show it; the title is the desk's."""
        for event in [*self.desk.seen]:
            if event["event"] == "handoff" and event["task"]["id"] == thread:
                return event["task"]
        while True:
            event = self.desk.events.get(timeout=60)
            assert event is not None, "the desk ended"
            assert event["event"] != "failed", event
            self.desk.seen.append(event)
            if event["event"] == "handoff" and event["task"]["id"] == thread:
                return event["task"]

    def ends(self, card, state="reconciled"):
        return self.desk.until("state", id=card["id"], state=state)

    def outbox(self, card):
        return self.desk.do("case", id=card["id"])["outbox"]

    def contact(self):
        (server,) = self.desk.do("servers")
        return server["contact"]

    def is_connected(self):
        until(lambda: self.contact()["kind"] == "connected", "the server is connected")

    def is_offline(self):
        until(lambda: self.contact()["kind"] == "offline", "the server is offline")

    def kill(self):
        self.desk.kill()

    def dies_at(self, order, **fields):
        """An answer at which the desk is killed; then comes another one."""
        self.desk.begin(order, **fields)
        self.desk.process.wait(timeout=60)
        self.again()

    def again(self):
        """The desk that comes after one that was killed."""
        self.desk = Desk(self.program, self.home)

    def close(self):
        self.desk.close()
        self.way.close()


def in_any_order(values):
    return sorted(json.dumps(value, sort_keys=True) for value in values)


def applied(event):
    assert event["report"]["outcome"] == "applied", event
    assert event["flags"] == ["cold"], event


def refused(event, words):
    assert event["report"]["outcome"] == "diverged", event
    assert words in event["report"]["why"], event


def every_dialect_is_asked_and_answered(story):
    server, desk = story.server, story.desk
    story.add()
    asked = {
        "words": server.ask("any_value", ask="Which account?"),
        "schema": server.ask("any_value", ask={"question": "Sure?"}, schema=SCHEMA),
        "form": server.ask("form"),
        "inbox": server.ask("any_value", ask=INBOX),
        "batch": server.ask("batch"),
        "per call": server.ask("per_call"),
        "stop": server.ask("stops", ask="Ready?"),
        "failing": server.ask("any_value", ask="Now?"),
    }

    card = story.card(asked["words"])
    assert card["question"] == "Which account?", card
    assert card["agent"] == "langgraph:team", card
    desk.do("inform", id=card["id"], text="The second.")
    applied(story.ends(card))

    card = story.card(asked["schema"])
    assert card["options"][0]["args"] == {"ok": False}, card
    desk.do("modify", id=card["id"], args={"ok": True})
    applied(story.ends(card))

    card = story.card(asked["form"])
    assert card["options"][0]["args"] == {"amount": 0, "why": ""}, card
    desk.do("modify", id=card["id"], args={"amount": 5, "why": "late"})
    applied(story.ends(card))

    card = story.card(asked["inbox"])
    assert card["options"][0]["tool"] == "refund", card
    desk.do("modify", id=card["id"], args={"amount": 10})
    applied(story.ends(card))

    # Both calls of a batch are decided before anything is sent.
    first, second = story.card(asked["batch"]), story.card(asked["batch"])
    desk.do("approve", id=first["id"])
    story.ends(first, "released")
    assert story.outbox(first)["undecided"] == 1, story.outbox(first)
    desk.do("reject", id=second["id"], reason="Not to b.", then="skip")
    applied(story.ends(first))
    applied(story.ends(second))

    # Per call, one answer resumes one call.
    first, second = story.card(asked["per call"]), story.card(asked["per call"])
    assert first["options"][0]["args"] == {"to": "a@example.com"}, first
    desk.do("modify", id=first["id"], args={"to": "c@example.com"})
    applied(story.ends(first))
    desk.do("approve", id=second["id"])
    applied(story.ends(second))

    card = story.card(asked["stop"])
    desk.do("inform", id=card["id"], text="Yes.")
    applied(story.ends(card))
    card = story.card(asked["stop"])
    assert card["question"] == "The graph stopped before acts. May it go on?", card
    desk.do("approve", id=card["id"])
    applied(story.ends(card))

    card = story.card(asked["failing"])
    desk.do("inform", id=card["id"], text="fail once")
    applied(story.ends(card))
    card = story.card(asked["failing"])
    assert "the bank was closed" in card["question"], card
    desk.do("approve", id=card["id"])
    applied(story.ends(card))

    until(lambda: all(server.status(thread) == "idle" for thread in asked.values()), "all have ended")
    expected = [
        "The second.",
        {"ok": True},
        {"amount": 5, "why": "late"},
        [{"type": "edit", "args": {"action": "refund", "args": {"amount": 10}}}],
        {"mail": "a@example.com"},
        {"mail": "c@example.com"},
        {"mail": "b@example.com"},
        "Yes.",
        "fail once",
    ]
    found = server.done()
    assert in_any_order(found) == in_any_order(expected), found


def decided_while_the_server_is_off_is_sent_once(story):
    server = story.server
    # At its own address: nothing listens there while it is off.
    story.desk.do("add_server", name="team", url=f"http://127.0.0.1:{server.port}")
    thread = server.ask("any_value", ask="Pay?")
    card = story.card(thread)
    server.stop()
    story.is_offline()
    story.desk.do("inform", id=card["id"], text="Pay.")
    story.ends(card, "released")
    outbox = story.outbox(card)
    assert outbox == {
        "server": "team", "reached": False, "standing": {"kind": "asked"}, "undecided": 0
    }, outbox
    (view,) = story.desk.do("servers")
    assert view["outbox"] == 1 and "Nothing listens" in view["contact"]["why"], view
    # The decision outlives the desk, too.
    story.kill()
    story.again()
    assert story.outbox(card)["standing"] == {"kind": "asked"}
    server.start()
    applied(story.ends(card))
    until(lambda: server.status(thread) == "idle", "the thread has ended")
    assert server.done() == ["Pay."], server.done()


def answered_elsewhere_is_refused_with_an_explanation(story):
    server = story.server
    story.add()
    decided, open_still = server.ask("any_value", ask="Pay?"), server.ask("any_value", ask="Book?")
    card, other = story.card(decided), story.card(open_still)
    story.kill()
    server.respond(decided, "Somebody paid.")
    server.respond(open_still, "Somebody booked.")
    sent = story.way.sent("/commands")
    story.way.before = lambda method, path: (502, {}, b"")
    story.again()
    story.is_offline()
    story.desk.do("inform", id=card["id"], text="Pay.")
    story.ends(card, "released")
    story.way.restore()
    event = story.ends(card)
    refused(event, "It was answered elsewhere before your decision could be sent")
    # What nobody decided here is taken back with the reason.
    event = story.ends(other, "withdrawn")
    assert "It was answered elsewhere" in event["closed_because"], event
    assert story.way.sent("/commands") == sent == 0
    assert server.done() == ["Somebody paid.", "Somebody booked."], server.done()


def killed_between_send_and_confirm_is_not_sent_twice(story):
    server, way = story.server, story.way
    story.add()
    thread = server.ask("any_value", ask="Pay?")
    card = story.card(thread)

    def kill(method, path):
        if path.endswith("/commands"):
            # The server has it, and the desk will never hear of that.
            way.after = lambda method, path: None
            story.kill()

    way.after = kill
    story.dies_at("inform", id=card["id"], text="Pay.")
    applied(story.ends(card))
    assert way.sent("/commands") == 1 and way.sent("/runs") == 0, way.seen[-20:]
    assert server.done() == ["Pay."], server.done()


def killed_before_it_arrived_is_sent_again(story):
    server, way = story.server, story.way
    story.add()
    thread = server.ask("any_value", ask="Pay?")
    card = story.card(thread)

    def lose(method, path):
        if path.endswith("/commands"):
            way.before = lambda method, path: None
            story.kill()
            return 502, {}, b""
        return None

    way.before = lose
    story.dies_at("inform", id=card["id"], text="Pay.")
    applied(story.ends(card))
    assert way.sent("/commands") == 2, way.seen[-20:]
    assert server.done() == ["Pay."], server.done()


def an_answer_that_is_lost_is_sent_again(story):
    server, way = story.server, story.way
    story.add()
    card = story.card(server.ask("any_value", ask="Pay?"))
    lost = []

    def lose(method, path):
        if path.endswith("/commands") and not lost:
            lost.append(path)
            return 504, {}, b"gone"
        return None

    way.before = lose
    story.desk.do("inform", id=card["id"], text="Pay.")
    applied(story.ends(card))
    assert way.sent("/commands") == 2, way.seen[-20:]
    assert server.done() == ["Pay."], server.done()


def an_older_server_is_answered_with_a_run(story):
    server, way = story.server, story.way
    story.add()
    cards = [story.card(server.ask("any_value", ask="Pay?")) for _ in range(2)]
    way.before = lambda method, path: (
        (404, {}, b'{"detail":"Not Found"}') if path.endswith("/commands") else None
    )
    story.desk.do("inform", id=cards[0]["id"], text="Pay.")
    applied(story.ends(cards[0]))
    story.desk.do("modify", id=cards[1]["id"], args={"answer": None})
    applied(story.ends(cards[1]))
    assert way.sent("/runs") == 2, way.seen[-20:]
    assert in_any_order(server.done()) == in_any_order([None, "Pay."]), server.done()


def an_answer_that_does_not_fit_never_leaves(story):
    server = story.server
    story.add()
    card = story.card(server.ask("form"))
    story.desk.begin("modify", id=card["id"], args={"amount": "many", "why": ""})
    failed = story.desk.events.get(timeout=60)
    while failed["event"] != "failed":
        failed = story.desk.events.get(timeout=60)
    story.desk.do("reject", id=card["id"], reason="Not now.", then="stop")
    # A form has no word for no: nothing is sent, and nobody is asked again.
    applied(story.ends(card))
    story.kill()
    story.again()
    story.is_connected()
    assert story.desk.inbox() == [], story.desk.inbox()
    assert story.way.sent("/commands") == 0 and server.done() == []


def what_fails_over_there_is_asked_again(story):
    server, way = story.server, story.way
    story.add()
    thread = server.ask("form")
    card = story.card(thread)
    # Somebody else's answer does not fit.
    found = server.call("GET", f"/threads/{thread}/state")["interrupts"]
    params = {"namespace": [], "interrupt_id": found[0]["id"], "response": {"amount": "many"}}
    command = {"id": 1, "method": "input.respond", "params": params}
    server.call("POST", f"/threads/{thread}/commands", command)
    until(lambda: server.status(thread) == "error", "the thread failed")
    # The question stands; the same card still answers it.
    story.desk.do("modify", id=card["id"], args={"amount": 5, "why": "late"})
    applied(story.ends(card))
    assert server.done() == [{"amount": 5, "why": "late"}], server.done()
    assert way.sent("/commands") == 1


def the_secret_goes_to_the_server_and_nowhere_else(story):
    secret = "sk-very-secret-0123456789"
    story.add(secret=["x-api-key", secret])
    story.is_connected()
    assert {headers.get("x-api-key") for headers in story.way.headers} == {secret}
    (view,) = story.desk.do("servers")
    assert view["secret"] == {"header": "x-api-key", "kept_in": "file"}, view
    kept = story.home / "secrets" / "server-team"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600, oct(kept.stat().st_mode)
    for path in story.home.rglob("*"):
        if path.is_file() and path != kept:
            assert secret.encode() not in path.read_bytes(), path
    story.desk.do("remove_server", name="team")
    assert not kept.exists() and story.desk.do("servers") == []


def a_server_that_sends_elsewhere_is_not_followed(story):
    elsewhere = Way(story.server)
    story.way.before = lambda method, path: (307, {"location": f"{elsewhere.url}{path}"}, b"")
    story.add(secret=["x-api-key", "sk-1"])
    story.is_offline()
    assert "sends on to" in story.contact()["why"], story.contact()
    assert elsewhere.seen == []
    elsewhere.close()


def a_thread_that_is_deleted_takes_its_cards_along(story):
    server = story.server
    story.add()
    decided, open_still = server.ask("any_value", ask="Pay?"), server.ask("any_value", ask="Book?")
    card, other = story.card(decided), story.card(open_still)
    story.way.before = lambda method, path: (502, {}, b"")
    story.is_offline()
    story.desk.do("inform", id=card["id"], text="Pay.")
    story.ends(card, "released")
    for thread in (decided, open_still):
        server.call("DELETE", f"/threads/{thread}")
    # A gateway that finds nothing is no server that has lost a thread.
    story.way.before = lambda method, path: (
        (404, {}, b'{"detail":"Not Found"}') if method == "GET" else None
    )
    story.desk.do("look", name="team")
    until(lambda: "no such address" in story.contact().get("why", ""), "the gateway finds nothing")
    story.way.restore()
    refused(story.ends(card), "not there any more. Nothing was sent.")
    assert "not there any more" in story.ends(other, "withdrawn")["closed_because"]
    assert story.way.sent("/commands") == 0


def a_removed_server_leaves_nothing_open(story):
    server = story.server
    story.add()
    card = story.card(server.ask("any_value", ask="Pay?"))
    story.desk.do("remove_server", name="team")
    event = story.ends(card, "withdrawn")
    assert "removed" in event["closed_because"], event
    # The same name can come back, and asks again.
    story.add()
    again = story.card(card["task"]["id"])
    assert again["id"] != card["id"]
    story.desk.do("inform", id=again["id"], text="Pay.")
    applied(story.ends(again))


STORIES = [
    every_dialect_is_asked_and_answered,
    decided_while_the_server_is_off_is_sent_once,
    answered_elsewhere_is_refused_with_an_explanation,
    killed_between_send_and_confirm_is_not_sent_twice,
    killed_before_it_arrived_is_sent_again,
    an_answer_that_is_lost_is_sent_again,
    an_older_server_is_answered_with_a_run,
    an_answer_that_does_not_fit_never_leaves,
    what_fails_over_there_is_asked_again,
    the_secret_goes_to_the_server_and_nowhere_else,
    a_server_that_sends_elsewhere_is_not_followed,
    a_thread_that_is_deleted_takes_its_cards_along,
    a_removed_server_leaves_nothing_open,
]


# One that ends its server, which must keep its threads: a server whose threads
# were deleted forgets others with them when it starts again.
ALONE = {decided_while_the_server_is_off_is_sent_once}


def run(tell, server):
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hd") as own:
        story = Story(server, own)
        try:
            tell(story)
        finally:
            story.close()
    spent = (time.monotonic() - began) / 60
    print(f"langgraph server: {tell.__name__}: {spent:.2f} min", flush=True)


def main():
    alone()
    wanted = [tell for tell in STORIES if not sys.argv[1:] or tell.__name__ in sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="hl") as folder:
        shared = Server(pathlib.Path(folder))
        try:
            for tell in wanted:
                if tell in ALONE:
                    own = Server(pathlib.Path(folder), tell.__name__)
                    try:
                        run(tell, own)
                    finally:
                        own.stop()
                else:
                    shared.forget_done()
                    run(tell, shared)
                    shared.forget_threads()
        finally:
            shared.stop()


if __name__ == "__main__":
    main()
