"""python -m tests.replica.lay_out: the world of the access tests in a database that is migrated and
empty; prints who is signed in under which session, and the ids of things."""

import django

django.setup()

import json  # noqa: E402
import sys  # noqa: E402

import time_machine  # noqa: E402
from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from tests import cast  # noqa: E402
from tests.access import world  # noqa: E402

with time_machine.travel(cast.NOW, tick=False):
    city = cast.lay_out_city()
    laid = world.lay_out(city, cast.open_programme(city))


def signed_in(person):
    client = Client()
    client.force_login(person, "portal.sign_in.MemberBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


sessions = {role: signed_in(person) for role, person in laid.people.items() if person}
sys.stdout.write(json.dumps({"sessions": sessions, "ids": laid.inside}))
