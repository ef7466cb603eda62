"""People named in running text: "参加人员：甲、乙", "请假：丁（病假）", "丙因公出差"."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .cells import Cells, fold, tight
from .facts import Facts, labelled
from .headings import WORDS, section
from .marks import Legend, Verdict, judge, merge
from .model import ABSENT, LEAVE, OBSERVER, PRESENT, UNSTATED
from .names import looks_like_name, split_names
from .people import Directory

ITEM_ENDS = re.compile(r"(?:等?(?:共|计|合计)?\d+[人名位](?:同志)?|等(?:同志)?|同志)?[。.]?$")
NOBODY = re.compile(r"无|没有|/|-+|0|全体.*|全部.*|所有.*|详见.*|见.*|支部.*|本支部.*")
EVERYBODY = re.compile(
    r"(?:本?支部)?(?:全体|所有|全部)(?:在册|正式|支部|本支部)?(?:党员|同志|人员|成员)(?:同志)?"
    r"(?:共?\d+[人名])?"
)
COUNT = re.compile(r"^[(（]?(?:共|计)?\s*\d+\s*[人名位][)）]?\s*[:：,，(（]?")
TELLS = re.compile(
    r"(?:因.{1,8}?)?[,，]?(?:已|均|都)?(?:请(?:了)?(?:病|事|公|婚|产|丧|年)?假|(?:病|事|公|婚|产|丧|年)假|"
    r"出差|公出|公差|休假|住院|外出|缺席|缺勤|未到会?|未参加|迟到|早退|列席|旁听|补学|已补学)"
    r"(?:未到会?|未参加|未能参加|会议)?[。.]?"
)

TOLD = re.compile(rf"(?P<name>.+?)(?:\((?P<note>.+)\)|(?P<rest>{TELLS.pattern}))")


@dataclass(frozen=True)
class Mention:
    """A person named in a sentence with a status; `listed` if it stood in a list under a label.

    `row` and `column` are the cell of the sentence, zero-based.
    """

    text: str
    verdict: Verdict
    row: int
    column: int
    listed: bool


def mentions(
    cells: Cells, facts: Facts, texts: Iterable[tuple[int, int, str]], directory: Directory
) -> list[Mention]:
    """Everybody whom labels and sentences name with a status, in the order of the sheet."""
    found: list[Mention] = []
    for fact in facts.all("listing"):
        status = _status(fact.label)
        if status is None:
            continue
        place = (fact.row, fact.column)
        everybody = EVERYBODY.match(tight(fact.text))
        if everybody:
            but = re.sub(r"[()]", ",", fold(tight(fact.text))[everybody.end() :])
            found += _told(but, place, directory)
            continue
        found += _listed(fact.text, status, place, directory)
        found += _continued(cells, fact.row, fact.text, status, directory)
    listed = {(fact.row, fact.column) for fact in facts.all("listing")}
    for row, column, text in texts:
        if (row, column) not in listed and not any(
            kind == "listing" for kind, _, _ in labelled(text)
        ):
            found += _told(text, (row, column), directory)
    unique: dict[tuple[str, str | None], Mention] = {}
    for mention in found:
        name = directory.resolve(mention.text)[0] or tight(mention.text)
        unique.setdefault((name, mention.verdict.status), mention)
    return list(unique.values())


def everybody_came(facts: Facts) -> tuple[int, int, str] | None:
    """参加人员：全体党员（…除外）: where nobody is listed one by one, the others came."""
    for fact in facts.all("listing"):
        if _status(fact.label) == PRESENT and EVERYBODY.match(tight(fact.text)):
            return fact.row, fact.column, fact.text
    return None


def _status(label: str) -> str | None:
    if label.startswith("应"):
        return None
    return section(label + ":") or next((s for p, s in WORDS if p.fullmatch(label)), None)


def _listed(
    text: str, status: str, place: tuple[int, int], directory: Directory
) -> Iterator[Mention]:
    text = COUNT.sub("", fold(text).strip()) if COUNT.match(text) else text
    default = Verdict(status, UNSTATED if status == LEAVE else None)
    for item in split_names(text):
        item = item.rstrip(")") if item.count("(") < item.count(")") else item
        bare = ITEM_ENDS.sub("", item).strip() or item
        if NOBODY.fullmatch(tight(bare)):
            continue
        found, note = directory.resolve(bare)
        if not found and not looks_like_name(bare):
            continue
        own = judge(note, Legend()) if note else Verdict()
        yield Mention(bare, _amended(default, own), *place, True)


def _amended(default: Verdict, own: Verdict) -> Verdict:
    """The status of the list, as far as the brackets behind the name do not say otherwise."""
    if default.status == PRESENT:
        return own if own.status else default
    if default.status == OBSERVER:
        return own if own.status in (LEAVE, ABSENT) else default
    return merge([default, own]) if own.status else default


def _continued(
    cells: Cells, row: int, text: str, status: str, directory: Directory
) -> Iterator[Mention]:
    """The lines below a list that hold nothing but names go on with it."""
    below = row + 1
    while below < cells.height and tight(text):
        filled = list(cells.filled(below))
        items = split_names(filled[0][1]) if len(filled) == 1 else []
        if len(items) < 2 or not all(map(directory.knows, items)):
            return
        yield from _listed(filled[0][1], status, (below, filled[0][0]), directory)
        below += 1


def _told(text: str, place: tuple[int, int], directory: Directory) -> Iterator[Mention]:
    """Sentences about single people; only the plainest form is taken as a status."""
    for clause in re.split(r"[,，;；。\n]", fold(text)):
        bare = re.sub(r"^(?:其中|除|注:|备注:|说明:|\d+[.、])+", "", tight(clause))
        bare = re.sub(r"(?:除外|以?外|之外)$", "", bare)
        pending: list[str] = []
        for item in split_names(bare):
            match = TOLD.fullmatch(item)
            name = match["name"] if match else item
            if not directory.knows(name):
                pending = []
                continue
            pending.append(name)
            verdict = judge(match["note"] or match["rest"], Legend()) if match else Verdict()
            beside = judge(directory.resolve(name)[1], Legend())
            if verdict.status and beside.status:  # 毕拂晓住院请假
                verdict = merge([verdict, beside])
            if verdict.status not in (None, PRESENT):
                yield from (Mention(person, verdict, *place, False) for person in pending)
                pending = []
