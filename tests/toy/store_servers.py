"""Servers on loopback that stores lie on: one that speaks S3, and a plain one of a folder; both note what is asked."""

from __future__ import annotations

import base64
import logging
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
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
