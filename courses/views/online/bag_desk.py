"""Pages on which officials choose the readings of a bag and record what may be given out."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from courses.models import BookBag, Lesson, Material, ReadingRight
from courses.online import book_bag_out, book_bags, reading_rights
from courses.online.book_bag_forms import BagForm, DescribeForm, RightForm, reading_of
from portal import gate
from portal.access import Capability
from portal.form_names import number
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.models import Organization
from portal.refusals import Refusal
from portal.rendering import page

PER_PAGE = 30


@require_http_methods(["GET", "POST"])
@gate.required(Capability.GOVERN)
def desk(request: MemberRequest) -> HttpResponse:
    """One's bags with their state; and a new one."""
    own = [(o.pk, o.name) for o in request.scope.organizations(Capability.GOVERN)]
    form = BagForm(request.POST or None, organizations=own)
    if request.method == "POST" and form.is_valid():
        values, by = form.cleaned_data, request.scope.actor(Capability.GOVERN)
        where = gate.get(
            Organization.objects.all(), request.scope, Capability.GOVERN,
            pk=values.pop("organization"),
        )  # fmt: skip
        try:
            made = book_bags.make(where, **values, by=by, at=request.at)
            messages.success(request, "书包已建立，放入读物后发布。")
            return redirect("bag-edit", made.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    bags = BookBag.objects.within(request.scope, Capability.GOVERN).select_related("organiser")
    rows = bags.annotate(readings=Count("items")).order_by("-pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": shown, "query": "", "form": form}
    return page(request, "courses/bag_desk.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.GOVERN)
def edit(request: MemberRequest, book_bag: int) -> HttpResponse:
    """A bag: its readings in order, what may be put in, its name."""
    bag = _bag(request, book_bag)
    form = DescribeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.GOVERN)
        try:
            book_bags.describe(bag, **form.cleaned_data, by=by, at=request.at)
            messages.success(request, "名称和简介已保存。")
            return redirect("bag-edit", bag.pk)
        except Refusal as refusal:
            refuse(form, refusal)
    if request.method == "GET":
        form.describe(bag)
    items = list(book_bag_out.items_of(bag))
    rights = ReadingRight.objects.exclude(items__bag=bag).select_related("lesson", "material")
    choices = [(_name(right.reading), right.reading.title) for right in rights]
    context = {"bag": bag, "items": items, "choices": choices, "form": form}
    return page(request, "courses/bag_edit.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.GOVERN)
def put(request: MemberRequest, book_bag: int) -> HttpResponse:
    """Put a reading into a bag."""
    bag = _bag(request, book_bag)
    chosen = reading_of(request.POST.get("reading", ""))
    try:
        if chosen is None:
            raise Refusal("请选择要放入的读物。")
        book_bags.put_in(bag, chosen, by=request.scope.actor(Capability.GOVERN), at=request.at)
        messages.success(request, f"已放入《{chosen}》。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("bag-edit", bag.pk)


@require_POST
@gate.required(Capability.GOVERN)
def act(request: MemberRequest, book_bag: int) -> HttpResponse:
    """Publish or withdraw a bag; move a reading or take it out."""
    bag, what = _bag(request, book_bag), request.POST.get("act", "")
    by, at, pk = request.scope.actor(Capability.GOVERN), request.at, request.POST.get("item", "")
    try:
        if what in ("publish", "withdraw"):
            verb = book_bags.publish if what == "publish" else book_bags.withdraw
            messages.success(
                request, f"书包现在是{verb(bag, by=by, at=at).get_state_display()}状态。"
            )
        elif what in ("up", "down", "out"):
            item = book_bag_out.items_of(bag).filter(pk=number(pk)).first()
            if item is None:
                raise Refusal("这一篇已经不在书包里。")
            if what == "out":
                book_bags.take_out(item, by=by, at=at)
                messages.success(request, f"已取出《{item}》。")
            else:
                book_bags.move(item, up=what == "up", by=by, at=at)
        else:
            raise Refusal("请在页面上选择要做的事。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("bag-edit", bag.pk)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.GOVERN)
def rights(request: MemberRequest) -> HttpResponse:
    """The lessons and materials with a text of which the viewer decides, and what the right to
    distribute each rests on."""
    form = RightForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values, by = form.cleaned_data, request.scope.actor(Capability.GOVERN)
        try:
            chosen = reading_of(values["reading"])
            if chosen is None or not reading_rights.decides(request.scope, chosen):
                raise Refusal("没有这一篇，或不由您登记，请重新打开本页。")
            seen = number(request.POST.get("seen", "")) if "seen" in request.POST else None
            reading_rights.record(
                chosen, values["kind"], values["source"], seen=seen, by=by, at=request.at
            )
            messages.success(request, f"《{chosen}》的传播依据已登记。")
            return redirect("reading-rights")
        except Refusal as refusal:
            refuse(form, refusal)
    only = request.GET.get("only", "")
    readings: list[Lesson | Material] = []
    own = reading_rights.lessons(request.scope).published(), reading_rights.materials(request.scope)
    for rows in own:
        chosen_rows = rows.exclude(body="")
        if only == "missing":
            chosen_rows = chosen_rows.filter(right=None)
        readings += chosen_rows.select_related("course", "right__by").order_by(
            "course__order", "pk"
        )
    shown = Paginator(readings, PER_PAGE).get_page(request.GET.get("page"))
    on_page = list(shown.object_list)
    behind = reading_rights.behind(on_page)
    lines = [
        (one, _name(one), getattr(one, "right", None), isinstance(one, Lesson) and one.pk in behind)
        for one in on_page
    ]
    context = {
        "page": shown,
        "query": f"only={only}&" if only else "",
        "only": only,
        "lines": lines,
        "form": form,
        "kinds": ReadingRight.Kind.choices,
        "typed": form.data.get("reading", "") if form.errors else "",
    }
    return page(request, "courses/reading_rights.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.GOVERN)
def revoke(request: MemberRequest, right: int) -> HttpResponse:
    """Take a right back of which the viewer decides; the reading leaves every bag."""
    rows = reading_rights.rights(request.scope).select_related("lesson", "material")
    found = get_object_or_404(rows, pk=right)
    reason, by = request.POST.get("reason", ""), request.scope.actor(Capability.GOVERN)
    try:
        bags = reading_rights.revoke(found, reason=reason, by=by, at=request.at)
        left = f"，并已从 {len(bags)} 个书包取出" if bags else ""
        messages.success(request, f"《{found.reading}》的传播依据已撤回{left}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    return redirect("reading-rights")


def _bag(request: MemberRequest, pk: int) -> BookBag:
    rows = BookBag.objects.select_related("organiser", "published_by")
    return gate.get(rows, request.scope, Capability.GOVERN, pk=pk)


def _name(reading: Lesson | Material) -> str:
    [kind] = ReadingRight.of(reading)
    return f"{kind}-{reading.pk}"
