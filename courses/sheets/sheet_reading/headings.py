"""What the headings of columns, sections and groups mean."""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from .cells import tight
from .dates import numeral, weekday_in
from .model import ABSENT, LATE, LEAVE, LEFT_EARLY, MADE_UP, OBSERVER, PRESENT


class Kind(Enum):
    """What a column holds."""

    __hash__ = object.__hash__  # looked up for each cell: Enum's own is many times as slow

    NAME = "name"
    SEQUENCE = "sequence"
    NUMBER = "number"
    GROUP = "group"
    STANDING = "full or probationary"
    UNIT = "unit"
    MARK = "mark"
    TICK = "tick"  # a column of one status: 迟到 | 请假 | 缺席
    REASON = "reason"
    REMARK = "remark"
    MAKE_UP = "make-up"
    SIGNED_IN = "time of signing in"
    SIGNED_OUT = "time of signing out"
    DATE = "date of the row"
    TOPIC = "topic of the row"
    PART = "part of the day of the row"
    TOTAL = "total"
    KEY = "key of the session"
    OTHER = "known, without meaning for attendance"


@dataclass(frozen=True)
class Heading:
    """A column's meaning; `status` is what a name or tick in it says; `leave` a kind of leave."""

    kind: Kind
    status: str | None = None
    leave: str | None = None


WHO = "(?:人员|人|党员|同志|名单|人员名单|人员姓名|党员姓名|人员签名|人员签字)"
LIST_STATUS = (
    ("出席|到会|参会|参加|与会|参学|实到|已到|出勤|签到|参加学习|到场|实际到会|实际参加", PRESENT),
    ("请假", LEAVE),
    ("缺席|未到|缺勤|未到会|未参加|未参会|旷会|无故缺席", ABSENT),
    ("迟到", LATE),
    ("早退", LEFT_EARLY),
    ("列席|旁听|邀请|特邀|列席参加|邀请列席", OBSERVER),
    ("补学|补课", MADE_UP),
)
LISTS = tuple((re.compile(f"(?:{words}){WHO}"), status) for words, status in LIST_STATUS)
WORDS = tuple((re.compile(f"(?:{words})"), status) for words, status in LIST_STATUS)

GUESTS = ("客人", "来宾", "嘉宾", "外来人员", "外单位人员", "其他支部人员", "外支部人员")

TICKS = {
    "迟到": (LATE, None),
    "迟到情况": (LATE, None),
    "早退": (LEFT_EARLY, None),
    "请假": (LEAVE, None),
    "缺席": (ABSENT, None),
    "缺勤": (ABSENT, None),
    "未到": (ABSENT, None),
    "未到会": (ABSENT, None),
    "未参加": (ABSENT, None),
    "旷会": (ABSENT, None),
    "旷课": (ABSENT, None),
    "旷工": (ABSENT, None),
    "无故缺席": (ABSENT, None),
    "列席": (OBSERVER, None),
    "出席": (PRESENT, None),
    "出勤": (PRESENT, None),
    "到会": (PRESENT, None),
    "参加": (PRESENT, None),
    "参会": (PRESENT, None),
    "实到": (PRESENT, None),
    "已到": (PRESENT, None),
    "到": (PRESENT, None),
    "按时": (PRESENT, None),
    "按时到会": (PRESENT, None),
    "准时": (PRESENT, None),
    "正常": (PRESENT, None),
} | {
    word: (LEAVE, word)
    for word in [
        "病假",
        "事假",
        "公假",
        "公出",
        "公差",
        "出差",
        "产假",
        "婚假",
        "丧假",
        "年假",
        "休假",
        "年休假",
        "探亲假",
        "其他假",
    ]
}

