"""A model on loopback that plays a script, in the words of OpenAI's responses API.

Each turn of the script is a list of tool calls. When the script is over, the
model says what its tools answered, so that whoever runs the client reads what
the model was told.
"""

import json

from common.script import Loopback


class Model(Loopback):
    """Plays the script."""

    path = "/v1"

    def __init__(self, turns):
        self.turns = turns
        self.told = []
        self.offered = []
        super().__init__()

    def reply(self, _path, body):
        """The answer to a request."""
        return "text/event-stream", stream(self.items(json.loads(body)))

    def items(self, request):
        """What the model says next."""
        self.offered = [tool.get("name", tool.get("type")) for tool in request.get("tools", [])]
        outputs = {
            item["call_id"]: said(item["output"])
            for item in request["input"]
            if item.get("type", "").endswith("call_output")
        }
        self.told = list(outputs.values())
        for number, turn in enumerate(self.turns):
            calls = [
                {**call, "call_id": f"call_{number}_{index}"} for index, call in enumerate(turn)
            ]
            if not all(call["call_id"] in outputs for call in calls):
                return calls
        words = "TOLD: " + " | ".join(self.told)
        content = [{"type": "output_text", "text": words}]
        return [{"type": "message", "role": "assistant", "content": content}]


def said(output):
    """The words of a tool's result."""
    return output if isinstance(output, str) else json.dumps(output)


def stream(items):
    """The answer as server-sent events."""
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    events = [{"type": "response.created", "response": {"id": "resp_1"}}]
    events += [{"type": "response.output_item.done", "item": item} for item in items]
    events += [{"type": "response.completed", "response": {"id": "resp_1", "usage": usage}}]
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events
    ).encode()
