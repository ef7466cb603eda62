"""The first administrator of a new portal."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal import sign_in
from portal.models import Appointment, AuditEvent, Role

pytestmark = pytest.mark.django_db


def appoint(number: str) -> str:
    out = io.StringIO()
    call_command("appoint_administrator", number, stdout=out)
    return out.getvalue()


def test_the_first_administrator_signs_in_with_the_code_that_was_printed(city, lin):
    told = appoint(lin.number)

    appointment = Appointment.objects.get(member=lin, role=Role.ADMINISTRATOR)
    assert appointment.organization == city.root
    [code] = re.findall(r"登录码 (\d{8})", told)
    member = sign_in.use_slip(lin.number, code, "a-good-pass-2021", at=timezone.now())
    assert member == lin
    assert AuditEvent.objects.filter(
        event=AuditEvent.Event.APPOINT, organization=city.root
    ).exists()


def test_running_it_again_gives_a_new_code_and_no_second_appointment(city, lin):
    appoint(lin.number)
    appoint(lin.number)

    assert Appointment.objects.filter(member=lin, role=Role.ADMINISTRATOR).count() == 1


def test_nobody_unknown_becomes_administrator(city):
    with pytest.raises(CommandError, match="请先导入名册"):
        appoint("99999999")
