"""Hours in Django's admin: to read only."""

from django.contrib import admin

from credits.models import (
    Bulletin,
    Certificate,
    Exemption,
    LedgerBook,
    LedgerEntry,
    Posting,
    Programme,
    RankingPermit,
    RuleVersion,
    Standing,
)
from portal.admin import ReadOnlyAdmin

admin.site.register(
    [
        Bulletin,
        Certificate,
        Exemption,
        LedgerBook,
        LedgerEntry,
        Posting,
        Programme,
        RankingPermit,
        RuleVersion,
        Standing,
    ],
    ReadOnlyAdmin,
)
