"""Which organisation a cell means: by code, by full, short or former name, by place in the tree."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable

from portal.models import Organization, OrganizationName
from portal.people_in.cells import BadCell, tight

SEPARATORS = re.compile(r"\s*(?:/|\\|>|\||→|—>|->)\s*")


# The usual short forms; the longer ones first, since one holds the next.
SHORT_FORMS = (
    (re.compile(r"(?:党?总支部?(?:委员会)?)$"), "总支"),
    (re.compile(r"(?:党?支部(?:委员会)?)$"), "支部"),
    (re.compile(r"(?:党?工委|(?:党的)?工作委员会)$"), "工委"),
    (re.compile(r"(?:党委|委员会)$"), "委"),
)
NUMERALS = "〇一二三四五六七八九"
COUNTED = frozenset("一二三四五六七八九十百")


def key(name: str) -> str:
    """What two spellings of an organisation's name have in common: 水务局第1党支部 and
    中共水务局第一支部委员会 are one."""
    text = tight(unicodedata.normalize("NFKC", name)).lower()
    text = text.removeprefix("中国共产党").removeprefix("中共")
    text = re.sub(r"[(\[](.*?)[)\]]", r"\1", text)
    for pattern, short in SHORT_FORMS:
        text, found = pattern.subn(short, text)
        if found:
            break
    return re.sub(r"第?(\d+|[一二三四五六七八九十百]+)(?=支部$|总支$)", _number, text)


def ends_like(name: str, wanted: str) -> bool:
    """Whether `wanted` is the end of a name (both as keys); 一支部 does not end 十一支部."""
    before = name[: -len(wanted)]
    numbered = wanted[0] in COUNTED and before[-1:] in COUNTED and bool(before)
    return len(wanted) > 2 and name.endswith(wanted) and not numbered


def _number(found: re.Match[str]) -> str:
    """第1, 1 and 第一 alike."""
    text = found[1]
    if not text.isdigit() or int(text) > 99:
        return text
    tens, ones = divmod(int(text), 10)
    shown = {0: "", 1: "十"}.get(tens, f"{NUMERALS[tens]}十")
    return shown + (NUMERALS[ones] if ones or not tens else "")


class Finder:
    """All organisations by code and name; `covers` says which of them the viewer may write to."""

    def __init__(self, covers: Callable[[Organization], bool]) -> None:
        self.covers = covers
        self.guessed: dict[str, Organization] = {}  # texts read as the one that ends like them
        self.found: dict[tuple[str, str, str, int], Organization] = {}
        self.endings: dict[str, list[Organization]] = {}
        self.all = {o.pk: o for o in Organization.objects.order_by("path")}
        self.by_code = {o.code.lower(): o for o in self.all.values()}
        self.names: dict[str, list[Organization]] = defaultdict(list)
        for organization in self.all.values():
            for name in {key(organization.name), key(organization.short_name)}:
                self.names[name].append(organization)
        self.former: dict[str, list[Organization]] = defaultdict(list)
        for row in OrganizationName.objects.values_list("name", "organization_id"):
            if self.all[row[1]] not in self.names[key(row[0])]:
                self.former[key(row[0])].append(self.all[row[1]])

    def branch(
        self, text: str, *, code: str = "", parent: str = "", now: Organization | None = None
    ) -> Organization:
        """The branch that a row names; `now` is where the person belongs today.

        Raises BadCell with what to write instead.
        """
        asked = text, code, parent, now.pk if now else 0
        if asked not in self.found:
            self.found[asked] = self._branch(text, code, parent, now)
        return self.found[asked]

    def _branch(self, text: str, code: str, parent: str, now: Organization | None) -> Organization:
        if code:
            found = self._coded(code)
            if text and found not in self._called(text):
                raise BadCell(f"编码 {code} 是{found}，与写的“{text}”不是同一个，请核对。")
        else:
            found = self._one(self._called(text, parent), text, now)
        if not found.is_branch:
            raise BadCell(f"{found}是{found.get_kind_display()}，党员要编到党支部，请写明党支部。")
        if found.dissolved_on:
            into = f"，已并入{found.merged_into}" if found.merged_into_id else ""
            raise BadCell(f"{found}已于 {found.dissolved_on} 撤销{into}，请改写。")
        if not self.covers(found):
            raise BadCell(f"{found}不在您的范围内，请由其上级党组织办理。")
        return found

    def _coded(self, code: str) -> Organization:
        found = self.by_code.get(tight(code).lower())
        if found is None:
            raise BadCell(f"没有编码为 {code} 的党组织，请核对。")
        return found

    def _called(self, text: str, parent: str = "") -> list[Organization]:
        """Those that a text may mean: a code, a name, or a way down the tree (甲党委/乙支部)."""
        coded = self.by_code.get(tight(text).lower())
        if coded:
            return [coded]
        *above, last = SEPARATORS.split(text)
        found = self.names.get(key(last)) or self.former.get(key(last))
        exact = bool(found)
        found = found or self._ending(key(last))
        for name in (*above, parent):
            if name and len(found) > 1:
                found = [o for o in found if self._stands_below(o, name)] or found
        if not exact and len(found) == 1:
            self.guessed[text] = found[0]
        return found

    def _ending(self, wanted: str) -> list[Organization]:
        """Branches whose full name ends like this (第一党支部), those in reach before others."""
        if not wanted.endswith("支部"):
            return []
        if wanted not in self.endings:
            standing = (o for o in self.all.values() if o.is_branch and not o.dissolved_on)
            found = [o for o in standing if ends_like(key(o.name), wanted)]
            self.endings[wanted] = [o for o in found if self.covers(o)] or found
        return self.endings[wanted]

    def _stands_below(self, organization: Organization, name: str) -> bool:
        above = organization.parent_id
        while above:
            ancestor = self.all[above]
            if (
                tight(name).lower() == ancestor.code.lower()
                or key(name)
                in {
                    key(ancestor.name),
                    key(ancestor.short_name),
                }
                or ends_like(key(ancestor.name), key(name))
            ):
                return True
            above = ancestor.parent_id
        return False

    def _one(self, found: list[Organization], text: str, now: Organization | None) -> Organization:
        if not found:
            raise BadCell(f"没有党支部“{text}”{self._nearest(text)}，请填写全称或编码。")
        if now in found and now is not None:
            return now
        standing = [o for o in found if not o.dissolved_on] or found
        reached = [o for o in standing if self.covers(o)] or standing
        if len(reached) > 1:
            places = "、".join(f"{o.code}（{self._above(o)}）" for o in reached[:5])
            raise BadCell(
                f"有 {len(reached)} 个党支部叫“{text}”：{places}。请填写编码，或加一列上级党组织。"
            )
        return reached[0]

    def _above(self, organization: Organization) -> str:
        parent = self.all.get(organization.parent_id or 0)
        return parent.short_name if parent else "最上级"

    def _nearest(self, text: str) -> str:
        near = nearest(text, (o for o in self.all.values() if o.is_branch and self.covers(o)))
        return f"，是不是“{near.name}”" if near else ""


def nearest(text: str, organizations: Iterable[Organization]) -> Organization | None:
    """The standing organisation whose name looks most like a mistyped one."""
    named = {key(o.name): o for o in organizations if not o.dissolved_on}
    found = difflib.get_close_matches(key(text), named, n=1, cutoff=0.75)
    return named[found[0]] if found else None
