"""Servers on loopback that stores lie on: S3, a plain web server, and a hub; all note what they are asked."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

BUCKET = "bench"


class S3Server:
    """A server of S3 in this process.

    :param requests: method and path of each request.
    :param refuse_after: how many files it takes before it refuses all others; None takes any number.
    """

    def __init__(self):
        self.requests = []
        self.refuse_after = None
        self.url = ""

    def begin(self, monkeypatch):
        """Make an empty bucket; the client library is told of the server by the environment, as a user tells it."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "loopback-id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "loopback-secret-key")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        self.refuse_after = None
        for method, path in (("POST", "moto-api/reset"), ("PUT", BUCKET)):
            urlopen(Request(f"{self.url}/{path}", method=method)).close()
        self.taken()

    def keys(self, method="GET"):
        """Return the objects that were asked for or sent, by their names in the bucket."""
        whole = [path.removeprefix(f"/{BUCKET}/") for verb, path in self.requests if verb == method]
        return [path for path in whole if path and not path.startswith("/")]

    def taken(self):
        """Return the requests since the last call."""
        found, self.requests[:] = list(self.requests), []
        return found


@contextmanager
def s3_server():
    """Serve S3 without a bucket."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = S3Server()
    application = DomainDispatcherApplication(create_backend_app)

    def counted(environ, start):
        method = environ["REQUEST_METHOD"]
        server.requests.append((method, environ["PATH_INFO"]))
        if server.refuse_after is not None and method == "PUT":
            server.refuse_after -= 1
            if server.refuse_after < 0:
                start("403 Forbidden", [("Content-Length", "0")])
                return [b""]
        return application(environ, start)

    served = make_server("127.0.0.1", 0, counted, threaded=True)
    thread = Thread(target=served.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{served.server_port}"
    try:
        yield server
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


@contextmanager
def web_server(folder, password=""):
    """Serve a folder as any web server does; gives the address, and the paths that were asked for.

    :param password: of the user ``reader``, without which everything is refused.
    """
    asked = []
    wanted = "Basic " + base64.b64encode(f"reader:{password}".encode()).decode()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if password and self.headers.get("Authorization") != wanted:
                self.send_error(401)
            else:
                super().do_GET()

        def log_message(self, *_):
            pass

        def list_directory(self, _path):
            self.send_error(404)

    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = Thread(target=served.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{served.server_port}", asked
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


class HubServer:
    """What the model hub's client asks of a data set repository: its revision, its tree and its files.

    :param folder: what the repository holds.
    """

    def __init__(self, folder, name="team/results", revision="0123456789abcdef0123456789abcdef01234567"):
        self.folder, self.name, self.revision = folder, name, revision
        self.asked = []

    def answer(self, path, query):
        """Return the status and the JSON or bytes of an answer."""
        tree = f"/api/datasets/{self.name}/tree/"
        whole = f"/datasets/{self.name}/resolve/"
        if path == f"/api/datasets/{self.name}" or path.startswith(f"/api/datasets/{self.name}/revision/"):
            files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
            siblings = [{"rfilename": path.relative_to(self.folder).as_posix()} for path in files]
            return 200, {"id": self.name, "sha": self.revision, "siblings": siblings, "private": False, "tags": []}
        if path.startswith((tree, whole)):
            revision = path.removeprefix(tree).removeprefix(whole).partition("/")[0]
            if len(revision) == 40 and revision != self.revision:
                return 404, {"error": "no such revision"}
        if path.startswith(tree):
            within = path.removeprefix(tree).partition("/")[2]
            place = self.folder / within
            if not place.is_dir():
                return 404, {"error": "no such entry"}
            found = sorted(place.rglob("*") if "recursive=true" in query.lower() else place.iterdir())
            return 200, [self._entry(one) for one in found]
        if path.startswith(whole):
            place = self.folder / path.removeprefix(whole).partition("/")[2]
            return (200, place.read_bytes()) if place.is_file() else (404, {"error": "no such entry"})
        return 404, {"error": "no such repository"}

    def _entry(self, path):
        name = path.relative_to(self.folder).as_posix()
        if path.is_dir():
            return {"type": "directory", "path": name, "oid": "0" * 40}
        content = path.read_bytes()
        return {"type": "file", "path": name, "oid": hashlib.sha1(content).hexdigest(), "size": len(content)}


@contextmanager
def hub_server(folder):
    """Serve a folder as a data set repository of the hub; gives the address of the hub, and the server."""
    hub = HubServer(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            parts = urlsplit(self.path)
            hub.asked.append((self.command, parts.path))
            status, content = hub.answer(unquote(parts.path), parts.query)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            if status == 404:
                codes = {"entry": "EntryNotFound", "revision": "RevisionNotFound", "repository": "RepoNotFound"}
                self.send_header("X-Error-Code", codes[content["error"].rpartition(" ")[2]])
            self.send_header(
                "Content-Type", "application/octet-stream" if isinstance(content, bytes) else "application/json"
            )
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", hub.revision)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self):
            self.do_GET()

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=served.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_port}", hub
    finally:
        served.shutdown()
        thread.join()
        served.server_close()
