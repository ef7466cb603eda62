"""A server that plays the robots of WeChat Work, DingTalk and Feishu: it checks each message
against what the services document, keeps what it took, and fails where it is told to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "SEC0123456789abcdef"
PATHS = {
    "/cgi-bin/webhook/send": ("wechat_work", "key"),
    "/robot/send": ("dingtalk", "access_token"),
}
FINE = {
    "wechat_work": {"errcode": 0, "errmsg": "ok"},
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "feishu": {"code": 0, "msg": "success", "data": {}},
}
TOO_MUCH = {
    "wechat_work": {"errcode": 45009, "errmsg": "api freq out of limit"},
    "dingtalk": {"errcode": 130101, "errmsg": "send too fast"},
    "feishu": {"code": 11232, "msg": "frequency limited"},
}
REFUSED = {
    "wechat_work": {"errcode": 93000, "errmsg": "invalid webhook url"},
    "dingtalk": {"errcode": 310000, "errmsg": "keywords not in content"},
    "feishu": {"code": 19024, "msg": "Key Words Not Found"},
}


class RobotServer:
    """faults: by token, what happens to its next requests. took: by token, the messages that
    reached the chat. wrong: what contradicted the documents."""

    def __init__(self, port: int = 0) -> None:
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.took: dict[str, list[str]] = defaultdict(list)
        self.asked: dict[str, int] = defaultdict(int)
        self.wrong: list[str] = []
        self.signed: set[str] = set()
        self.held, self.release = threading.Event(), threading.Event()
        robots = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                robots.answer(self)

            def log_message(self, *args: Any) -> None:
                """Nothing on the screen."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *args: None  # type: ignore[method-assign] # who asked is gone
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def address(self, service: str, token: str) -> str:
        if service == "feishu":
            return f"{self.origin}/open-apis/bot/v2/hook/{token}"
        path, name = next((p, n) for p, (s, n) in PATHS.items() if s == service)
        return f"{self.origin}{path}?{name}={token}"

    # --- One request

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        url, raw = (
            urlsplit(request.path),
            request.rfile.read(int(request.headers["Content-Length"])),
        )
        service, query = "feishu", parse_qs(url.query)
        token = url.path.rpartition("/")[2]
        if url.path in PATHS:
            service, name = PATHS[url.path]
            [token] = query[name]
        fault = self.faults[token].pop(0) if self.faults[token] else ""
        self.asked[token] += 1
        if fault in ("429", "500", "503", "404"):
            self.say(request, int(fault), {"errcode": 1})
        elif fault == "400-too-much":
            self.say(request, 400, TOO_MUCH[service])
        elif fault == "redirect":
            self.say(request, 302, {}, Location=self.address(service, "elsewhere"))
        elif fault == "too-much":
            self.say(request, 200, TOO_MUCH[service])
        elif fault == "refused":
            self.say(request, 200, REFUSED[service])
        else:
            self.take(request, service, token, raw, query, fault)

    def take(
        self,
        request: BaseHTTPRequestHandler,
        service: str,
        token: str,
        raw: bytes,
        query: dict[str, list[str]],
        fault: str,
    ) -> None:
        """The message reaches the chat; then it is answered, or the answer is lost."""
        body = json.loads(raw)
        self.check(service, token, raw, body, query)
        self.took[token].append(said(service, body))
        if fault == "lost":
            request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
        elif fault in ("timeout", "hold"):
            if fault == "hold":
                self.held.set()
            self.release.wait(60)
            request.close_connection = True
        elif fault == "garbage":
            request.close_connection = True
            request.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"errcode"')
        elif fault == "502":
            self.say(request, 502, {})
        else:
            self.say(request, 200, FINE[service])

    def say(
        self, request: BaseHTTPRequestHandler, status: int, answer: dict[str, Any], **headers: str
    ) -> None:
        raw = json.dumps(answer).encode()
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(raw)))
        request.end_headers()
        request.wfile.write(raw)

    def check(
        self, service: str, token: str, raw: bytes, body: Any, query: dict[str, list[str]]
    ) -> None:
        """As documented by each service."""

        def must(holds: object, what: str) -> None:
            if not holds:
                self.wrong.append(f"{service} {token}: {what}")

        if service == "feishu":
            must(len(raw) <= 20 * 1024, "the request is larger than 20 KB")
            must(body["msg_type"] == "post", "msg_type")
            post = body["content"]["post"]["zh_cn"]
            must(isinstance(post["title"], str), "title")
            tags = {part["tag"] for row in post["content"] for part in row}
            must(tags <= {"text", "a", "at", "img"}, "tags")
            if "sign" in body:
                key = f"{body['timestamp']}\n{SECRET}".encode()
                must(body["sign"] == digest(key, b""), "sign")
                self.signed.add(token)
            return
        must(body["msgtype"] == "markdown", "msgtype")
        markdown = body["markdown"]
        text = markdown["content" if service == "wechat_work" else "text"]
        must(0 < len(text.encode()) <= 4096, "more than 4096 bytes")
        if service == "dingtalk":
            must(markdown["title"], "DingTalk needs a title")
            if "sign" in query:
                [stamp], [sign] = query["timestamp"], query["sign"]
                must(len(stamp) == 13, "milliseconds")
                must(sign == digest(SECRET.encode(), f"{stamp}\n{SECRET}".encode()), "sign")
                self.signed.add(token)


def digest(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def said(service: str, body: Any) -> str:
    """What stands in the chat."""
    if service == "feishu":
        post = body["content"]["post"]["zh_cn"]
        rows = [part.get("href", part["text"]) for row in post["content"] for part in row]
        return "\n".join([post["title"], *rows])
    return str(body["markdown"]["content" if service == "wechat_work" else "text"])


def unused_origin() -> str:
    """An origin at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"
