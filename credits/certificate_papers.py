"""Certificates of completion on paper (学满证书): one, or all of a branch, a page each.

Only valid ones are printed; what became of a printed one says the public page of checking.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

from credits import check_codes, typesetting
from credits.models import Certificate, Programme
from portal import audit, jobs
from portal.audit import Actor
from portal.models import AuditEvent, Job, Organization
from portal.progress import Progress
from portal.refusals import Refusal

WORK = "credits.certificate_papers.write"
VALID = Certificate.State.VALID


class NotPrintable(Refusal):
    """The certificate is suspended, revoked or replaced, or there is none."""


def later(certificate: Certificate, *, by: Actor, at: datetime, back_url: str) -> Job:
    """Have a worker print one certificate. Raises NotPrintable for one that is not valid."""
    _check(certificate)
    title = f"学满证书：{certificate.number}"
    return jobs.start(WORK, title=title, by=by, at=at, back_url=back_url, resumes=3,
                      arguments={"certificate": certificate.pk})  # fmt: skip


def later_for_branch(
    programme: Programme, branch: Organization, *, by: Actor, at: datetime, back_url: str
) -> Job:
    """Have a worker print all valid certificates that a branch was given in a programme.

    Raises NotPrintable where there is none.
    """
    if not valid(programme, branch):
        raise NotPrintable(f"{branch}还没有有效的结业证明，先给学满的党员发结业证明。")
    return jobs.start(
        WORK, title=f"学满证书：{branch}"[:120], by=by, at=at, back_url=back_url, resumes=3,
        arguments={"programme": programme.pk, "branch": branch.pk},
    )  # fmt: skip


def write(
    progress: Progress, *, certificate: int = 0, programme: int = 0, branch: int = 0
) -> dict[str, Any]:
    """Background work: print what is valid now; who takes it is on record before its first byte."""
    if certificate:
        found = Certificate.objects.select_related("programme", "branch").get(pk=certificate)
        _check(found)
        printed, where, name = [found], found.branch, f"学满证书 {found.number}"
    else:
        where = Organization.objects.get(pk=branch)
        printed = valid(Programme.objects.get(pk=programme), where)
        name = f"学满证书 {where.name}"
        if not printed:
            raise NotPrintable(f"{where}没有有效的结业证明。")
    audit.record(
        AuditEvent.Event.EXPORT, by=progress.by, at=progress.at, on=where, subject=name[:120],
        detail={"rows": len(printed)},
    )  # fmt: skip
    progress.step(0, len(printed), "正在排版。")
    pages = [(one, check_codes.of_certificate(one)) for one in printed]
    context = {"certificates": pages, "title": name, "address": settings.SITE_ADDRESS}
    target = jobs.file_for(progress, f"{name}.pdf")
    typesetting.write("credits/papers/certificates.html", context, target)
    progress.finished("文件已生成，一天之内可以下载。", rows=len(printed))
    return {"certificates": len(printed)}


def valid(programme: Programme, branch: Organization) -> list[Certificate]:
    """A branch's valid certificates by name."""
    rows = Certificate.objects.filter(programme=programme, branch=branch, state=VALID)
    return list(rows.select_related("programme", "branch").order_by("name", "number"))


def _check(certificate: Certificate) -> None:
    if certificate.state != VALID:
        raise NotPrintable(
            f"证明 {certificate.number} {certificate.get_state_display()}，不能打印。"
        )
