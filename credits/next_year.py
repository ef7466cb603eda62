"""The next programme, begun from one that is there: its rules and its scope, under new dates."""

from __future__ import annotations

import re
from datetime import date, datetime

from django.db import transaction

from credits import programmes
from credits.models import Programme
from portal.audit import Actor
from portal.models import Organization
from portal.refusals import Refusal

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class BadProgramme(Refusal):
    """The new programme cannot be founded like this."""


@transaction.atomic
def found_from(
    source: Programme,
    *,
    code: str,
    name: str,
    starts: date,
    ends: date,
    authority: str,
    by: Actor,
    at: datetime,
) -> Programme:
    """Draw up a programme with another one's newest rules as its first version, and its scope; a
    dissolved organisation is left out, a merged one stands for what it became.

    Raises BadProgramme for a code in use or of the wrong form, days that contradict themselves, and
    without authority.
    """
    code = code.strip().lower()
    if not CODE.fullmatch(code) or len(code) > 30:
        raise BadProgramme("代码用小写字母、数字和连字符，不超过 30 个字符。", field="code")
    if Programme.objects.filter(code=code).exists():
        raise BadProgramme(f"代码 {code} 已经用过，请换一个。", field="code")
    if not name.strip():
        raise BadProgramme("请写明名称。", field="name")
    if ends < starts:
        raise BadProgramme("结束日期要不早于开始日期。", field="ends")
    if not authority.strip():
        raise BadProgramme("请写明依据。", field="authority")
    newest = source.rule_versions.order_by("-number").first()
    if newest is None:
        raise BadProgramme(f"{source}没有规则，不能沿用。")
    return programmes.found(
        code=code,
        name=name.strip(),
        organiser=source.organiser,
        scopes=scopes_of(source),
        starts=starts,
        ends=ends,
        rules_=newest.rules,
        authority=authority,
        by=by,
        at=at,
    )


def scopes_of(source: Programme) -> list[Organization]:
    """What takes part in a programme, as it stands today."""
    found: dict[int, Organization] = {}
    for scope in source.scopes.select_related("organization").order_by("pk"):
        place: Organization | None = scope.organization
        while place is not None and place.dissolved_on is not None:
            place = place.merged_into
        if place is not None:
            found[place.pk] = place
    return list(found.values())


def suggested(source: Programme) -> dict[str, object]:
    """What a page offers: the year after, by name and code."""
    year = source.ends.year + 1
    old = str(source.starts.year)
    code = source.code.replace(old, str(year)) if old in source.code else f"{source.code}-{year}"
    name = source.name.replace(old, str(year))
    starts, ends = date(year, 1, 1), date(year, 12, 31)
    return {"code": code[:30], "name": name, "starts": starts, "ends": ends}
