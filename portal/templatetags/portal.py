"""Filters that turn stored numbers into what people read."""

from datetime import date, datetime

from django import template
from django.utils import timezone

register = template.Library()
WEEKDAYS = "一二三四五六日"


@register.filter
def hours(hundredths: int | None) -> str:
    """Hundredths of a credit hour as people write them: 1750 → 17.5, 600 → 6."""
    if hundredths is None:
        return "—"
    text = f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@register.filter
def percent(rate: float | None) -> str:
    """A share as a percentage with one decimal, never rounded up to a full 100."""
    if rate is None:
        return "—"
    shown = min(rate * 100, 99.9) if rate < 1 else rate * 100
    return f"{shown:.1f}%"


@register.filter
def mask_phone(number: str) -> str:
    """A phone number as lists show it: 139****8000."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 8 else number


@register.filter
def day(value: date | datetime | None) -> str:
    """A day as people say it: 6月3日（周四）."""
    if value is None:
        return "—"
    if isinstance(value, datetime):
        value = timezone.localtime(value).date()
    return f"{value.month}月{value.day}日（周{WEEKDAYS[value.weekday()]}）"


@register.filter
def moment(value: datetime | None) -> str:
    """A moment as people say it: 2021年6月3日 20:00."""
    if value is None:
        return "—"
    local = timezone.localtime(value)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


@register.filter
def clock(value: datetime | None) -> str:
    """The time of day, local: 19:00."""
    return f"{timezone.localtime(value):%H:%M}" if value else ""