STATE = "(?:情况|状态|结果|记录|栏|与否|标记)?"
KINDS = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (
            r"(?:党员|人员|学员|职工|同志|参会人员?|参加人员?)?(?:姓名|名字|名称|姓名职务)",
            Kind.NAME,
        ),
        (
            r"党员|人员|学员|同志|成员|人名|党员名单|人员名单|名单|支部党员|应到.{0,2}|应参加.{0,2}",
            Kind.NAME,
        ),
        (r"应(?:到|参加|出席|参会)(?:会)?(?:人员|党员|人员姓名|党员姓名)", Kind.NAME),
        (r"活动编号|会议编号", Kind.KEY),
        (r"党员编号|党员号|党员代码|工号|职工号|员工号|人员编号|学号|党员ID|ID", Kind.NUMBER),
        (r"序号?|排序|顺序|NO\.?|No\.?|no\.?|行号|#", Kind.SEQUENCE),
        (r"编号|号码|号", Kind.SEQUENCE),
        (r"(?:所在|所属)?(?:党小组|小组|组别|组|分组|党小组名称)", Kind.GROUP),
        (
            r"正式/?预备|正式或预备|是否预备|党员类[别型]|党员身份|政治面貌|身份|人员类[别型]|类[别型]",
            Kind.STANDING,
        ),
        (
            r"(?:所在|所属|工作)?(?:单位|部门|科室|处室|党支部|支部|党组织|组织|班级|村组|单位名称)",
            Kind.UNIT,
        ),
        (
            rf"(?:出勤|出席|到会|参会|参加|考勤|签到|到场|参学|出缺勤|出缺席|到课|打卡|学习){STATE}",
            Kind.MARK,
        ),
        (
            r"(?:本人)?(?:签到|签名|签字|签到签名|签到签字|签字签到|手签|签到处|签名处|签字处)(?:栏)?",
            Kind.MARK,
        ),
        (
            r"到会签[到字名]|是否.{0,2}(?:参加|到会|出席|签到|参会|到场|出勤|到|参学)|到否|状态|点名|实到情况|情况",
            Kind.MARK,
        ),
        (r"实际(?:参加|到会|出席)(?:情况)?|到会与否|签到方式|考勤符号|标记|出勤登记", Kind.MARK),
        (
            r"(?:请假|未到|未到会|缺席|缺勤|未参加|未参会|不能参加|未出席|迟到|不到)?"
            r"(?:原因|事由|理由|缘由|缘故)(?:说明|及说明|备注)?",
            Kind.REASON,
        ),
        (r"请假(?:类[别型]|种类|情况|说明)|假别|(?:缺席|缺勤|未到)(?:说明|情况)|假种", Kind.REASON),
        (r"备注|说明|备考|附注|注|情况说明|备注说明|其他|其它|其他情况", Kind.REMARK),
        (r"(?:是否)?(?:补学|补课|补学习)(?:情况|时间|日期|方式|签[字名到]|记录)?", Kind.MAKE_UP),
        (r"(?:签到|到会|到达|到场|打卡|扫码|报到|进场)(?:时间|时刻)", Kind.SIGNED_IN),
        (r"签退(?:时间|情况)?|(?:离开|离会|离场|退场)时间", Kind.SIGNED_OUT),
        (r"日期|(?:学习|活动|会议|开会|上课|培训)(?:日期|时间)|时间|考勤日期", Kind.DATE),
        (r"(?:学习|活动|会议)?(?:主题|内容|议题|题目|专题)|活动名称|会议名称", Kind.TOPIC),
        (r"时段|午别|场次|上午/?下午", Kind.PART),
        (
            r"合计|小计|总计|共计|累计|总数|统计|汇总|.*次数|.*天数|.*率|.*合计|.*小计|.*累计|应到次数|"
            r"总出勤|出勤数|总次数|次|实到数|缺席数|请假数|.*总计",
            Kind.TOTAL,
        ),
        (
            r"性别|民族|年龄|学历|籍贯|文化程度|职务.{0,4}|职称|岗位|职级|党内职务|.*电话.{0,2}|.*手机号?码?|"
            r"联系方式|出生.{0,4}|入党.{0,4}|身份证.{0,3}|住址|地址|邮箱|微信号?|党龄|转正.{0,3}|"
            r"学时|学分|课时|积分|得分|分数|成绩|学习时长|时长|邮编|家庭住址|体温|健康码|座位号?|座号",
            Kind.OTHER,
        ),
    )
)
BRACKETS = re.compile(r"[(\[【〔《<].*?[)\]】〕》>]")


