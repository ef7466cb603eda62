"""Pages of book bags for members: what there is, as an EPUB, and as small pages to keep offline.

The pages that a browser may keep (`offline`, `reading`) say nothing of whoever reads.
"""

from __future__ import annotations

from urllib.parse import quote

from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.text import get_valid_filename
from django.views.decorators.http import require_GET, require_safe

from courses.models import BookBag, BookBagItem
from courses.online import book_bag_out, epub
from courses.online.book_bag_out import Reading
from courses.views.online.offline import kept_with
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.rendering import page, page_if_changed


@require_GET
@gate.required(Capability.OWN)
def list_(request: MemberRequest) -> HttpResponse:
    """The published bags, the newest first, each with its readings."""
    items = Prefetch("items", BookBagItem.objects.told())
    bags = BookBag.objects.published().select_related("organiser").prefetch_related(items)
    return page(request, "courses/bag_list.html", {"bags": bags})


@require_GET
@gate.required(Capability.OWN)
def detail(request: MemberRequest, bag: str) -> HttpResponse:
    """One bag: its readings, the download, and what a browser needs to keep it."""
    found, readings = _bag(bag)
    size = len(epub.write(book_bag_out.book_of(found, readings)))
    kept = [reverse("bag-offline", args=[found.slug])]
    kept += [
        reverse("bag-reading", args=[found.slug, reading.pk, number])
        for reading in readings
        for number in range(1, len(reading.pages) + 1)
    ]
    context = {
        "bag": found,
        "readings": readings,
        "size": size,
        "version": book_bag_out.version_of(repr((found.title, found.summary, readings)).encode()),
        "kept": kept_with() + kept,
    }
    return page(request, "courses/bag_detail.html", context)


@require_safe
@gate.required(Capability.OWN)
def download(request: MemberRequest, bag: str) -> HttpResponse:
    """The bag as an EPUB; 304 to whoever has this edition."""
    found, readings = _bag(bag)
    content = epub.write(book_bag_out.book_of(found, readings))
    tag = f'"{book_bag_out.version_of(content)}"'
    fresh = HttpResponse(content, content_type=epub.TYPE)
    name = quote(f"{get_valid_filename(found.title)}.epub")
    fresh["Content-Disposition"] = (
        f"attachment; filename=\"{found.slug}.epub\"; filename*=UTF-8''{name}"
    )
    fresh["X-Content-Type-Options"] = "nosniff"
    fresh["ETag"], fresh["Cache-Control"] = tag, "private, no-cache"
    return get_conditional_response(request, etag=tag, response=fresh) or fresh


@require_GET
@gate.required(Capability.OWN)
def offline(request: MemberRequest, bag: str) -> HttpResponse:
    """The table of contents that is kept: small, and about nobody."""
    found, readings = _bag(bag)
    listed = [[reading.pk, reading.chapter.title] for reading in readings]
    context = {"bag": found, "readings": listed, "organiser": found.organiser.name}
    return page_if_changed(request, "courses/bag_offline.html", context)


@require_GET
@gate.required(Capability.OWN)
def reading(request: MemberRequest, bag: str, reading: int, part: int) -> HttpResponse:
    """One page of a reading, at most 15 KB of HTML."""
    found = _published(bag)
    items = list(book_bag_out.items_of(found))
    place = next((n for n, item in enumerate(items) if item.pk == reading), None)
    if place is None:
        raise Http404("书包里没有这一篇。")
    shown = book_bag_out.reading_of(items[place])
    if not 1 <= part <= len(shown.pages):
        raise Http404("这一篇没有这一页。")
    follows = items[place + 1] if place + 1 < len(items) else None
    context = {
        "bag": found,
        "chapter": shown.chapter,
        "paragraphs": shown.pages[part - 1],
        "item": shown.pk,
        "part": part,
        "parts": len(shown.pages),
        "follows": [follows.pk, follows.right.reading.title] if follows else None,
    }
    return page_if_changed(request, "courses/bag_reading.html", context)


def _published(slug: str) -> BookBag:
    bags = BookBag.objects.published().select_related("organiser")
    return get_object_or_404(bags, slug=slug)


def _bag(slug: str) -> tuple[BookBag, list[Reading]]:
    found = _published(slug)
    return found, book_bag_out.readings_of(found)
