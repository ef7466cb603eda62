"""Reading from a streaming standby, where DATABASE_REPLICA_URL names one.

Only views marked `gate.required(…, replica=True)` are read there, and only for a GET: pages of
figures that name nobody and show nothing of the viewer's own. Session, viewer and scope are loaded
before the view, so always from the primary: a role that ends has ended. Whoever has sent something
reads from the primary for as long as the standby may lag. Whatever fails on the standby is
repeated on the primary, once; nothing is ever written there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS as PRIMARY
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase

REPLICA = "replica"
WRITTEN = "written"  # cookie: this browser has sent something a moment ago
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
TRUSTED_FOR = 1  # seconds until the standby is asked again whether it keeps up …
LEFT_ALONE = 3  # … and until it is tried again after a failure
# What the standby has replayed, against all that the primary had made durable just before. The
# moment of its last transaction counts where it is behind; an idle primary is not a lagging one.
DURABLE = "SELECT pg_current_wal_flush_lsn()::text, clock_timestamp() - make_interval(secs => %s)"
KEEPS_UP = (
    "SELECT pg_is_in_recovery() AND "
    "(pg_last_wal_replay_lsn() >= %s::pg_lsn OR pg_last_xact_replay_timestamp() >= %s)"
)

log = logging.getLogger(__name__)
_reading: ContextVar[bool] = ContextVar("reading from the replica", default=False)


class ReplicaRouter:
    """Sends the reads of a marked view to the standby, and everything else to the primary."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        row = hints.get("instance")
        if row is not None and row._state.db != REPLICA:
            return None  # what belongs to a row is read where the row was read
        return REPLICA if _reading.get() else PRIMARY

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return PRIMARY

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == REPLICA else None


class WrittenMiddleware:
    """Lets a browser remember that it has sent something: every server process sees it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method not in SAFE:
            response.set_cookie(
                WRITTEN,
                "1",
                max_age=settings.REPLICA_LAG + TRUSTED_FOR,
                httponly=True,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
        return response


class Standby:
    """What this process knows of the standby; one thread asks, the others go by the last answer."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._is_up = False
        self._until = 0.0

    def is_up(self) -> bool:
        """Whether it answers and lags by no more than the setting says."""
        if time.monotonic() >= self._until and self._asking.acquire(blocking=False):
            try:
                self._know(_keeps_up(), TRUSTED_FOR)
            except (DatabaseError, InterfaceError) as error:
                log.warning("The standby does not answer: %s", error)
                self.fell()
            finally:
                self._asking.release()
        return self._is_up

    def fell(self) -> None:
        """Leave it alone for a while."""
        self._know(False, LEFT_ALONE)

    def _know(self, is_up: bool, seconds: float) -> None:
        self._is_up, self._until = is_up, time.monotonic() + seconds


def _keeps_up() -> bool:
    with connections[PRIMARY].cursor() as cursor:
        cursor.execute(DURABLE, [settings.REPLICA_LAG])
        durable = cursor.fetchone()
    with connections[REPLICA].cursor() as cursor:
        cursor.execute(KEEPS_UP, durable)
        return bool(cursor.fetchone()[0])


standby = Standby()


def readable(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view whose GET may be read from the standby; where none is set, the view itself."""
    if REPLICA not in settings.DATABASES:
        return view

    @wraps(view)
    def reading(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and WRITTEN not in request.COOKIES and standby.is_up():
            before = _reading.set(True)
            try:
                response = view(request, *args, **kwargs)
                if response.status_code < 400:  # what is not there yet may be there already
                    return response
            except (DatabaseError, InterfaceError) as error:
                log.warning("Read once more, from the primary: %s", error)
                standby.fell()
            except Exception as error:
                log.warning("Read once more, from the primary: %r", error)
            finally:
                _reading.reset(before)
        return view(request, *args, **kwargs)

    return reading
