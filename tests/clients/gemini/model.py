"""A model on loopback that plays a script, in the words of Google's API.

It makes one tool call. Then it says what the tool answered, so that whoever runs
the client reads what the model was told.
"""

import json

from common.script import Loopback


class Model(Loopback):
    """Plays the script."""

    def __init__(self, call):
        self.call = call
        super().__init__()

    def reply(self, path, body):
        """The answer to a request."""
        said = json.dumps(message(self.part(json.loads(body))))
        if "stream" in path:
            return "text/event-stream", f"data: {said}\n\n".encode()
        return "application/json", said.encode()

    def part(self, request):
        """What the model says next."""
        parts = [
            part for content in request.get("contents", []) for part in content.get("parts", [])
        ]
        told = [part["functionResponse"] for part in parts if "functionResponse" in part]
        offered = {
            function["name"]
            for tool in request.get("tools", [])
            for function in tool.get("functionDeclarations", [])
        }
        if told or self.call["name"] not in offered:
            return {"text": "TOLD: " + json.dumps(told)}
        return {"functionCall": self.call}


def message(part):
    """The whole answer."""
    return {
        "candidates": [
            {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 5,
            "totalTokenCount": 15,
        },
    }
