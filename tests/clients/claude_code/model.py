"""A model on loopback that plays a script, in the words of Anthropic's API.

Each turn of the script is a list of tool calls. When the script is over, the
model says what its tools answered, so that whoever runs the client reads what
the model was told.
"""

import json

from common.script import Loopback


class Model(Loopback):
    """Plays the script."""

    def __init__(self, turns):
        self.turns = turns
        self.told = []
        self.faults = []
        self.messages = 0
        super().__init__()

    def reply(self, path, body):
        """The answer to a request."""
        if "count_tokens" in path:
            return "application/json", b'{"input_tokens":10}'
        try:
            blocks = self.blocks(json.loads(body))
        except Exception as error:  # Shown by the scenario.
            self.faults.append(repr(error))
            blocks = [text("The script of the model broke.")]
        # Claude Code takes two messages of one id for one.
        self.messages += 1
        return "text/event-stream", stream(f"msg_{self.messages}", blocks)

    def blocks(self, request):
        """What the model says next."""
        offered = {tool["name"] for tool in request.get("tools", [])}
        wanted = {call["name"] for turn in self.turns for call in turn}
        if not wanted <= offered:
            # A title or a summary is asked for on the side.
            return [text("ok")]
        results = [
            [part for part in message["content"] if part.get("type") == "tool_result"]
            for message in request["messages"]
            if isinstance(message["content"], list)
        ]
        results = [turn for turn in results if turn]
        self.told = [said(part) for turn in results for part in turn]
        turn = len(results)
        if turn < len(self.turns):
            return [
                {"type": "tool_use", "id": f"toolu_{turn}_{number}", **call}
                for number, call in enumerate(self.turns[turn])
            ]
        return [text("TOLD: " + " | ".join(self.told))]


def text(words):
    return {"type": "text", "text": words}


def said(part):
    """The words of a tool's result."""
    content = part.get("content", "")
    if isinstance(content, str):
        return content
    return " ".join(piece.get("text", "") for piece in content)


def stream(name, blocks):
    """The message as server-sent events."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    tools = any(block["type"] == "tool_use" for block in blocks)
    events = [
        {
            "type": "message_start",
            "message": {
                "id": name,
                "type": "message",
                "role": "assistant",
                "model": "claude-mock",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": usage,
            },
        }
    ]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            begun = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            begun = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            {"type": "content_block_start", "index": index, "content_block": begun},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    events += [
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use" if tools else "end_turn", "stop_sequence": None},
            "usage": usage,
        },
        {"type": "message_stop"},
    ]
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events
    ).encode()
