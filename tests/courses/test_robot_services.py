"""Robots' addresses, message formats and answers, as the three services document them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import unquote

import pytest

from courses.online import robot_services
from courses.online.robot_services import BadAddress, Text
from tests.robot_server import SECRET

KEY = "693a91f6-7abc-4bc4-97a0-0ec2abcdefgh"
GOOD = {
    "wechat_work": f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}",
    "dingtalk": f"https://oapi.dingtalk.com/robot/send?access_token={KEY.replace('-', '')}",
    "feishu": f"https://open.feishu.cn/open-apis/bot/v2/hook/{KEY}",
}
TEXT = Text("【微党课】《火种》", ("周五前学完。", "来自：甲支部"), "https://study.example/p/abc/")


@pytest.mark.parametrize(("service", "address"), GOOD.items())
def test_the_services_own_addresses_are_taken(service, address):
    assert robot_services.checked(service, f"  {address}\n") == address


@pytest.mark.parametrize(("service", "address"), GOOD.items())
@pytest.mark.parametrize("typed", ["{}#", "{}\t", "{}"])
def test_one_robot_has_one_address_however_it_is_typed(service, address, typed):
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    loud = typed.format(f"{scheme.upper()}://{host.upper()}/{path}")
    assert robot_services.checked(service, loud) == address


@pytest.mark.parametrize(
    ("service", "address"),
    [
        ("wechat_work", GOOD["dingtalk"]),
        ("wechat_work", GOOD["wechat_work"].replace("https", "http")),
        ("wechat_work", GOOD["wechat_work"].replace("qyapi", "x@qyapi")),
        ("wechat_work", GOOD["wechat_work"].replace(".com/", ".com:8443/")),
        ("wechat_work", GOOD["wechat_work"].replace(".com/", ".com.evil.example/")),
        ("wechat_work", GOOD["wechat_work"].replace("https://", "https://evil.example/https://")),
        ("wechat_work", GOOD["wechat_work"] + "&debug=1"),
        ("wechat_work", GOOD["wechat_work"] + "#x"),
        ("wechat_work", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key="),
        ("wechat_work", "https://qyapi.weixin.qq.com/cgi-bin/gettoken?key=" + KEY),
        ("dingtalk", GOOD["dingtalk"].replace("access_token", "key")),
        ("feishu", GOOD["feishu"] + "?x=1"),
        ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/../../" + KEY),
        ("feishu", "https://169.254.169.254/open-apis/bot/v2/hook/" + KEY),
        ("feishu", "https://127.0.0.1/open-apis/bot/v2/hook/" + KEY),
        ("feishu", "https://[::1/open-apis/bot/v2/hook/" + KEY),
        ("feishu", "file:///etc/passwd"),
        ("feishu", ""),
        ("feishu", GOOD["feishu"] + "a" * 300),
    ],
)
def test_any_other_address_is_refused_and_not_repeated(service, address):
    with pytest.raises(BadAddress) as refused:
        robot_services.checked(service, address)
    assert refused.value.field == "address"
    assert KEY not in refused.value.message
    assert refused.value.__cause__ is None


def test_a_gateway_of_the_deployment_is_taken_where_the_settings_name_it(settings):
    address = f"https://im.example.gov.cn:8443/robot/send?access_token={KEY}"
    with pytest.raises(BadAddress):
        robot_services.checked("dingtalk", address)
    settings.ROBOT_ORIGINS = ["https://im.example.gov.cn:8443"]
    assert robot_services.checked("dingtalk", address) == address
    with pytest.raises(BadAddress):
        robot_services.checked("dingtalk", address.replace("https", "http"))


def test_wechat_work_gets_markdown():
    made = robot_services.letter("wechat_work", GOOD["wechat_work"], "", TEXT, seconds=0)
    assert made.address == GOOD["wechat_work"]
    assert made.body == {
        "msgtype": "markdown",
        "markdown": {
            "content": "**【微党课】《火种》**\n\n周五前学完。\n\n来自：甲支部"
            "\n\n[打开查看](https://study.example/p/abc/)"
        },
    }


def test_dingtalk_is_signed_in_the_address():
    made = robot_services.letter("dingtalk", GOOD["dingtalk"], SECRET, TEXT, seconds=1622721600.5)
    address, _, rest = made.address.partition("&timestamp=")
    stamp, _, sign = rest.partition("&sign=")
    wanted = hmac.new(SECRET.encode(), f"1622721600500\n{SECRET}".encode(), hashlib.sha256)
    assert (address, stamp) == (GOOD["dingtalk"], "1622721600500")
    assert unquote(sign) == base64.b64encode(wanted.digest()).decode()
    assert "+" not in sign
    assert "/" not in sign
    assert made.body["markdown"]["title"] == "【微党课】《火种》"
    plain = robot_services.letter("dingtalk", GOOD["dingtalk"], "", TEXT, seconds=0)
    assert plain.address == GOOD["dingtalk"]


def test_feishu_is_signed_in_the_body():
    made = robot_services.letter("feishu", GOOD["feishu"], SECRET, TEXT, seconds=1622721600.9)
    wanted = hmac.new(f"1622721600\n{SECRET}".encode(), b"", hashlib.sha256).digest()
    assert made.body["timestamp"] == "1622721600"
    assert made.body["sign"] == base64.b64encode(wanted).decode()
    assert made.body["msg_type"] == "post"
    post = made.body["content"]["post"]["zh_cn"]
    assert post["title"] == "【微党课】《火种》"
    assert post["content"][-1] == [
        {"tag": "a", "text": "打开查看", "href": "https://study.example/p/abc/"}
    ]


@pytest.mark.parametrize("service", GOOD)
def test_a_long_text_is_cut_inside_the_limit_and_keeps_its_link(service):
    long = Text("长" * 120, tuple("文字" * 100 for _ in range(12)), TEXT.url)
    made = robot_services.letter(service, GOOD[service], "", long, seconds=0)
    raw = json.dumps(made.body, ensure_ascii=False)
    assert TEXT.url in raw
    if service == "feishu":
        assert len(raw.encode()) < 20 * 1024
    else:
        text = made.body["markdown"]["content" if service == "wechat_work" else "text"]
        assert len(text.encode()) <= 4096
        assert "…" in text


@pytest.mark.parametrize("most", range(10, 40))
def test_cutting_never_splits_a_character(most):
    cut = robot_services.clipped("党史学习a教育b" * 5, most)
    assert len(cut.encode()) <= most
    assert "\ufffd" not in cut


def test_nobody_makes_links_or_calls_everybody_by_what_they_write():
    text = Text("<@all> **x**", ("[点这里](https://evil.example)", "@all `x`"))
    made = robot_services.letter("wechat_work", GOOD["wechat_work"], "", text, seconds=0)
    said = made.body["markdown"]["content"].removeprefix("**")
    for sign in "<>[]()`@":
        assert sign not in said


@pytest.mark.parametrize(
    ("service", "answer", "outcome"),
    [
        ("wechat_work", {"errcode": 0, "errmsg": "ok"}, "sent"),
        ("wechat_work", {"errcode": 45009}, "again"),
        ("wechat_work", {"errcode": -1}, "again"),
        ("wechat_work", {"errcode": 93000}, "failed"),
        ("dingtalk", {"errcode": 0}, "sent"),
        ("dingtalk", {"errcode": 130101}, "again"),
        ("dingtalk", {"errcode": 410100}, "again"),
        ("dingtalk", {"errcode": 660026}, "again"),
        ("dingtalk", {"errcode": 310000}, "failed"),
        ("feishu", {"code": 0, "msg": "success"}, "sent"),
        ("feishu", {"StatusCode": 0, "StatusMessage": "success"}, "sent"),
        ("feishu", {"code": 11232}, "again"),
        ("feishu", {"code": 9499}, "again"),
        ("feishu", {"code": 9499, "msg": "Bad Request"}, "failed"),
        ("feishu", {"code": 19021}, "failed"),
        ("feishu", {"errcode": 0}, None),
        ("dingtalk", {}, None),
        ("dingtalk", [0], None),
        ("dingtalk", {"errcode": "0"}, None),
        ("dingtalk", {"errcode": False}, None),
        ("dingtalk", None, None),
    ],
)
def test_what_an_answer_means(service, answer, outcome):
    said = robot_services.meaning(service, answer)
    assert (said and said.outcome) == outcome
