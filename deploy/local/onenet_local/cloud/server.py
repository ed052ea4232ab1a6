"""HTTP for the local cloud: a thread for each connection, kept open between calls.

werkzeug's own server closes the connection after every answer, which costs a client more than
many of the calls do.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import unquote

from werkzeug.wrappers import Response

Application = Callable[[dict[str, Any]], Response]

LONGEST_LINE = 65_536


class Dropped(Exception):
    """Raised by the application when the caller shall get no answer at all."""


class CloudServer(ThreadingMixIn, TCPServer):
    """Serves one application until ``shutdown``; open connections do not delay the end.

    Args:
        host: the IPv4 address to listen on.
        port: the port; 0 takes a free one, see ``port`` afterwards.
        application: from a WSGI environment to the answer.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, host: str, port: int, application: Application) -> None:
        super().__init__((host, port), _Connection)
        self.application = application

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up; the gateway answers every other error itself."""


class _Connection(BaseHTTPRequestHandler):
    server: CloudServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_one_request(self) -> None:
        """Serve any method alike, where the standard handler looks for one function each."""
        self.raw_requestline = self.rfile.readline(LONGEST_LINE + 1)
        if not self.raw_requestline or len(self.raw_requestline) > LONGEST_LINE:
            self.close_connection = True
        elif self.parse_request():
            self._serve()

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            response = self.server.application(self._environ(body))
        except Dropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(response)

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        host, port = self.server.socket.getsockname()[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.multithread": True,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ

    def _answer(self, response: Response) -> None:
        body = b"" if self.command == "HEAD" else response.get_data()
        if self.command != "HEAD":
            response.headers["Content-Length"] = str(len(body))
        self.send_response_only(response.status_code)
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
