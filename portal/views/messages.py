"""Pages of messages: one's own list, reading, and whether they come by e-mail, too."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.db.models import Case, When
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal import gate, messages
from portal.access import Capability
from portal.forms import MailForm, refuse
from portal.gate import MemberRequest
from portal.models import MailChoice, Message
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 30


@require_GET
@gate.required(Capability.OWN)
def list_(request: MemberRequest) -> HttpResponse:
    """One's own messages, those not read first."""
    rows = Message.objects.within(request.scope, Capability.OWN)
    rows = rows.order_by(Case(When(read_at=None, then=0), default=1), "-pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    unread = any(message.read_at is None for message in shown.object_list)
    return page(request, "portal/messages.html", {"page": shown, "query": "", "unread": unread})


@require_POST
@gate.required(Capability.OWN)
def read(request: MemberRequest, message: int) -> HttpResponse:
    """Mark a message as read, and go where it leads; with `stay`, back to the list."""
    found = gate.get(Message.objects.all(), request.scope, Capability.OWN, pk=message)
    messages.read(found, by=request.scope.actor(), at=request.at)
    return redirect(found.link if found.link and "stay" not in request.POST else "message-list")


@require_POST
@gate.required(Capability.OWN)
def read_all(request: MemberRequest) -> HttpResponse:
    """Mark all of one's messages as read."""
    messages.read_all(by=request.scope.actor(), at=request.at)
    return redirect("message-list")


@require_http_methods(["GET", "POST"])
@gate.required(Capability.OWN)
def by_mail(request: MemberRequest) -> HttpResponse:
    """Choose whether messages come by e-mail, too."""
    chosen = {
        "email": request.user.email,
        "wanted": MailChoice.objects.filter(member=request.user).exists(),
    }
    form = MailForm(request.POST or None, initial=chosen)
    if request.method == "POST" and form.is_valid():
        try:
            messages.choose_mail(**form.cleaned_data, by=request.scope.actor(), at=request.at)
            wanted = form.cleaned_data["wanted"]
            notes.success(request, "已保存，也会发到邮箱。" if wanted else "已保存，不发邮件。")
            return redirect("account")
        except Refusal as refusal:
            refuse(form, refusal)
    status = 422 if form.errors else 200
    context = {"form": form, "on": settings.MAIL_ON}
    return page(request, "portal/mail_choice.html", context, status=status)
