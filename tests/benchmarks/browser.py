"""Pages as a server process answers them: through the WSGI handler, with its whole middleware."""

from __future__ import annotations

import sys
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIHandler

from portal.models import Member


class Browser:
    """A member's signed-in browser."""

    def __init__(self, server: WSGIHandler, member: Member) -> None:
        session = SessionStore()
        session[SESSION_KEY] = str(member.pk)
        session[BACKEND_SESSION_KEY] = "portal.sign_in.MemberBackend"
        session[HASH_SESSION_KEY] = member.get_session_auth_hash()
        session.save()
        self.server = server
        self.cookies: SimpleCookie = SimpleCookie({"sessionid": str(session.session_key)})
        self.headers: dict[str, str] = {}
        self.status = 0

    def get(self, address: str, **headers: str) -> str:
        """The page at an address; its status and headers are kept."""
        path, _, query = address.partition("?")
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "testserver",
            "HTTP_COOKIE": cookies,
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": sys.stderr,
            **headers,
        }
        response = self.server(environ, self._started)
        body = b"".join(response)
        response.close()
        return body.decode()

    def _started(self, status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        self.status, self.headers = int(status[:3]), dict(headers)
        for name, value in headers:
            if name == "Set-Cookie":
                self.cookies.load(value)
