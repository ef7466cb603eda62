"""The cells of a register as text: dates, phone numbers, names, and ID-card numbers kept out."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from portal.workbooks import Value

INVISIBLE = re.compile("[\u00ad\u061c\u180e\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u206f\x00-\x08]")
DOTS = re.compile("[•・∙⋅‧●.｡･˙ꞏ∘]")
DASHES = re.compile("[‐‑‒–—―−─━﹘﹣－]")
# 18 digits with a day of birth inside (the last may be X), and the 15 digits of before 1999.
BIRTH = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
ID_CARD = re.compile(
    rf"(?<!\d)[1-8]\d{{5}}(?:(?:18|19|20)\d\d{BIRTH}\d{{3}}[\dXx]|\d\d{BIRTH}\d{{3}})(?!\d)"
)
ID_LENGTH = 15  # digits at least
LONG_DIGITS = re.compile(r"\d{15,}[Xx]?")
FOUNDED = date(1921, 7, 1)  # the Party's own day: nobody joined before
EPOCH = date(1899, 12, 30)  # Excel's day 0
BLANK = re.compile(
    r"[-/\\.。、~]+|无|没有|暂无|暂缺|空|不详|未知|不清楚|未填|N/?A|NULL|NONE", re.IGNORECASE
)
DITTO = re.compile(r"同上|〃|''|\"|′′|″")
OFFICE = (
    r"同志|老师|(?:党?支部|总支|党委)?(?:第一)?副?书记|(?:组织|宣传|纪检|统战|青年|群工|生活)委员|"
    r"委员|(?:党?小)?组长|副?(?:主任|主席|校长|院长|局长|科长|处长|所长|站长|镇长|乡长|村长)"
)
# What people put in brackets behind a name without meaning a part of it.
BESIDE_NAME = re.compile(
    rf"[男女]|[\u4e00-\u9fff]{{1,5}}族|(?:离退|离|退)休|(?:正式|预备)(?:党员|期)?|{OFFICE}"
)
WITH_OFFICE = re.compile(rf"([\u4e00-\u9fff·]{{2,}}?)(?:{OFFICE})")
DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0}


class BadCell(Exception):
    """The cell cannot be read; the text says how to mend it."""


def text_of(value: Value) -> str:
    """A cell as a person reads it: narrow characters, whole numbers without a point, ISO days."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.12g}"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, str) and value.isalnum() and unicodedata.is_normalized("NFKC", value):
        return value  # most cells of a long list
    text = unicodedata.normalize("NFKC", INVISIBLE.sub("", str(value)))
    text = " ".join(DASHES.sub("-", text).split())
    quoted = re.fullmatch(r'="(.*)"', text)  # how some programs keep zeros in .csv
    return quoted[1] if quoted else text.removeprefix("'")


def tight(text: str) -> str:
    """Without any space: how headings and names are compared."""
    return "".join(text.split())


def has_id_card(text: str) -> bool:
    return len(text) >= ID_LENGTH and bool(ID_CARD.search(re.sub(r"[\s\-]", "", text)))


def masked(text: str) -> str:
    """A value fit to be shown: long rows of digits, which may be ID-card numbers, are hidden."""
    squeezed = re.sub(r"[\s\-]", "", text)
    if not LONG_DIGITS.search(squeezed):
        return text
    return LONG_DIGITS.sub(lambda m: f"{m[0][:3]}{'*' * (len(m[0]) - 3)}", squeezed)


def is_blank(text: str) -> bool:
    """Whether a cell says that there is nothing to say: 无, /, -, 不详."""
    return not text[:1].isdigit() and bool(BLANK.fullmatch(tight(text)))


@dataclass(frozen=True)
class Name:
    """A person's name, and what stood beside it: 女, 预备, 书记."""

    text: str
    beside: str = ""


def name_of(text: str) -> Name:
    """A person's name without inner spaces, with one kind of middle dot, without title or sex."""
    text, beside = text.strip("*★☆●△▲※# "), ""
    found = re.fullmatch(r"(.*?)\s*[(\[](.+)[)\]]", text)
    if found and BESIDE_NAME.fullmatch(tight(found[2])):
        text, beside = found[1], tight(found[2])
    latin = re.fullmatch(r"[A-Za-z][A-Za-z .'\-]+", text)
    name = text if latin else DOTS.sub("·", tight(text))
    if titled := WITH_OFFICE.fullmatch(name):
        name, beside = titled[1], name
    if re.fullmatch(rf".(?:{OFFICE})", name):
        raise BadCell("请写姓名全名，不要用职务代替。")
    if len(name) < 2 or len(name) > 40 or re.search(r"[\d()\[\]/,、;:*?!=+@#]", name):
        raise BadCell("姓名不像人名，请只写姓名，其他说明写在别的列。")
    return Name(name, beside)


