"""What a mark says about a person: √, ×, 迟到, 病假（已补学）, 8:25 …, by itself or by a legend."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from . import leave
from .cells import tight
from .model import ABSENT, LATE, LEAVE, LEFT_EARLY, MADE_UP, NOT_YET, OBSERVER, PRESENT, UNSTATED

SYMBOLS = {
    **dict.fromkeys("√✓✔☑✅🗸", "√"),
    **dict.fromkeys("×✗✘✕✖╳❌☒⨯", "×"),
    **dict.fromkeys("○◯〇⭕⚪◦", "○"),
    **dict.fromkeys("●⚫◉•⬤", "●"),
    **dict.fromkeys("△▵∆Δ", "△"),
    **dict.fromkeys("▲▴", "▲"),
    **dict.fromkeys("/∕⁄／", "/"),
    **dict.fromkeys("\\＼", "\\"),
    **dict.fromkeys("☆✩", "☆"),
    **dict.fromkeys("★", "★"),
    **dict.fromkeys("◎⊙☉", "◎"),
    **dict.fromkeys("□☐▢", "□"),
}
WHOLE = {
    "V": "√",
    "v": "√",
    "X": "×",
    "x": "×",
    "O": "○",
    "o": "○",
    "一": "-",
    "对勾": "√",
    "勾": "√",
}
# Certain in every sheet; all other symbols need a legend.
PLAIN = {"√": PRESENT, "×": ABSENT}
PUNCTUATION = "()[]【】,.;:、。!+&|\"'“”‘’<>《》~-/=…"

LEXICON = {
    PRESENT: (
        "按时到会 按时参加 按时 准时 到会 已到会 已到 出席 出勤 参加 参会 与会 到场 在场 "
        "实到 正常 全勤 签到 "
        "已签到 已签 到位 到课 参学 已参加 已参会 参加学习 线上 视频 网上 腾讯会议 "
        "视频会议 线上会议 网络会议 钉钉会议 电话会议 "
        "全程 在岗 已学 "
        "OK YES Y TRUE 是 有 对 "
        "打勾 对勾 本人签到 扫码 扫码签到 刷卡 人脸 指纹 电子签到 现场签到 线下 现场"
    ),
    LATE: "迟到 晚到 来晚 稍晚 晚来 晚点到",
    LEFT_EARLY: "早退 提前离会 提前退会 早走 提前离席 离席 提前离开 提前离场 提前退场 "
    "中途离开 中途离场 中途退场 提前走 先走 早走 中途有事离开",
    ABSENT: (
        "缺席 缺勤 旷会 旷课 旷工 未到 未到会 未到场 没到 没来 未来 未参加 没参加 未参会 "
        "不参加 未出席 未签到 "
        "未签 无故 不到 未请假 没请假 没有请假 未能参加 未能到会 未出勤 NO N FALSE 否"
    ),
    OBSERVER: "列席 旁听",
    MADE_UP: "补学 已补学 补课 已补课 已补 完成补学 补学完成 已自学补课 会后补学",
    NOT_YET: "未登记 尚未签到 待签到 未点名 尚未点名",
    # Known, but saying nothing about the status.
    "": "未补学 待补学 未补 需补学 待补 未补课 需补课 应补学 补学待定",
}
WORDS = {word: status for status, words in LEXICON.items() for word in words.split()}
SINGLES = {
    "到": PRESENT,
    "迟": LATE,
    "退": LEFT_EARLY,
    "缺": ABSENT,
    "旷": ABSENT,
    "补": MADE_UP,
    "席": None,
}
VOCABULARY = re.compile(
    "|".join(sorted({*WORDS, *leave.GROUPS, *leave.GENERIC[:-1]}, key=len, reverse=True))
)
FILLER = re.compile(
    r"会议?|了|本人|人员|情况|良好|已|全程|学习|党课|活动|党日|会场|参与|的|分会场|\d+"
)
ASKING = re.compile(
    r"[?？]|待定|待核|待查|不详|不清|存疑|代签|代到|代$|补签|不确定|未知|核实|#REF|#N/A|#VALUE|#NAME|#DIV"
)
CLOCK = re.compile(r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2})?(?:上午|下午|晚上)?\d{1,2}:\d{2}(?::\d{2})?")
TOKEN = re.compile(
    r"[\u3400-\u9fff\U00020000-\U0003ffff〇]+|[A-Za-z]+|[\d.:%]+|[^\w\s]", re.UNICODE
)


@dataclass(frozen=True)
class Verdict:
    """What a cell says. Neither status nor doubt: it says nothing (as a blank does)."""

    status: str | None = None
    leave: str | None = None
    doubt: str = ""

    @property
    def silent(self) -> bool:
        return not self.status and not self.doubt


SILENT = Verdict()


@dataclass(frozen=True)
class Legend:
    """The sheet's own key to its marks; `blank` is what it says of an empty cell.

    `everyone`: a sentence says that all came; `coloured`: colours mean something here;
    `exact`: the sheet is our own export, whose columns mean just what they say.
    """

    marks: Mapping[str, Verdict] = field(default_factory=dict)
    blank: Verdict | None = None
    everyone: bool = False
    exact: bool = False
    coloured: bool = False


@lru_cache(maxsize=8192)
def symbol(text: str) -> str:
    """The mark in one spelling: all ticks are √, all crosses ×, all dashes -."""
    word = tight(text)
    if word in WHOLE:
        return WHOLE[word]
    word = "".join(SYMBOLS.get(character, character) for character in word)
    return "-" if word and not word.strip("-") else word


def judge(text: str, legend: Legend) -> Verdict:
    """What a mark says; a legend goes before all habit. Doubt is told, never resolved here."""
    word = symbol(text)
    if not word or word in ("□", "'", "`"):
        return legend.marks.get(word, SILENT)
    known = _by_legend(word, legend)
    if known:
        return known
    if word in PLAIN:
        return Verdict(PLAIN[word])
    if ASKING.search(word) or ("上午" in word and "下午" in word):
        return Verdict(doubt="unclear")
    if CLOCK.fullmatch(word):
        return Verdict(PRESENT)
    if word == "1":
        return Verdict(PRESENT)
    if not re.search(r"[\u3400-\u9fffA-Za-z]", word) and not any(c in PLAIN for c in word):
        return Verdict(doubt="symbol")
    single = SINGLES.get(word)
    if single:
        return Verdict(single)
    return _combined(word, legend)


def _by_legend(word: str, legend: Legend) -> Verdict | None:
    if word in legend.marks:
        return legend.marks[word]
    # A circle is often typed as a letter or a zero.
    return legend.marks.get("○") if word in ("0", "O", "o") else None


def _combined(word: str, legend: Legend) -> Verdict:
    """Several words or symbols in one cell: √（迟到）, 请假(病), 病假（已补学）."""
    verdicts: list[Verdict] = []
    rest = ""
    # The brackets of 早退（有事） tell why somebody left; they make no leave of it.
    if re.match(r"[√]?(?:迟到|早退)\(", word):
        word = re.sub(r"\(.*?\)", "", word)
    for token in TOKEN.findall(word):
        known = _by_legend(token, legend)
        if known:
            verdicts.append(known)
        elif token in PLAIN:
            verdicts.append(Verdict(PLAIN[token]))
        elif SINGLES.get(token):
            verdicts.append(Verdict(SINGLES[token]))
        elif token in leave.SINGLES:
            verdicts.append(Verdict(LEAVE, leave.SINGLES[token]))
        elif re.match(r"\w", token):
            found, left = _words(token)
            verdicts += found
            rest += left
        elif token not in PUNCTUATION:
            rest += token
    return _settled(verdicts, rest)


def _words(token: str) -> tuple[list[Verdict], str]:
    if not re.match(r"[\u3400-\u9fffA-Za-z]", token):
        return [], ""
    if token == "假":  # noqa: S105 (a mark, no password)
        return [Verdict(LEAVE, UNSTATED)], ""
    if token.isascii():
        known = WORDS.get(token.upper())
        return ([Verdict(known)], "") if known else ([], token)
    verdicts = []
    for word in VOCABULARY.findall(token):
        if word in WORDS:
            verdicts += [Verdict(WORDS[word])] if WORDS[word] else []
        elif word in leave.GENERIC:
            verdicts.append(Verdict(LEAVE, UNSTATED))
        else:
            found = leave.kind_in(token)
            verdicts.append(Verdict(LEAVE, found[0] if found else word))
    return verdicts, FILLER.sub("", VOCABULARY.sub("", token))


def _settled(verdicts: list[Verdict], rest: str) -> Verdict:
    if not verdicts:
        return Verdict(doubt="unknown") if rest else SILENT
    merged = merge(verdicts)
    # "到北京" is no presence, "出差沈阳" is a business trip all the same.
    return Verdict(doubt="unknown") if merged.status == PRESENT and rest else merged


def merge(verdicts: list[Verdict]) -> Verdict:
    """One verdict from several that stand beside each other; contradictions are doubtful."""
    if len(verdicts) == 1 and verdicts[0].status != LEAVE and not verdicts[0].leave:
        return verdicts[0]  # the usual one
    doubts = [verdict for verdict in verdicts if verdict.doubt]
    if doubts:
        return doubts[0]
    said = {verdict.status for verdict in verdicts if verdict.status}
    for strong, weaker in (
        (MADE_UP, {PRESENT, ABSENT, LEAVE, LATE, LEFT_EARLY, NOT_YET}),
        (OBSERVER, {PRESENT}),
        (LATE, {PRESENT, LEFT_EARLY}),
        (LEFT_EARLY, {PRESENT}),
        (LEAVE, {ABSENT, NOT_YET}),
    ):
        if strong in said:
            said -= weaker
    if len(said) > 1:
        return Verdict(doubt="conflict")
    if not said:
        return SILENT
    status = said.pop()
    return _leave_of(verdicts) if status == LEAVE else Verdict(status)


def _leave_of(verdicts: list[Verdict]) -> Verdict:
    """The most telling word: a stated kind before 请假; two kinds that differ are doubtful."""
    words = list(dict.fromkeys(v.leave for v in verdicts if v.leave and v.leave != UNSTATED))
    if len({leave.group_of_leave(word) for word in words}) > 1:
        return Verdict(doubt="conflict")
    return Verdict(LEAVE, words[0] if words else UNSTATED)
