"""Which organisation a cell means: by code, by full, short or former name, by place in the tree."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from portal.models import Organization, OrganizationName
from portal.people_in.cells import BadCell, tight

SEPARATORS = re.compile(r"\s*(?:/|\\|>|\||→|—>|->)\s*")


def key(name: str) -> str:
    """What two spellings of an organisation's name have in common."""
    return tight(name).removeprefix("中国共产党").removeprefix("中共").lower()


class Finder:
    """All organisations by code and name; `covers` says which of them the viewer may write to."""

    def __init__(self, covers: Callable[[Organization], bool]) -> None:
        self.covers = covers
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
        found = self.names.get(key(last)) or self.former.get(key(last)) or []
        for name in (*above, parent):
            if name and len(found) > 1:
                found = [o for o in found if self._stands_below(o, name)] or found
        return found

    def _stands_below(self, organization: Organization, name: str) -> bool:
        above = organization.parent_id
        while above:
            ancestor = self.all[above]
            if tight(name).lower() == ancestor.code.lower() or key(name) in {
                key(ancestor.name),
                key(ancestor.short_name),
            }:
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
