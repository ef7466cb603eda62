"""What other applications keep about a line or a posting: that is there, and the programme's.

On PostgreSQL the ledger is partitioned by programme, and Django's keys into it are without a
constraint of the database. Those of this application are checked with what they belong to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import Exists, ForeignKey, Model, OuterRef

from credits.models import LedgerEntry, Posting
from credits.verification.report import Findings

NAMED = 200


def check(found: Findings) -> None:
    """Name rows of a programme whose line or posting is not there, or is another programme's."""
    for model, field in referring():
        there = field.related_model._default_manager.using(found.using).filter(
            programme=found.programme, pk=OuterRef(field.name)
        )
        rows = model._default_manager.using(found.using).filter(programme=found.programme)
        rows = rows.exclude(**{field.name: None}).filter(~Exists(there)).order_by("pk")
        what = f"{model._meta.verbose_name}所指的{field.related_model._meta.verbose_name}不存在。"
        for member, named in rows.values_list("member", field.attname)[:NAMED]:
            entry = named if field.related_model is LedgerEntry else None
            found.add("reference", what, member=member, entry=entry)


def referring() -> Iterator[tuple[type[Model], ForeignKey[Any, Any]]]:
    """Keys into the ledger from outside of this application, with their tables."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            outside = model._meta.app_label != LedgerEntry._meta.app_label
            into = field.related_model in (LedgerEntry, Posting)
            if outside and into and isinstance(field, ForeignKey):
                yield model, field
