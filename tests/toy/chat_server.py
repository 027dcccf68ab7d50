"""A local server that speaks the OpenAI protocol, and answers with what a function makes of each question."""

from __future__ import annotations

import base64
import io
import json

from local_server import LocalServer, QuietHandler
from PIL import Image


class ChatServer(LocalServer):
    """Answers ``reply(model, text, image)``, with None for a question without an image; keeps every question."""

    def __init__(self, reply):
        self.reply = reply
        self.seen = []
        super().__init__(_Handler)


class _Handler(QuietHandler):
    def do_POST(self):  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text, image = "", None
        for part in body["messages"][0]["content"]:
            if part["type"] == "text":
                text = part["text"]
            else:
                data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                image = Image.open(io.BytesIO(data)).convert("RGB")
        self.server.seen.append((body["model"], text, image))
        message = {"role": "assistant", "content": self.server.reply(body["model"], text, image)}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        answer = json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, "usage": usage}).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