def number_of(text: str, *, numeric: bool) -> str:
    """A member number or code: letters, digits and hyphens, at most 24."""
    number = tight(text)
    if re.fullmatch(r"\d(?:\.\d+)?[Ee]\+\d+", number) or (numeric and len(number) > 15):
        raise BadCell("编号太长，Excel 已改动末尾数字。请把这一列设为“文本”后重新填写。")
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_\-]{0,23}", number):
        raise BadCell("编号只能是字母、数字和短横，最多 24 位。")
    return number


def phone_of(text: str) -> str:
    """One phone number, digits only, without +86."""
    digits = re.sub(r"[\s\-()]", "", text)
    digits = re.sub(r"^(?:\+|00)?86(?=1[3-9]\d{9}$)", "", digits)
    if re.fullmatch(r"\d(?:\.\d+)?[Ee]\+?\d+", digits):
        raise BadCell("号码被 Excel 改成了科学计数，末尾已看不出。请把这一列设为“文本”后重新填写。")
    if not re.fullmatch(r"1[3-9]\d{9}|0\d{9,11}", digits):
        raise BadCell("请只写一个手机号码，11 位数字（固定电话要带区号）。")
    return digits


def day_of(text: str, *, today: date) -> date:
    """A day in any common form: 2001-7-1, 2001年7月1日, 二〇〇一年…, 20010701, 98.7.1, 37073."""
    plain = re.sub(r"\(.*?\)", "", text)
    plain = re.sub(r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$", "", plain.strip())
    plain = re.sub(r"[日号]$", "", tight_numerals(plain))
    parts = [p for p in re.split(r"[年月./\-、,\s]+", plain.strip()) if p]
    if not parts or not all(p.isascii() and p.isdigit() for p in parts):
        raise BadCell("看不出是哪一天，请写成 2001-07-01 的样子。")
    if len(parts) == 1:
        return _of_digits(parts[0], today)
    if len(parts) == 2:
        raise BadCell("只有年月，没有日，请写成 2001-07-01 的样子。")
    if len(parts) > 3 or len(parts[0]) not in (2, 4):
        raise BadCell("看不出年月日的先后，请写成 2001-07-01 的样子。")
    year, month, day = (int(p) for p in parts)
    if year < 100:
        year += 2000 if 2000 + year <= today.year else 1900
    return _date(year, month, day)


@dataclass(frozen=True)
class Since:
    """A day of long ago; of some only the month is known, which stands as its first day."""

    day: date
    whole: bool = True


def since_of(text: str, *, today: date, numeric: bool = False) -> Since:
    """A day, or a month as registers have it: 1987.7, 198707, 1987年7月.

    A number may have lost its last zero: whether 1987.1 is January or October is not guessed.
    """
    plain = re.sub(r"\(.*?\)", "", text).strip()
    if numeric and re.fullmatch(r"\d{4}\.1", plain):
        year = plain[:4]
        raise BadCell(f"看不出是 {year} 年 1 月还是 10 月，请写成 {year}-01 或 {year}-10 的样子。")
    month = re.fullmatch(
        r"((?:19|20)\d\d)(?:[年./\-、\s]+(1[0-2]|0?[1-9])|(1[0-2]|0[1-9]))月?(?:份|\s*日?)?",
        tight_numerals(plain),
    )
    if month:
        return Since(date(int(month[1]), int(month[2] or month[3]), 1), whole=False)
    return Since(day_of(text, today=today))


def joined_of(text: str, *, today: date, numeric: bool = False) -> Since:
    """When somebody joined the Party: between its founding and today."""
    since = since_of(text, today=today, numeric=numeric)
    if not FOUNDED <= since.day <= today:
        shown = since.day.isoformat() if since.whole else f"{since.day:%Y-%m}"
        raise BadCell(f"{shown} 不可能是入党时间，请核对。")
    return since


def tight_numerals(text: str) -> str:
    """Chinese numerals as digits: 二〇〇一年七月一日 → 2001年7月1日."""

    def digits(found: re.Match[str]) -> str:
        word = found[0]
        if "十" not in word:
            return "".join(str(DIGITS[c]) for c in word)
        tens, _, ones = word.partition("十")
        return str((DIGITS[tens] if tens else 1) * 10 + (DIGITS[ones] if ones else 0))

    return re.sub(r"(?:[一二三]?十[一二三四五六七八九]?|[〇零○一二三四五六七八九]+)", digits, text)


def _of_digits(digits: str, today: date) -> date:
    if len(digits) == 8:
        return _date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    if len(digits) in (4, 5) and 7_000 <= int(digits) <= 73_050:
        return EPOCH + timedelta(days=int(digits))
    if len(digits) in (4, 6):
        raise BadCell("没有写到日，请写成 2001-07-01 的样子。")
    raise BadCell("看不出是哪一天，请写成 2001-07-01 的样子。")


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise BadCell(f"没有 {year}年{month}月{day}日 这一天，请核对。") from error


def phone_shown(number: str) -> str:
    """A phone number as previews show an old one: 139****8000."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 8 else number
