"""A local server that speaks the OpenAI protocol, and answers with what a function makes of each question."""

from __future__ import annotations

import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


class ChatServer(ThreadingHTTPServer):
    """Answers ``reply(model, text, image)``, with None for a question without an image; keeps every question."""

    daemon_threads = True

    def __init__(self, reply):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply
        self.seen = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
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
