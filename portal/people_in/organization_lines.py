"""What the rows of a list of organisations would do: found, rename, move, merge, dissolve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from portal.access import Capability, Scope
from portal.models import Cohort, Member, Organization
from portal.people_in import cells, kinds
from portal.people_in.cells import BadCell, tight
from portal.people_in.finding import ends_like, key
from portal.people_in.model import Entry, OrganizationLine, Preview, Table, distinct
from portal.people_in.rows import RowReader, WrongRow

LABELS = {
    "parent": "上级党组织",
    "kind": "类别",
    "cohort": "系统",
    "code": "编码",
    "name": "党组织名称",
}
GONE = r"撤销|注销|解散"


@dataclass(frozen=True)
class Wanted:
    """What a row says, parsed; empty where it says nothing."""

    entry: Entry
    code: str
    name: str
    short_name: str
    kind: str
    cohort: str
    is_unit: bool | None
    founded_on: date | None
    ends_on: date | None
    gone: bool


@dataclass(frozen=True)
class Node:
    """An organisation as it would stand afterwards: of the register or of the sheet."""

    code: str
    name: str
    kind: str
    cohort: str
    parent: str
    there: Organization | None
    row: Wanted | None = None


def plan(table: Table, *, scope: Scope | None, at: datetime) -> Preview:
    """The preview of a list of organisations for somebody with `scope` (None: the whole)."""
    return _Plan(table, scope, at).preview()


class _Plan(RowReader):
    capability = Capability.MANAGE_ORGANISATIONS
    labels = LABELS

    def __init__(self, table: Table, scope: Scope | None, at: datetime) -> None:
        super().__init__(table, scope, at)
        self.nodes: dict[str, Node] = {}
        self.coded: dict[str, str] = {}  # codes in small letters → codes
        self.names: dict[str, set[str]] = {}
        self.root: Wanted | None = None

    def preview(self) -> Preview:
        for organization in self.finder.all.values():
            parent = self.finder.all.get(organization.parent_id or 0)
            self._add(
                Node(
                    organization.code,
                    organization.name,
                    organization.kind,
                    organization.cohort,
                    parent.code if parent else "",
                    organization,
                ),
                organization.short_name,
            )
        wanted = [w for w in map(self._parse, self.table.entries) if w]
        wanted = self._once(wanted)
        self.root = self._root(wanted)
        for w in wanted:
            self._stand(w)
        placed = [w for w in wanted if self._place(w)]
        lines = [line for w in placed if (line := self._line(w))]
        return Preview(
            self.table.kind,
            tuple(lines),
            self.problems.in_order,
            distinct(self.warnings),
        )

    # --- one row, read ------------------------------------------------------------------

    def _parse(self, entry: Entry) -> Wanted | None:
        self._begin(entry)
        numeric = "code" in entry.numeric
        code = self._cell(entry, "code", lambda t: _code(t, numeric), must="请填写编码。")
        name = self._cell(entry, "name", _name, must="请填写党组织全称。")
        there = self.finder.by_code.get(code.lower())
        if there and code != there.code:
            self._problem(entry, "code", BadCell(f"编码大小写与现有的 {there.code} 不同，请改正。"))
        parsed = Wanted(
            entry,
            code,
            name,
            self._cell(entry, "short_name", _short_name),
            self._kind(entry, name, there),
            self._cell(entry, "cohort", kinds.cohort_of),
            self._cell(entry, "unit", kinds.yes_or_no) if entry.get("unit") else None,
            self._cell(entry, "founded_on", self._founded_on) or None,
            self._cell(entry, "dissolved_on", self._day) or None,
            any(word in entry.get("standing") for word in GONE.split("|")),
        )
        return None if self._bad else parsed

    def _kind(self, entry: Entry, name: str, there: Organization | None) -> str:
        """The written kind; what is there keeps its own; else as the name ends."""
        if not entry.get("kind") and there:
            return there.kind
        if not entry.get("kind") and self._is_first_root(entry):
            return Organization.Kind.CITY
        try:
            return kinds.kind_of(entry.get("kind"), name) if name else ""
        except BadCell as bad:
            self._problem(entry, "kind", bad)
            return ""

    def _founded_on(self, text: str) -> date:
        since = cells.since_of(text, today=self.today)
        if since.day > self.today:
            raise BadCell("这一天还没有到，请核对。")
        return since.day

    def _once(self, wanted: list[Wanted]) -> list[Wanted]:
        """Two rows for one code are an error, whatever they say."""
        first: dict[str, Wanted] = {}
        for w in wanted:
            other = first.setdefault(w.code.lower(), w)
            if other is not w:
                self.problems.add(w.entry, "code", f"与第 {other.entry.row} 行的编码重复。")
        return list(first.values())

    # --- where it stands ----------------------------------------------------------------

    def _add(self, node: Node, *short_names: str) -> None:
        self.nodes[node.code] = node
        self.coded[node.code.lower()] = node.code
        for name in {key(node.name), *(key(s) for s in short_names if s)}:
            self.names.setdefault(name, set()).add(node.code)

    def _stand(self, w: Wanted) -> None:
        """Put the row into the tree under its code; its parent is sought afterwards."""
        there = self.nodes.get(w.code)
        self._add(
            Node(
                w.code,
                w.name,
                w.kind,
                w.cohort or (there.cohort if there else ""),
                there.parent if there else "",
                there.there if there else None,
                w,
            ),
            w.short_name,
        )

    def _place(self, w: Wanted) -> bool:
        """Find the parent of a row; False when it cannot be found."""
        entry, node = w.entry, self.nodes[w.code]
        try:
            parent = self._parent(entry, w)
        except BadCell as bad:
            if w is self.root:
                self.warnings.append(f"{w.name}的上级不在本平台，作为最上级登记。")
                return True
            name = "parent_code" if entry.get("parent_code") else "parent"
            self._problem(entry, name, bad)
            return False
        if parent is None and node.there is None and w is not self.root:
            self._problem(entry, "parent", BadCell("请填写上级党组织（第一行的市委除外）。"))
            return False
        if parent is not None:
            self.nodes[w.code] = replace(node, parent=parent.code)
        return True

    def _is_first_root(self, entry: Entry) -> bool:
        """Into an empty register, the first row without a parent is the city committee."""
        if self.finder.all or entry.get("parent") or entry.get("parent_code"):
            return False
        roots = (e for e in self.table.entries if not e.get("parent") and not e.get("parent_code"))
        return next(roots, None) is entry

    def _root(self, wanted: list[Wanted]) -> Wanted | None:
        """The row that becomes the top of an empty register: the first without a parent, else
        the only city committee, whose own parent (省委) is not of this portal."""
        first = next((w for w in wanted if self._is_first_root(w.entry)), None)
        if first or self.finder.all:
            return first
        cities = [w for w in wanted if w.kind == Organization.Kind.CITY]
        return cities[0] if len(cities) == 1 else None

    def _parent(self, entry: Entry, w: Wanted) -> Node | None:
        code, text = tight(entry.get("parent_code")), entry.get("parent")
        if not code and not text:
            return None
        for written in (code, tight(text)):
            if written.lower() in self.coded:
                return self.nodes[self.coded[written.lower()]]
        if code:
            raise BadCell(f"没有编码为 {code} 的党组织，表里也没有，请核对。")
        found = [self.nodes[c] for c in sorted(self.names.get(key(text), set())) if c != w.code]
        found = [n for n in found if not (n.there and n.there.dissolved_on)] or found
        if not found and (found := self._ending(text, w)) and len(found) == 1:
            self.warnings.append(f"上级“{text}”按{found[0].name}读取。")
        if len(found) > 1 and (now := self.nodes[w.code].parent) in {n.code for n in found}:
            return self.nodes[now]
        if not found:
            raise BadCell(f"没有叫“{text}”的党组织，表里也没有，请填写全称或编码。")
        if len(found) > 1:
            codes = "、".join(n.code for n in found[:5])
            raise BadCell(f"有 {len(found)} 个党组织叫“{text}”（{codes}），请填写上级编码。")
        return found[0]

    def _ending(self, text: str, w: Wanted) -> list[Node]:
        """Those above branches whose full name ends like this: 水利局机关党委."""
        standing = (
            n
            for n in self.nodes.values()
            if n.kind != Organization.Kind.BRANCH and not (n.there and n.there.dissolved_on)
        )
        return [n for n in standing if n.code != w.code and ends_like(key(n.name), key(text))]

    # --- the acts -----------------------------------------------------------------------

    def _line(self, w: Wanted) -> OrganizationLine | None:
        node = self.nodes[w.code]
        try:
            self._check_tree(node)
            if node.there is None:
                return self._founded(w, node)
            return self._changed(w, node, node.there)
        except WrongRow as wrong:
            label = LABELS.get(wrong.field, "")
            self.problems.add(w.entry, wrong.field, wrong.message, default=label)
            return None

    def _check_tree(self, node: Node) -> None:
        parent = self.nodes.get(node.parent)
        if parent and parent.kind == Organization.Kind.BRANCH:
            raise WrongRow("parent", f"{parent.name}是党支部，下面不能再设党组织。")
        if parent and node.kind == Organization.Kind.CITY:
            raise WrongRow("kind", "市委是最上级，不能放在别的党组织下面。")
        if parent and parent.there and parent.there.dissolved_on:
            raise WrongRow("parent", f"{parent.name}已于 {parent.there.dissolved_on} 撤销。")
        seen, above = {node.code}, parent
        while above:
            if above.code in seen:
                raise WrongRow("parent", "上级绕了一圈回到自己，请核对上级党组织。")
            seen.add(above.code)
            above = self.nodes.get(above.parent)

    def _founded(self, w: Wanted, node: Node) -> OrganizationLine:
        parent = self.nodes.get(node.parent)
        if not self._reaches(parent):
            raise WrongRow("parent", "这个上级党组织不在您的范围内，不能在它下面新设。")
        if w.gone or w.entry.get("merged_into"):
            raise WrongRow("code", "还没有这个党组织，不能撤销或并入。")
        twins = [
            n.code
            for c in sorted(self.names.get(key(node.name), set()))
            if (n := self.nodes[c]).code != node.code
            and n.parent == node.parent
            and not (n.there and n.there.dissolved_on)
        ]
        if twins:
            raise WrongRow(
                "code",
                f"同一上级下已有“{node.name}”，编码是 {twins[0]}；如是同一个，请把编码改成它。",
            )
        above = self._cohort_above(node)
        unit = w.is_unit if w.is_unit is not None else bool(w.cohort) and w.cohort != above
        return self._made(w, node, "create", cohort=w.cohort or above, is_unit=unit)

    def _changed(self, w: Wanted, node: Node, there: Organization) -> OrganizationLine:
        if not self._covers(there):
            raise WrongRow("code", f"{there.name}不在您的范围内。")
        ended = w.gone or bool(w.ends_on) or bool(w.entry.get("merged_into"))
        if there.dissolved_on:
            if not ended:
                raise WrongRow("code", f"这个编码的党组织已于 {there.dissolved_on} 撤销。")
            return self._made(w, node, "same")
        if w.kind != there.kind:
            raise WrongRow(
                "kind", f"现登记为{there.get_kind_display()}，导入不能改变类别，请核对。"
            )
        if w.cohort and w.cohort != there.cohort:
            label = dict(Cohort.choices).get(there.cohort, "无")
            raise WrongRow("cohort", f"现登记的系统是{label}，导入不能改变系统，请核对。")
        if ended:
            return self._ended(w, node, there)
        changes: dict[str, tuple[str, str]] = {}
        renamed = w.name != there.name or bool(w.short_name and w.short_name != there.short_name)
        if renamed:
            changes["name"] = (there.name, w.name)
        old = self.finder.all.get(there.parent_id or 0)
        if old and node.parent != old.code:
            target = self.nodes[node.parent]
            if not self._reaches(target):
                raise WrongRow("parent", "新的上级党组织不在您的范围内，不能划转。")
            changes["parent"] = (old.name, target.name)
            return self._made(w, node, "move", changes=changes, renamed=renamed)
        return self._made(
            w, node, "update" if renamed else "same", changes=changes, renamed=renamed
        )

    def _ended(self, w: Wanted, node: Node, there: Organization) -> OrganizationLine:
        text = w.entry.get("merged_into")
        if not text:
            self._check_empty(there)
            return self._made(w, node, "dissolve", day=w.ends_on)
        if not there.is_branch:
            raise WrongRow("merged_into", "只有党支部可以并入另一个党支部。")
        try:
            into = self.finder.branch(text)
        except BadCell as bad:
            raise WrongRow("merged_into", str(bad)) from bad
        if into.pk == there.pk:
            raise WrongRow("merged_into", "不能并入自己。")
        changes = {"merged_into": ("", into.name)}
        return self._made(w, node, "merge", day=w.ends_on, into=into.code, changes=changes)

    def _check_empty(self, there: Organization) -> None:
        people = Member.objects.in_branch(there).count()
        if people:
            raise WrongRow(
                "code", f"{there.name}还有 {people} 名党员，请先转出，或写明并入哪个支部。"
            )
        below = Organization.objects.standing().below(there).exclude(pk=there.pk).count()
        if below:
            raise WrongRow("code", f"{there.name}下面还有 {below} 个党组织，请先划转或撤销。")

    def _made(
        self,
        w: Wanted,
        node: Node,
        action: str,
        *,
        cohort: str = "",
        is_unit: bool | None = None,
        day: date | None = None,
        into: str = "",
        renamed: bool = False,
        changes: Mapping[str, tuple[str, str]] | None = None,
    ) -> OrganizationLine:
        there = node.there
        parent = self.nodes.get(node.parent)
        short = w.short_name or (there.short_name if there and not renamed else w.name[:40])
        return OrganizationLine(
            row=w.entry.row,
            sheet=w.entry.sheet if len(self.table.headings) > 1 else "",
            action=action,
            code=w.code,
            name=w.name,
            short_name=short,
            kind=w.kind,
            cohort=cohort or node.cohort,
            parent=node.parent,
            parent_name=parent.name if parent else "",
            is_unit=(there.is_unit if there else False) if is_unit is None else is_unit,
            day=day or (self.today if there else w.founded_on or self.today),
            organization=there,
            into=into,
            renamed=renamed,
            changes=changes or {},
        )

    def _cohort_above(self, node: Node) -> str:
        """The cohort of the nearest one above that has any."""
        above = self.nodes.get(node.parent)
        while above and not above.cohort:
            above = self.nodes.get(above.parent)
        return above.cohort if above else ""

    # --- scope --------------------------------------------------------------------------

    def _reaches(self, node: Node | None) -> bool:
        """Whether something may be put below `node`, which may itself be new."""
        while node is not None and node.there is None:
            node = self.nodes.get(node.parent)
        if node is None or node.there is None:
            return self.scope is None
        return self._covers(node.there)


def _code(text: str, numeric: bool) -> str:
    code = cells.number_of(text, numeric=numeric)
    if len(code) > 20:
        raise BadCell("编码最多 20 位。")
    return code


def _name(text: str) -> str:
    if len(text) > 80 or len(tight(text)) < 3:
        raise BadCell("请填写党组织全称（3 到 80 个字）。")
    return tight(text) if not text.isascii() else text


def _short_name(text: str) -> str:
    if len(text) > 40:
        raise BadCell("简称最多 40 个字。")
    return text