@lru_cache(maxsize=8192)
def heading(text: str) -> Heading | None:
    """What the text means as a column's heading, or None."""
    word = tight(text)
    if not word or len(word) > 40:
        return None
    bare = BRACKETS.sub("", word).strip(":*、.。_-/") or word
    if bare in TICKS:
        return Heading(Kind.TICK, *TICKS[bare])
    for pattern, status in LISTS:
        if pattern.fullmatch(bare):
            return Heading(Kind.NAME, status)
    for pattern, kind in KINDS:
        if pattern.fullmatch(bare):
            return Heading(kind)
    return None


@lru_cache(maxsize=8192)
def section(text: str) -> str | None:
    """The status that a heading over rows gives them: 列席人员, 请假：, 缺席人员名单 (3人)."""
    word = tight(text)
    bare = re.sub(r"^[一二三四五六七八九十\d]+[、.]|^注:", "", BRACKETS.sub("", word))
    bare = re.sub(r"[:：*]|共?\d+[人名]", "", bare)
    for pattern, status in LISTS:
        if pattern.fullmatch(bare):
            return status
    if bare in GUESTS:
        return PRESENT
    if bare != word:  # a bare 请假 may be a mark; "请假:" over rows is a heading
        for pattern, status in WORDS:
            if pattern.fullmatch(bare):
                return status
    return None


GROUP = re.compile(
    r"(?:第?([一二三四五六七八九十]{1,3}|\d{1,2})(?:党小组|小组|组|党员小组)"
    r"|(?:党小组|小组|组)([一二三四五六七八九十]{1,3}|\d{1,2}))"
    r"(?:[(（:：].*|组长.*|成员|名单|\d+人)?"
)
NAMED_GROUP = re.compile(r"[\u4e00-\u9fff]{1,8}(?:党小组|小组)(?:[(（:：].*|成员|名单)?")


@lru_cache(maxsize=8192)
def group_of(text: str) -> str | None:
    """The group that a cell or a row between the rows names, as a comparable word."""
    word = tight(text)
    if not word or len(word) > 24:
        return None
    found = GROUP.fullmatch(word)
    if found:
        return str(numeral(found[1] or found[2]))
    if NAMED_GROUP.fullmatch(word):
        return re.sub(r"(?:党小组|小组).*$", "", word)
    return None


def same_group(one: str, other: str) -> bool:
    """一组, 第一党小组, 1组 and 党小组1 are one group."""
    if not one or not other:
        return False
    return (group_of(one) or tight(one)) == (group_of(other) or tight(other))


NON_MEMBER = re.compile(
    r"入党积极分子|积极分子|发展对象|入党申请人|申请人|群众|非党员|非中共党员|共青团员|团员|民主党派|无党派"
)
ORDINAL = re.compile(r"第?([一二三四五六七八九十]{1,3}|\d{1,2})(?:次|期|讲|课|场|节|周|轮|专题)")


def non_member(text: str) -> str | None:
    """入党积极分子, 群众 …: people in the sheet who are no members of the Party."""
    found = NON_MEMBER.search(tight(text))
    return found[0] if found else None


def is_ordinal(text: str) -> bool:
    """第1次, 第二讲: a column of its own, whose date stands elsewhere or nowhere."""
    return bool(ORDINAL.match(tight(text)))


def is_weekday(text: str) -> bool:
    word = tight(text)
    return weekday_in(word) is not None and len(word) <= 5
