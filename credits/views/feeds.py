"""Bulletins as an Atom feed, and the page on which an official takes or revokes its address."""

from __future__ import annotations

from datetime import datetime

from django.contrib.syndication.views import Feed
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from credits import feed_keys
from credits.models import Bulletin, FeedKey
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.rendering import page

SHOWN = 50


class BulletinFeed(Feed):  # type: ignore[type-arg] # generic in the stubs only
    """Titles, numbers and links of published numbers that stand; nothing else."""

    feed_type = Atom1Feed
    title = "积分通报"

    def link(self) -> str:
        return reverse("bulletin-list")

    def items(self) -> QuerySet[Bulletin]:
        rows = Bulletin.objects.standing().select_related("programme")
        return rows.order_by("-published_at", "-pk")[:SHOWN]

    def item_title(self, item: Bulletin) -> str:
        return f"{item}：{item.title}"

    def item_description(self, item: Bulletin) -> str:
        return ""

    def item_link(self, item: Bulletin) -> str:
        return reverse("bulletin-detail", args=[item.pk])

    def item_pubdate(self, item: Bulletin) -> datetime:
        return item.published_at

    def item_updateddate(self, item: Bulletin) -> datetime:
        return item.published_at


_feed = BulletinFeed()


@require_GET
@never_cache
@gate.public("a reader of feeds cannot sign in; the secret in the address is looked up")
def feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The feed at somebody's own address; a void one does not exist."""
    if feed_keys.reader(secret, at=request.at) is None:  # type: ignore[attr-defined] # set by the middleware
        raise Http404
    return _feed(request)


@require_http_methods(["GET", "POST"])
@never_cache
@gate.required(Capability.PUBLISH)
def choose(request: MemberRequest) -> HttpResponse:
    """Take an address of one's own, or make it void; it is shown once, when it is made."""
    by, address = request.scope.actor(Capability.PUBLISH), ""
    if request.method == "POST" and request.POST.get("act") == "revoke":
        feed_keys.revoke(by=by, at=request.at)
    elif request.method == "POST":
        secret = feed_keys.make(by=by, at=request.at)
        address = request.build_absolute_uri(reverse("bulletin-feed", args=[secret]))
    key = FeedKey.objects.filter(member=request.user).first()
    return page(request, "credits/feed.html", {"key": key, "address": address})
