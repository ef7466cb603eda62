"""The columns of a register by their headings, in the words that offices use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from portal.people_in.model import MEMBERS, ORGANISATIONS, STAYS

_OF = r"(?:现)?(?:组织关系)?(?:所在|所属|隶属|现在)?(?:的)?(?:基层)?"
_DAY = r"(?:时间|日期|年月日)"

# Each field with its headings, the surest first: of two columns the surer one is read.
FIELDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    MEMBERS: {
        "number": (
            r"党员(?:身份)?(?:证?编号|编码|证?号码?|代码|ID)",
            r"(?:人员|身份|个人|用户)(?:编号|编码|代码)",
            r"编号|编码|证号|党证(?:编号|号码?)|登录(?:编号|账号|名)|账号",
            r"(?:职|员|教|学|教职|学生)?工?号|(?:职工|员工|教职工|学生)(?:编号|号)|学工号|警号|工作证号",
        ),
        "name": (r"(?:党员)?姓名|党员名称|名字", r"党员|党员同志"),
        "branch_code": (
            _OF + r"党?支部(?:编码|编号|代码)",
            _OF + r"(?:党组织|组织机构|组织|机构)(?:编码|编号|代码)",
        ),
        "branch": (
            _OF + r"党?支部(?:委员会)?(?:名称|全称|简称)?",
            _OF + r"(?:党组织|组织)(?:名称|全称|简称)?|组织关系(?:所在)?(?:单位|支部)?",
        ),
        "parent": (
            r"(?:直接)?上级(?:党组织|组织|党委|党总支)?(?:名称|全称|简称)?",
            _OF + r"(?:党委|党总支|总支|党工委|机关党委)(?:名称|全称)?",
        ),
        "group": (_OF + r"党?小组(?:名称|组别)?|组别|分组|第几组",),
        "status": (
            r"党员类[别型]|正式预备(?:党员)?|党员(?:性质|身份|分类|种类)|正式与预备",
            r"政治面貌|党籍情况|类[别型]|预备(?:与|和)?正式(?:党员)?",
        ),
        "category": (
            r"人员类[别型]|人员(?:状态|身份|分类)|在职(?:情况|状态)?|在职离退休(?:学生)?|在岗(?:情况|状态)",
            r"身份类[别型]|工作状态|身份",
        ),
        "is_probationary": (r"(?:是否)?(?:为|是)?预备(?:党员)?",),
        "is_full": (r"(?:是否)?(?:为|是)?正式(?:党员)?|是否(?:已)?转正",),
        "is_retired": (r"(?:是否)?(?:为|是)?(?:离退休|退休|离休)(?:人员|党员)?",),
        "phone": (
            r"(?:本人|联系)?手机(?:号码?|电话|联系方式)?|移动电话(?:号码)?",
            r"(?:本人)?(?:联系)?电话(?:号码?)?|联系方式|联系号码",
        ),
        "joined_on": (
            rf"入党(?:的)?{_DAY}|入党年月|何时入党|"
            rf"(?:加入|参加)(?:中国共产党|中共|党组织|中共党组织|中国共产党组织|党)(?:的)?{_DAY}|"
            r"(?:加入|参加)(?:中国共产党|中共|党组织|党)年月",
            rf"入党|党员(?:加入|参加){_DAY}|"
            rf"(?:批准|接收|吸收|发展|确定|成为|列)(?:为)?预备党员(?:的)?{_DAY}",
        ),
        "day": (
            rf"(?:组织关系)?(?:转入|转接|转出|调入|调出|入册|变动|离开|去世|转移){_DAY}",
            rf"进入(?:当前|本|现)(?:党)?支部{_DAY}",
        ),
        "leaving": (
            r"去向|变动(?:情况|类[别型]|原因)|离开(?:原因|情况)|减少原因|党员状态|在册(?:情况|状态)|是否在册",
        ),
    },
    ORGANISATIONS: {
        "parent_code": (r"(?:直接)?上级(?:党组织|组织|党委|机构|单位)?(?:编码|编号|代码)",),
        "code": (
            r"(?:党组织|党支部|支部|组织|组织机构|机构|单位)?(?:编码|代码)",
            r"(?:党组织|党支部|支部|组织|组织机构|机构|单位)?编号",
        ),
        "name": (
            r"党组织(?:名称|全称)|(?:组织|机构|党支部|支部)?(?:名称|全称)",
            r"党组织|单位(?:名称|全称)|组织机构(?:名称|全称)",
            r"党支部|支部",
        ),
        "short_name": (r"(?:党组织|组织|支部|单位)?简称",),
        "kind": (
            r"(?:党组织|组织|机构|支部)?类[别型]|(?:党组织|组织)(?:级别|性质|层级|形式|设置)",
        ),
        "cohort": (
            r"(?:所属|所在|归口|行业|单位)?(?:系统|战线|口|条线|行业)(?:类[别型]|名称)?|归口|"
            r"单位(?:类[别型]|性质)|排名(?:组别|分组|类[别型])|组别|类组",
        ),
        "parent": (
            r"(?:直接)?上级(?:党组织|组织|党委|机构|单位)?(?:名称|全称|简称)?",
            r"(?:所属|隶属|所在)(?:党组织|党委|上级|单位|组织|关系)?(?:名称)?|主管(?:党委|党组织|部门)",
        ),
        "unit": (r"是否(?:为|是)?(?:排名|参评|统计|考核|基本)?单位|(?:排名|参评)单位",),
        "founded_on": (rf"(?:批准)?(?:成立|建立|组建|设立|批准){_DAY}",),
        "merged_into": (r"并入(?:党组织|党支部|支部|单位)?(?:名称)?|合并到|合并至|并入何处",),
        "dissolved_on": (rf"(?:撤销|并入|合并|变动|注销){_DAY}",),
        "standing": (r"状态|党组织状态|是否撤销|变动情况|是否注销",),
    },
    STAYS: {
        "number": (r"党员(?:身份)?(?:编号|编码|证号|号码?)", r"编号|编码"),
        "name": (r"(?:党员|流动党员)?姓名", r"党员|流动党员"),
        "since": (rf"(?:外出|流出|离开)(?:的)?{_DAY}|何时外出", r"外出自|外出起始" + _DAY),
        "region": (
            r"(?:流入地|外出地|去向地|现居住?地)(?:点|区|址)?|流入(?:省|地区)|外出地[点址区]",
            r"去向|流向|外出去向",
        ),
        "reason": (r"(?:外出|流动)(?:原因|事由|类[别型])|原因",),
        "host": (r"流入地?(?:党组织|党支部|支部|组织)(?:名称|全称)?", r"(?:接收|挂靠)党组织"),
        "contact": (r"(?:支部)?联系人(?:的)?(?:党员)?编号", r"联系人编码"),
        "last_contact_on": (rf"(?:最近|最后|上次)(?:一次)?联系(?:{_DAY})?", rf"联系{_DAY}"),
        "reported_on": (rf"(?:流入地)?报到{_DAY}",),
        "expected_until": (rf"(?:预计|预期|计划|拟)(?:返回|回来|流回|结束|返乡)(?:{_DAY})?",),
        "until": (rf"(?:返回|回来|流回|结束|返乡){_DAY}",),
    },
}
REQUIRED = {
    MEMBERS: ("number", "name"),
    ORGANISATIONS: ("code", "name"),
    STAYS: ("number", "name"),
}
WANTED = {
    MEMBERS: "党员编号、姓名、所在党支部、党小组、党员类别、手机号码、入党时间",
    ORGANISATIONS: "编码、党组织名称、类别、系统、上级党组织",
    STAYS: "党员编号、姓名、外出时间、流入地、外出原因",
}
LABELS = {
    "number": "党员编号",
    "name": "姓名",
    "branch": "所在党支部",
    "code": "编码",
    "status": "党员类别",
    "parent": "上级党组织",
    "group": "党小组",
    "category": "人员类别",
    "phone": "手机号码",
    "joined_on": "入党时间",
    "merged_into": "并入",
    "since": "外出时间",
    "region": "流入地",
    "reason": "外出原因",
    "host": "流入地党组织",
    "contact": "联系人编号",
    "last_contact_on": "最近联系",
    "reported_on": "报到日期",
    "expected_until": "预计返回",
    "until": "返回时间",
}
# Never read, wherever it stands: the portal keeps neither ID-card numbers nor birthdays.
PRIVATE = re.compile(r"身份证|公民身份|身份号|证件号|证件编号|出生|生日|生辰")
_COMPILED = {
    kind: {
        name: [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
        for name, patterns in fields.items()
    }
    for kind, fields in FIELDS.items()
}
_ANY = {
    kind: re.compile("|".join(f"(?:{p})" for ps in fields.values() for p in ps), re.IGNORECASE)
    for kind, fields in FIELDS.items()
}
SEVERAL = re.compile("[/／、或|｜､]")
NUMERIC = re.compile(r"[\d.\-/ :]+")  # the cells of a list that name nothing


def plain(text: str) -> str:
    """A heading without spaces, brackets, stars and the slashes of 正式/预备."""
    text = "".join(unicodedata.normalize("NFKC", text).split())
    return re.sub(r"\(.*?\)|\[.*?\]|【.*?】|\(.*$|[*★☆:/、或|]", "", text)


@lru_cache(maxsize=4096)
def field_of(text: str, kind: str) -> tuple[str, int] | None:
    """The field that a heading names and how sure that is (0: surest), or None."""
    if NUMERIC.fullmatch(text):
        return None
    heading = plain(text)
    if not heading or len(heading) > 20 or is_private(text):
        return None
    for part in (heading, *_parts(text)):
        if not _ANY[kind].fullmatch(part):
            continue
        found = [
            (rank, name)
            for name, patterns in _COMPILED[kind].items()
            for rank, pattern in enumerate(patterns)
            if pattern.fullmatch(part)
        ]
        if found:
            return min(found)[1], min(found)[0]
    return None


def _parts(text: str) -> list[str]:
    """The words of a heading that says the same in two ways: 编号/党员号, 手机 或 电话."""
    if not SEVERAL.search(text):
        return []
    parts = [plain(part) for part in re.split(r"[/、或|]", unicodedata.normalize("NFKC", text))]
    return [p for p in parts if p] if len(parts) > 1 else []


def is_private(text: str) -> bool:
    heading = plain(text)
    return len(heading) <= 20 and bool(PRIVATE.search(heading))
