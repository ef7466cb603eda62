"""What the three services say of their group robots: addresses, message formats, signatures, limits
and what their answers mean.

WeChat Work: markdown of at most 4096 bytes, 20 messages a minute. DingTalk: markdown, signed in the
address, 20 a minute (whoever exceeds it is locked out for ten). Feishu: post, signed in the body, a
request of at most 20 KB, 100 a minute and 5 a second.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings

from courses.models import GroupRobot
from portal.refusals import Refusal

Service = GroupRobot.Service
BYTES = {Service.WECHAT_WORK: 4096, Service.DINGTALK: 4096, Service.FEISHU: 12_000}
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
RATES = {
    Service.WECHAT_WORK: [(20, MINUTE)],
    Service.DINGTALK: [(20, MINUTE)],
    Service.FEISHU: [(5, SECOND), (100, MINUTE)],
}
HOSTS = {
    Service.WECHAT_WORK: "qyapi.weixin.qq.com",
    Service.DINGTALK: "oapi.dingtalk.com",
    Service.FEISHU: "open.feishu.cn",
}
PATHS = {  # path, and the parameter that must stand behind it
    Service.WECHAT_WORK: ("/cgi-bin/webhook/send", "key="),
    Service.DINGTALK: ("/robot/send", "access_token="),
    Service.FEISHU: ("/open-apis/bot/v2/hook/", ""),
}
# Codes with which a service says that it was too much or that it is busy: it took nothing.
LATER = {
    Service.WECHAT_WORK: {-1, 45009, 45033},
    Service.DINGTALK: {-1, 130101, 410100, 660026},
    Service.FEISHU: {9499, 11232},
}
WORDS = {
    (Service.WECHAT_WORK, 93000): "机器人地址无效或已被移出群聊",
    (Service.WECHAT_WORK, 40058): "内容不合要求",
    (Service.DINGTALK, 300001): "机器人地址无效",
    (Service.DINGTALK, 310000): "不符合机器人的安全设置（加签、关键词或网络地址）",
    (Service.FEISHU, 19001): "机器人地址无效",
    (Service.FEISHU, 19021): "加签密钥不对",
    (Service.FEISHU, 19022): "不符合机器人的网络地址白名单",
    (Service.FEISHU, 19024): "不符合机器人的关键词设置",
}
KEYWORD = "党史学习"  # in whatever is said, for groups whose security settings ask for a word
# Their markup in what people wrote becomes plain signs: nobody makes links or calls everybody.
PLAIN = str.maketrans("<>[]()*_`#~|@\\", "＜＞［］（）＊＿｀＃～｜＠＼")


class BadAddress(Refusal):
    """This is no address of a group robot; the message never repeats it."""


@dataclass(frozen=True)
class Text:
    """What is said in a chat: a heading, lines, and where it leads (empty: nowhere)."""

    title: str
    lines: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True)
class Letter:
    """One request: where to, and its JSON."""

    address: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """What an answer means: sent, again (the service took nothing) or failed; and in words."""

    outcome: str
    words: str = ""


def checked(service: str, address: str) -> str:
    """The address of a robot as it is kept, written in one way only, so that the same robot is
    found again. Raises BadAddress."""
    address = address.strip()
    name = Service(service).label
    try:
        parts = urlsplit(address)
        parts = parts._replace(netloc=parts.netloc.lower())
        origin = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        raise BadAddress("这不像一个网址，请从群机器人的设置里复制。", field="address") from None
    own = origin == f"https://{HOSTS[Service(service)]}"
    if not own and origin not in settings.ROBOT_ORIGINS:
        raise BadAddress(
            f"{name}群机器人的地址以 https://{HOSTS[Service(service)]}/ 开头，请核对平台和地址。",
            field="address",
        )
    path, parameter = PATHS[Service(service)]
    fits = parts.path == path if parameter else parts.path.startswith(path)
    token = parts.query.removeprefix(parameter) if parameter else parts.path.removeprefix(path)
    plain = token.replace("-", "").replace("_", "")
    right = parts.query.startswith(parameter) if parameter else not parts.query
    if not (fits and right and plain.isascii() and plain.isalnum()) or parts.fragment:
        raise BadAddress(
            f"地址不完整或多了内容，请重新从{name}群机器人的设置里复制。", field="address"
        )
    if len(address) > 300 or len(plain) < 8:
        raise BadAddress("地址的长度不对，请重新复制。", field="address")
    return parts.geturl()


def letter(service: str, address: str, secret: str, text: Text, *, seconds: float) -> Letter:
    """What is sent to a robot; `seconds` is the moment (since 1970) that a signature names."""
    most = BYTES[Service(service)]
    if service == Service.WECHAT_WORK:
        body = {"msgtype": "markdown", "markdown": {"content": _markdown(text, most)}}
        return Letter(address, body)
    if service == Service.DINGTALK:
        content = {"title": _plain(text.title), "text": _markdown(text, most)}
        if secret:
            stamp = str(int(seconds * 1000))
            sign = _digest(secret.encode(), f"{stamp}\n{secret}".encode())
            address = f"{address}&timestamp={stamp}&sign={quote(sign, safe='')}"
        return Letter(address, {"msgtype": "markdown", "markdown": content})
    rows: list[list[dict[str, str]]] = [[{"tag": "text", "text": line}] for line in text.lines]
    if text.url:
        rows.append([{"tag": "a", "text": "打开查看", "href": text.url}])
    post = {"zh_cn": {"title": text.title, "content": rows}}
    signed: dict[str, Any] = {}
    if secret:
        stamp = str(int(seconds))
        signed = {"timestamp": stamp, "sign": _digest(f"{stamp}\n{secret}".encode(), b"")}
    return Letter(address, {**signed, "msg_type": "post", "content": {"post": post}})


def meaning(service: str, answer: Any) -> Said | None:
    """What the JSON of an answer with status 200 means; None where it says nothing known."""
    if not isinstance(answer, dict):
        return None
    code = answer.get("code", answer.get("StatusCode"))
    if service != Service.FEISHU:
        code = answer.get("errcode")
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    if code == 0:
        return Said("sent")
    if code == 9499 and answer.get("msg") == "Bad Request":  # Feishu's other use of this code
        return Said("failed", f"内容格式不合要求（{code}）")
    if code in LATER[Service(service)]:
        return Said("again", f"平台限流或繁忙（{code}）")
    known = WORDS.get((Service(service), code), "平台没有接受")
    return Said("failed", f"{known}（{code}）")


def clipped(text: str, most: int) -> str:
    """A text of at most so many bytes, never cut inside a character."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - 3].decode(errors="ignore") + "…"


def _markdown(text: Text, most: int) -> str:
    end = f"\n\n[打开查看]({text.url})" if text.url else ""
    said = "\n\n".join([f"**{_plain(text.title)}**", *map(_plain, text.lines)])
    return clipped(said, most - len(end.encode())) + end


def _plain(text: str) -> str:
    return text.translate(PLAIN)


def _digest(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
