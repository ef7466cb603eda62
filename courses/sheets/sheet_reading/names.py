"""Names as they are written in sheets, reduced to what can be compared."""

import re
from dataclasses import dataclass
from functools import lru_cache

from .cells import clean, fold, tight
from .headings import group_of, heading, non_member, section
from .leave import kind_in
from .marks import VOCABULARY, Legend, judge

CJK = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
DOTS = "·•・∙⋅‧●.｡･˙ꞏ∘"
NUMBERING = re.compile(
    rf"^(?:\d{{1,4}}[.、,:)\-]+|\d{{1,3}}(?=[{CJK}])|[一二三四五六七八九十]{{1,3}}[、.])"
)
BRACKETED = re.compile(r"[(\[【〔<《{]([^)\]】〕>》}]*)(?:[)\]】〕>》}]|$)")
LONG_NUMBER = re.compile(r"\d{5,12}")
TITLE = (
    r"同志|(?:党)?(?:总支|支部)?(?:第一)?副?书记|(?:组织|宣传|纪检|青年|统战|生活|保密|群工|学习)?委员|党?小?组长|"
    r"(?:村|副|总|办公室)?(?:主任|局长|处长|科长|校长|院长|所长|镇长|乡长|县长|市长|村长|站长|队长|主席|部长|经理|"
    r"馆长|股长|调研员|巡视员|主任科员|科员|会计|出纳)|老师|教师|医生|医师|护士长?|主治医师|主任医师|工程师|教授|"
    r"先生|女士|(?:中共)?(?:预备|正式)?党员|预备|正式|退休|离休|老党员|女|男|主持人?|主讲人?|记录人?|领学人?"
)
TITLES = re.compile(f"(?:{TITLE})+")
MARKS_BESIDE = re.compile(r"[*#△▲★☆※○●◎√×✓✔✗✘+☑~^=@'\-_/、,。.:;!]+")
PERSON = re.compile(rf"[{CJK}]{{2,4}}|[{CJK}]{{1,9}}(?:·[{CJK}]{{1,9}}){{1,3}}")
# Words that stand where names stand: feet, signatures, totals.
NOT_NAMES = re.compile(
    r"合计|小计|总计|共计|备注|说明|图例|应到|实到|请假|缺席|缺勤|迟到|早退|列席|签到|签字|签名|审核|填表|制表|记录|统计|"
    r"负责|日期|时间|地点|主持|主讲|主题|内容|党支部|支部|党委|总支|党小组|小组|第.+[组页次]|组长|书记|委员|人数|人员|名单|"
    r"单位|年度|盖章|公章|第.*页|共.*页|以上|以下|空白|注[:：]?$|党员|姓名|序号|出勤|参会|学时|其他|其余|无$|全体|各位|考勤员?|点名"
)


@dataclass(frozen=True)
class Written:
    """A name cell: the bare name, and what stood beside it (brackets, numbers, signs)."""

    name: str
    notes: tuple[str, ...] = ()
    number: str = ""


@lru_cache(maxsize=32768)
def key(name: str) -> str:
    """What two spellings of one name have in common: no spaces, no middle dots."""
    return re.sub(rf"[{re.escape(DOTS)}]", "", tight(name))


@lru_cache(maxsize=32768)
def written(text: str) -> Written:
    """The bare name in a cell such as "3．王 伟（预备）", "佟砚秋√" or "李明 13900000000"."""
    word = fold(clean(text))
    notes = [note.strip() for note in BRACKETED.findall(word) if note.strip()]
    word = tight(BRACKETED.sub("", word))
    numbers = LONG_NUMBER.findall(word)
    word = NUMBERING.sub("", LONG_NUMBER.sub("", word))
    dotted = re.sub(rf"(?<=[{CJK}])[{re.escape(DOTS)}]+(?=[{CJK}])", "·", word)
    for sign in MARKS_BESIDE.findall(dotted):
        notes.append(sign)
    dotted = MARKS_BESIDE.sub("", dotted)
    trailing = re.search(r"\d{1,2}$|(?<=[\u4e00-\u9fff])[A-Da-d]$", dotted)
    if trailing:
        notes.append(trailing[0])
        dotted = dotted[: trailing.start()]
    number = next((n for n in numbers if not re.fullmatch(r"1[3-9]\d{9}", n)), "")
    return Written(dotted, tuple(notes), number)


@lru_cache(maxsize=32768)
def untitled(name: str) -> tuple[str, str]:
    """The name without 同志, 书记, 预备 … before or after it, and what was taken off."""
    found = re.match(rf"(?P<pre>(?:{TITLE})*?)(?P<name>.{{2,}}?)(?P<post>(?:{TITLE})*)$", name)
    if not found or not (found["pre"] or found["post"]):
        return name, ""
    return found["name"], found["pre"] + found["post"]


@lru_cache(maxsize=32768)
def looks_like_name(text: str) -> bool:
    """Whether a cell that no roster knows could be a person's name all the same."""
    name = untitled(written(text).name)[0]
    if not PERSON.fullmatch(name) or NOT_NAMES.search(name):
        return False
    if heading(name) or group_of(name) or section(name) or non_member(name):
        return False
    if kind_in(name) and len(name) <= 4 and kind_in(name) == (name, (kind_in(name) or "")[1]):
        return False
    return not judge(name, Legend()).status and not VOCABULARY.fullmatch(name)


def split_names(text: str) -> list[str]:
    """The names of a list "甲、乙（病假）、丙"; separators inside brackets do not separate."""
    parts, depth, start = [], 0, 0
    line = fold(clean(text))
    for at, character in enumerate(line):
        depth += (character in "([【") - (character in ")]】")
        if (depth <= 0 and character in "、,;\n。/|") or (depth <= 0 and character == " "):
            parts.append(clean(text)[start:at])
            start = at + 1
    parts.append(clean(text)[start:])
    return [part.strip() for part in _joined_spaces(parts) if part.strip()]


def _joined_spaces(parts: list[str]) -> list[str]:
    """A two-character name spread over a space (叶 澈) is one name."""
    joined: list[str] = []
    for part in parts:
        if joined and len(tight(part)) == 1 and len(tight(joined[-1])) == 1:
            joined[-1] += part
        else:
            joined.append(part)
    return joined
