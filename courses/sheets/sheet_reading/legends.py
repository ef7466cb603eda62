"""The sheet's own key: "√出勤 ×缺席", "○：请假", "空白—缺席", "未注明者均按时到会"."""

import re
from collections.abc import Iterable
from functools import lru_cache

from .cells import fold, tight
from .marks import PLAIN, SYMBOLS, VOCABULARY, Legend, Verdict, judge, symbol
from .model import ABSENT, LEAVE, NOT_YET, PRESENT, UNSTATED

BLANK_WORD = (
    r"空白处?|空格|空着|留空|不填写?|未填写?|不写|空(?=[\s\-:=为是即表者])|不[作做]标[记注]|无标[记注]|"
    r"没有?(?:打|画|划|填|写|签|标)[√×勾叉○名字注]*|"
    r"未(?:打|画|划|填|写|标|注|签)[√×勾叉○记明注出名字]*|不(?:打|画|划|标|注)[√×勾叉○记明注]*|"
    r"未作(?:标记|说明|标注)|未加(?:标记|注明|标注)|未备注|未列明"
)
BLANK = re.compile(
    rf"(?:凡|表中|其中|如|若|名单中)?(?:{BLANK_WORD})(?:的|者|处|人员|党员|同志|为|情况)*"
)
REST = re.compile(
    r"(?:其余|其他|其它|余下|剩余)(?:的)?(?:人员|党员|同志|人|成员|参会人员|均|都|全部|全|皆)"
)
ALL = re.compile(
    r"(?:全体|所有|全部)(?:的)?(?:在册|支部|正式|参会)?(?:党员|人员|同志|成员|人)?(?:同志)?"
    r"(?:均|都|全部|全|已|按时|准时)+(?:到会|参加|出席|到齐|参会|到场)|无人?(?:缺席|请假)|全勤|全员到|全部到齐"
)
EXCEPT = re.compile(r"除.{1,40}?(?:外|以外|之外)")
COLOUR = re.compile(
    r"(?:标|涂|填|用|为)?(?:红|黄|绿|蓝|灰|橙|紫)色?(?:字体|底色?|背景|填充|标[记注出]|表示|为|代表|字|的)|底色|颜色"
)
SYMBOL_CLASS = "".join(
    re.escape(c) for c in sorted({*SYMBOLS, "*", "#", "+", "-", "@", "◇", "◆", "■"})
)
# A dash is a mark of its own only where a word could begin.
KEY = (
    rf"[{SYMBOL_CLASS.replace(re.escape('-'), '')}]|(?<![^\s,;、。(])-(?!-)"
    r"|[A-Za-z0-9](?![A-Za-z0-9])"
    r"|(?<![\u4e00-\u9fff])[病事公差产婚丧休探年假迟退缺旷到勤出补列培外席](?=\s*[-:=为表即代])"
)
SEPARATOR = (
    r"\s*(?:[:=\-~]+|为|是|即|表示|代表|指|示|的?为|的?是|的?表示|的?视为|视为|记为|算|——)?\s*"
)
QUOTE = "[\"'“”‘’「」『』()\\[\\]]?"
MEANING = r"[\u4e00-\u9fff]{1,10}(?:[(][\u4e00-\u9fff、]{1,12}[)])?"
FORWARD = re.compile(
    rf"(?:打|画|划|填|写|标|注)?{QUOTE}(?P<key>{KEY}){QUOTE}(?:号|者|的|勾|圈|叉)*{SEPARATOR}(?P<word>{MEANING})"
)
BACKWARD = re.compile(
    rf"(?P<word>{MEANING}?){QUOTE}\s*(?:[:=\-]|用|以|打|画|划|填|标|记)*\s*{QUOTE}(?P<key>[{SYMBOL_CLASS}]|[A-Za-z](?![A-Za-z])){QUOTE}"
)
BLANK_PAIR = re.compile(rf"(?:{BLANK_WORD}){QUOTE}(?:的|者|处)*{SEPARATOR}(?P<word>{MEANING})")
PREFIX = re.compile(
    r"^\s*(?:注|图例|说明|备注|符号说明|考勤符号|标记说明|填表说明|签到说明|注意|提示)\s*[:：]?\s*"
)


