"""Pages of one member: what a button says is what it does."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from tests.cast import NOW, TODAY

pytestmark = pytest.mark.both


@pytest.fixture(autouse=True)
def _day(time_machine):
    time_machine.move_to(NOW)


def test_the_button_that_takes_somebody_off_the_register_says_so(sign_in, lin):
    client, address = sign_in("zhou"), reverse("member-leave", args=[lin.pk])

    shown = client.get(address).content.decode()
    told = client.post(address, {"how": "left", "on": TODAY}, follow=True).content.decode()

    form = shown.split('<form method="post" class="card"')[1].split("</form>")[0]
    assert re.findall(r"<button[^>]*>([^<]+)</button>", form) == ["登记离开"]
    assert "林小满已离册" in told
    lin.refresh_from_db()
    assert not lin.is_active
