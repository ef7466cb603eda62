"""Bulletins from the command line: the same verbs as behind the pages, under somebody's role."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import DateTimeField
from django.utils import timezone

from credits import bulletins, drafting, paper_files, papers, publishing
from credits.bulletin_digests import FIGURES
from credits.models import Bulletin, BulletinDraft, Programme
from portal import access, audit
from portal.access import Capability
from portal.audit import Actor
from portal.models import AuditEvent, Cohort, Member
from portal.refusals import NotAllowed, Refusal

Options = Mapping[str, Any]
Now = Callable[[], datetime]


def draw_up(options: Options, *, now: Now) -> str:
    """Begin a draft; figures of a past cut-off are computed here and now."""
    programme, at = _programme(options), now()
    by = _actor(options, programme, at=at)
    draft = bulletins.draw_up(
        programme,
        title=options["title"] or f"关于{programme}学时完成情况的通报",
        cohorts=options["cohorts"] or Cohort.values,
        cutoff=_moment(options["cutoff"]),
        measures=options["measures"],
        minimum=options["minimum"],
        by=by,
        at=at,
    )
    if draft.is_waiting:
        bulletins.put_figures(draft, drafting.of_cutoff(draft), by=by, at=at)
    return f"草稿 {draft.pk}：{draft.title}"


def publish(options: Options, *, now: Now) -> str:
    """Verify the books and publish a draft."""
    rows = BulletinDraft.objects.select_related("programme__organiser", "replaces")
    draft = rows.filter(pk=options["draft"]).first()
    if draft is None:
        raise Refusal("没有这份草稿，请用 --draft 写明草稿编号。")
    by = _actor(options, draft.programme, at=now())
    return f"已发布：{publishing.publish(draft, seen_version=draft.version, by=by, now=now)}"


def verify(options: Options, *, now: Now) -> str:
    """Recompute the digest of a published number from its rows. Raises Refusal where it is another
    one."""
    bulletin = _bulletin(options, now=now)
    if bulletins.digest_of(bulletin) != bulletin.digest:
        raise Refusal(f"{bulletin}与发布时不一致。")
    return f"{bulletin}与发布时一致，核验码 {bulletin.code}。{papers.replacement(bulletin)}"


def export(options: Options, *, now: Now) -> str:
    """Write a published number as a file; who takes it is on record."""
    bulletin, at = _bulletin(options, now=now), now()
    if options["out"] is None:
        raise Refusal("请用 --out 写明文件。")
    by, kind = _actor(options, bulletin.programme, at=at), options["format"]
    audit.record(
        AuditEvent.Event.EXPORT,
        by=by,
        at=at,
        on=bulletin.programme.organiser,
        subject=f"{bulletin}：{kind}"[:120],
    )
    found = bulletins.published(bulletin)
    if kind == "json":
        text = json.dumps(_plain(bulletin, found), ensure_ascii=False, indent=2)
        options["out"].write_text(text, encoding="utf-8")
    else:
        paper_files.to_file(papers.of_bulletin(bulletin), found, kind, options["out"])
    return f"{bulletin}已写入 {options['out']}"


ACTS: dict[str, Callable[..., str]] = {
    "draw_up": draw_up,
    "publish": publish,
    "verify": verify,
    "export": export,
}


def _plain(bulletin: Bulletin, found: bulletins.Figures) -> dict[str, Any]:
    return {
        "programme": bulletin.programme.code,
        "year": bulletin.year,
        "number": bulletin.number,
        "title": bulletin.title,
        "cutoff": bulletin.cutoff.isoformat(),
        "published_at": bulletin.published_at.isoformat(),
        "document": bulletin.document,
        "digest": bulletin.digest,
        "texts": {text.view: text.text for text in bulletin.texts.all()},
        "unit_texts": {t.unit_code: t.text for t in bulletin.unit_texts.all()},
        "rows": [{name: getattr(row, name) for name in FIGURES} for row in found.rows],
    }


def _programme(options: Options) -> Programme:
    rows = Programme.objects.select_related("organiser")
    found = list(rows.filter(code=options["programme"]) if options["programme"] else rows[:2])
    if len(found) != 1:
        raise Refusal("请用 --programme 写明专题教育代码。")
    return found[0]


def _bulletin(options: Options, *, now: Now) -> Bulletin:
    year = options["year"] or timezone.localdate(now()).year
    rows = Bulletin.objects.filter(programme=_programme(options), year=year)
    related = ("programme__organiser", "previous", "withdrawal", "replaces", "replaced_by")
    found = rows.filter(number=options["number"]).select_related(*related).first()
    if found is None:
        raise Refusal("没有这一期，请用 --year 和 --number 写明。")
    return found


def _actor(options: Options, programme: Programme, *, at: datetime) -> Actor:
    """Whoever acts, in the role that lets them publish. Raises NotAllowed."""
    member = Member.objects.active().filter(number=options["by"]).first()
    if member is None:
        raise Refusal("请用 --by 写明经办人的党员编号。")
    scope = access.scope_of(member, at=at)
    if not scope.can(Capability.PUBLISH, programme.scope_path):
        raise NotAllowed
    return scope.actor(Capability.PUBLISH)


def _moment(text: str) -> datetime | None:
    try:
        moment: datetime | None = DateTimeField(required=False).clean(text)
    except ValidationError as error:
        raise Refusal("截止时间写作 2021-06-30T18:00。", field="cutoff") from error
    return moment
