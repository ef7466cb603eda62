"""What a browser needs to go on without a network: the worker, the installed app, the last page.

Pages that may be kept extend `courses/light_page.html`; they name nobody.
"""

from __future__ import annotations

from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import condition, require_GET

from courses.online.book_bag_out import version_of
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.models import Member
from portal.rendering import page_if_changed

FILES = ["reading.css", "keep.js", "answers.js", "icon.svg"]
WORKER = settings.BASE_DIR / "static" / "service-worker.js"
RED, PAPER = "#b5121b", "#faf7f2"  # of the installed app's frame, before a page is there


def kept_with() -> list[str]:
    """Addresses that are kept beside every kept page."""
    return [reverse("no-network"), *(static(name) for name in FILES)]


def reader_of(member: Member) -> str:
    """Whose answers a phone keeps, without saying who that is. Hangs on no secret: answers that
    wait must find their member again after the secret was changed."""
    return sha256(f"reader:{member.key}".encode()).hexdigest()[:20]


@require_GET
@gate.required(Capability.OWN)
def no_network(request: MemberRequest) -> HttpResponse:
    """What is shown for any other page while there is no network: what this device keeps."""
    context = {"reader": reader_of(request.user)}
    return page_if_changed(request, "courses/no_network.html", context)


@require_GET
@gate.public("the browser asks for it without saying who")
@condition(etag_func=lambda request: f'"{version_of(WORKER.read_bytes())}"')
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, from the root so that it may answer for every page. Browsers ask for it
    anew after every page: 304 costs little."""
    response = HttpResponse(WORKER.read_bytes(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    response["Service-Worker-Allowed"] = "/"
    return response


@require_GET
@gate.public("the browser asks for it without saying who")
def manifest(request: HttpRequest) -> HttpResponse:
    """What an installed web app is called and looks like."""
    icons = [{"src": static("icon.svg"), "sizes": "any", "type": "image/svg+xml"}]
    icons += [
        {"src": static(f"icon-{n}.png"), "sizes": f"{n}x{n}", "type": "image/png"}
        for n in (192, 512)
    ]
    said = {
        "id": "/",
        "name": "党史学习教育学时与积分平台",
        "short_name": "党史学习",
        "lang": "zh-Hans",
        "start_url": reverse("home"),
        "scope": "/",
        "display": "standalone",
        "theme_color": RED,
        "background_color": PAPER,
        "icons": icons,
    }
    response = JsonResponse(said, json_dumps_params={"ensure_ascii": False})
    response["Content-Type"] = "application/manifest+json"
    response["Cache-Control"] = "public, max-age=86400"
    return response
