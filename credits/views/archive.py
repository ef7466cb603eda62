"""The page that puts a closed programme into the archive: what is verified, what goes where, and
afterwards what was written down."""

from __future__ import annotations

from django.contrib import messages
from django.db import connection
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from credits import archives, closings
from credits.forms import ReasonForm
from credits.models import BranchClosing, Bulletin, Certificate, LedgerBook, Programme, Standing
from credits.views.shown import governed
from portal import gate, jobs
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Job
from portal.rendering import page

PROVE, ARCHIVE = "credits.archiving.prove_in_background", "credits.programmes.archive_in_background"


@require_GET
@gate.required(Capability.GOVERN)
def archive(request: MemberRequest) -> HttpResponse:
    """What archiving would do, or did."""
    programme = governed(request)
    proofs = Job.objects.filter(work=PROVE, arguments__programme=programme.pk)
    turn = closings.last_turn(programme)
    books = LedgerBook.objects.filter(programme=programme, last_sequence__gt=0)
    context = {
        "programme": programme,
        "record": archives.of(programme),
        "proof": proofs.order_by("-pk").first(),
        "moves": connection.vendor == "postgresql",
        "books": books.count(),
        "postings": books.aggregate(n=Sum("last_sequence"))["n"] or 0,
        "kept": [
            ("学习进度", Standing.objects.filter(programme=programme).count()),
            ("结业证明", Certificate.objects.filter(programme=programme).count()),
            ("结业情况证明", BranchClosing.objects.filter(programme=programme, turn=turn).count()),
            ("积分通报", Bulletin.objects.filter(programme=programme).count()),
        ],
        "form": ReasonForm(),
    }
    return page(request, "credits/archive.html", context)


def begin(request: MemberRequest, programme: Programme) -> HttpResponse:
    """Verify, or verify and archive, in the background: the whole programme is looked through."""
    back = f"{reverse('programme-archive')}?programme={programme.code}"
    form, by = ReasonForm(request.POST), request.scope.actor(Capability.GOVERN)
    archives_ = request.POST.get("act") == "archive"
    if programme.state != Programme.State.CLOSED or (archives_ and not form.is_valid()):
        messages.error(request, "只有已封账的专题教育可以归档，并要写明理由。")
        return redirect(back)
    arguments = {"programme": programme.pk}
    job = jobs.start(
        ARCHIVE if archives_ else PROVE,
        title=f"{programme}归档" if archives_ else f"{programme}归档前核验",
        by=by,
        at=request.at,
        arguments=arguments | ({"reason": form.cleaned_data["reason"]} if archives_ else {}),
        back_url=back,
    )
    return redirect("job-detail", job.pk)
