"""What several walks read from a page, and the worker that works beside them."""

from __future__ import annotations

import re

from django.db import connections
from playwright.sync_api import Page

from portal.worker import Loop


def fits(page: Page) -> None:
    """Nothing is wider than the phone, once the page that a tap led to is there."""
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def hours_in_ring(page: Page) -> float:
    label = page.locator("svg.ring").get_attribute("aria-label") or ""
    found = re.search(r"已认定 ([\d.]+) 学时", label)
    assert found, label
    return float(found.group(1))


def work_once() -> None:
    """The worker in this process, so that it lives on the seed's day as well."""
    from django.utils import timezone

    try:
        Loop(now=timezone.now).once()
    finally:
        connections.close_all()
