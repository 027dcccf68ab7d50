"""A local server that speaks the OpenAI protocol and misbehaves: it times out, refuses, fails, and answers rubbish."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from email import message_from_bytes

import numpy as np
from local_server import LocalServer, QuietHandler
from PIL import Image

#: What the server does to the first requests of each image, until it behaves.
FAULTS = ("hang", "429", "500", "no json", "no choices", "empty", "cut")


class HostileServer(LocalServer):
    """A server that misbehaves first for each level of red that it is sent, the level of the first pixel.

    Chat completions answer with that level. Edits of images answer with the first image, in which all that the mask
    leaves free has the colour of the last image's first pixel; there the level of red is that of the last image.
    """

    def __init__(self):
        self.faults = ()
        self.refuse_after = None
        self.edit_size = None
        self.seen, self.forms = [], []
        self.at_once = self.most_at_once = 0
        self.attempts = {}
        self.lock = threading.Lock()
        super().__init__(_Handler)


class _Handler(QuietHandler):
    def do_POST(self):  # noqa: N802
        server, content = self.server, self.rfile.read(int(self.headers["Content-Length"]))
        edit = self.path.endswith("/images/edits")
        images, fields = self.form(content) if edit else self.chat(content)
        image = images[-1] if "mask" not in fields else images[-2]
        red = int(np.asarray(image)[0, 0, 0])
        with server.lock:
            server.seen.append((red, image.size, self.headers["Authorization"], fields["prompt"]))
            server.forms.append((images, fields))
            attempt = server.attempts[red] = server.attempts.get(red, 0) + 1
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            fault = server.faults[attempt - 1] if attempt <= len(server.faults) else ""
            if server.refuse_after is not None and len(server.seen) > server.refuse_after:
                fault = "500"
            self.answer(fault, red, images if edit else None)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with server.lock:
                server.at_once -= 1

    def chat(self, content):
        parts = json.loads(content)["messages"][0]["content"]
        image = base64.b64decode(parts[0]["image_url"]["url"].partition(",")[2])
        return [Image.open(io.BytesIO(image))], {"prompt": parts[1]["text"]}

    def form(self, content):
        """Read a form: files in their order, the mask last, and fields."""
        kind = self.headers["Content-Type"].encode()
        parts = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + content).get_payload()
        named = [
            (part.get_param("name", header="content-disposition"), part.get_payload(decode=True)) for part in parts
        ]
        files = sorted((name == "mask", at) for at, (name, _) in enumerate(named) if name.startswith(("image", "mask")))
        images = [Image.open(io.BytesIO(named[at][1])) for _, at in files]
        fields = {name: value.decode() for name, value in named if not name.startswith(("image", "mask"))}
        return images, fields | ({"mask": "sent"} if any(last for last, _ in files) else {})

    def painted(self, fault, images):
        """Paint what the mask leaves free, and answer as the fault says."""
        masked = images[-1].mode == "RGBA"
        colour = images[-2 if masked else -1].getpixel((0, 0))
        image = images[0].convert("RGB")
        if masked:
            image.paste(colour, (0, 0), images[-1].getchannel("A").point(lambda level: 255 - level))
        image = image.resize(self.server.edit_size or image.size)
        stream = io.BytesIO()
        image.save(stream, "PNG")
        png = stream.getvalue()
        said = base64.b64encode(png[:60] if fault == "broken image" else png).decode()
        one = {"empty": {"b64_json": ""}, "link": {"url": "http://127.0.0.1:9/x.png"}, "no base64": {"b64_json": "é!"}}
        return [] if fault == "no data" else [one.get(fault, {"b64_json": said})]

    def answer(self, fault, red, images=None):
        time.sleep(0.01)
        if fault == "hang":
            time.sleep(1.0)
        if fault in {"429", "500", "401"}:
            return self.send(int(fault), b'{"error": {"message": "later"}}')
        if fault == "no json":
            return self.send(200, b"<html>busy</html>", kind="text/html")
        if fault == "repeats the key":
            said = {"error": {"message": f"no such key: {self.headers['Authorization']}"}}
            return self.send(401, json.dumps(said).encode())
        if images is not None:
            usage = {} if fault == "no usage" else {"usage": {"input_tokens": 200, "output_tokens": 1000, "total_tokens": 1200}}  # fmt: skip
            body = json.dumps({"created": 0, "data": self.painted(fault, images), **usage}).encode()
            return self.send(200, body[:20] if fault == "cut" else body)
        content = {
            "empty": "",
            "number": 7,
            "image part": [{"type": "image_url", "image_url": {"url": "x"}}],
            "parts": [{"type": "text", "text": "red "}, {"type": "text", "text": f"{red}"}],
        }.get(fault, f"red {red}")
        message = {"role": "assistant", "content": content}
        choices = [] if fault == "no choices" else [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        usage = {"no usage": None, "odd usage": usage | {"prompt_tokens": "many"}}.get(fault, usage)
        body = json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, "usage": usage})  # fmt: skip
        return self.send(200, body.encode()[:20] if fault == "cut" else body.encode())

    def send(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