def legend_of(texts: Iterable[str]) -> Legend:
    """What all the texts around the rows say of marks and blanks; where they differ, doubt."""
    marks: dict[str, Verdict] = {}
    blanks: list[Verdict] = []
    coloured = everyone = False
    for text in texts:
        for key, verdict in pairs_in(text):
            said = marks.setdefault(key, verdict)
            if said.status != verdict.status:  # two legends that contradict each other
                marks[key] = Verdict(doubt="symbol")
        blank = blank_in(text)
        if blank:
            blanks.append(blank)
        coloured = coloured or bool(COLOUR.search(tight(text)))
        everyone = everyone or bool(ALL.search(tight(text)) and len(tight(text)) < 40)
    blank = blanks[0] if len(set(blanks)) == 1 else None
    return Legend(marks, blank, everyone=everyone, coloured=coloured)


@lru_cache(maxsize=4096)
def pairs_in(text: str) -> tuple[tuple[str, Verdict], ...]:
    """Marks with their meanings, whichever of the two is written first."""
    line = BLANK.sub(" ", BLANK_PAIR.sub(" ", PREFIX.sub("", fold(text))))
    if not re.search(rf"[{SYMBOL_CLASS}]|{KEY}", line):
        return ()
    forward = _pairs(FORWARD, line)
    backward = _pairs(BACKWARD, line)
    if not (forward and backward):
        return forward or backward
    # "√出勤 ×缺席" begins with a mark, "出勤√ 缺席×" ends with one.
    ends = re.search(rf"[{SYMBOL_CLASS}A-Za-z]\W*$", line)
    begins = re.match(rf"\s*(?:打|画)?{QUOTE}(?:{KEY})", line)
    if ends and not begins:
        return backward
    return forward if len(forward) >= len(backward) else backward


def _pairs(form: re.Pattern[str], line: str) -> tuple[tuple[str, Verdict], ...]:
    found = []
    for match in form.finditer(line):
        verdict = meaning(match["word"])
        key = symbol(match["key"])
        if verdict and key != tight(match["word"]):
            found.append((key, verdict))
    return tuple(found)


@lru_cache(maxsize=1024)
def meaning(word: str) -> Verdict | None:
    """The status that a legend's word names; None if it names none."""
    word = re.sub(
        r"^(?:均|都|为|因|的|按|一律|全部|本次|应|该|人员|同志|者|没有签到)+", "", tight(word)
    )
    if not VOCABULARY.match(word) and word not in ("到", "缺", "病", "事", "公", "假", "迟", "退"):
        return None
    verdict = judge(word, Legend())
    if verdict.status == NOT_YET:
        return Verdict(ABSENT)
    return verdict if verdict.status else _lenient(word)


def _lenient(word: str) -> Verdict | None:
    """The status of a phrase such as 均按时到会的同志, where only one kind of word occurs."""
    said = {judge(found, Legend()).status for found in VOCABULARY.findall(word)}
    said.discard(None)
    if len(said) != 1:
        return None
    status = said.pop()
    return Verdict(status, UNSTATED if status == LEAVE else None)


@lru_cache(maxsize=4096)
def blank_in(text: str) -> Verdict | None:
    """What a sentence says of those who carry no mark: 空白为缺席, 未注明者均按时到会."""
    line = tight(text)
    pair = BLANK_PAIR.search(line)
    if pair and meaning(pair["word"]):
        return meaning(pair["word"])
    for subject in (BLANK, REST):
        found = subject.search(line)
        if found:
            clause = re.split(r"[,。;!]", line[found.end() :])[0] or line[found.end() :]
            verdict = meaning(clause[:24]) or _lenient(clause[:24])
            if verdict:
                return verdict
    if EXCEPT.search(line):
        verdict = _lenient(EXCEPT.sub("", line)[:24])
        return verdict if verdict and verdict.status == PRESENT else None
    return None


def speaks_of_marks(text: str) -> bool:
    """Whether the text is a legend or a sentence about blanks, and so no title, place or name."""
    pairs = pairs_in(text)
    certain = [key for key, _ in pairs if key in PLAIN or not key.isalnum()]
    return bool(certain) or len(pairs) > 1 or blank_in(text) is not None


def rest_is_present(text: str) -> bool:
    """其余同志均到会: people who do not stand in the sheet at all may be meant."""
    line = tight(text)
    verdict = blank_in(text)
    return bool(
        verdict and verdict.status == PRESENT and (REST.search(line) or EXCEPT.search(line))
    )
