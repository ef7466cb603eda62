"""What study is worth: programmes, the ledger, standings, bulletins, certificates."""

from credits.models.bulletin import (
    Bulletin,
    BulletinDraft,
    BulletinRow,
    BulletinText,
    BulletinWithdrawal,
    Changed,
    Measure,
    View,
)
from credits.models.catch_up import CatchUpWindow, LateEntry
from credits.models.certificate import Certificate, CertificateEvent
from credits.models.claim import ClaimBatch, HoursClaim
from credits.models.closing import BranchClosing
from credits.models.ledger import (
    CreditedContent,
    CreditedTime,
    LedgerBook,
    LedgerEntry,
    Posting,
    SourceKind,
    Verification,
)
from credits.models.programme import (
    Form,
    Programme,
    ProgrammeArchive,
    ProgrammeScope,
    RankingPermit,
    RuleVersion,
)
from credits.models.standing import (
    BranchMonth,
    BranchStanding,
    CreditTotal,
    Exemption,
    Standing,
    TargetChange,
    UnitWeek,
)

__all__ = [
    "BranchClosing",
    "BranchMonth",
    "BranchStanding",
    "Bulletin",
    "BulletinDraft",
    "BulletinRow",
    "BulletinText",
    "BulletinWithdrawal",
    "CatchUpWindow",
    "Certificate",
    "CertificateEvent",
    "Changed",
    "ClaimBatch",
    "CreditTotal",
    "CreditedContent",
    "CreditedTime",
    "Exemption",
    "Form",
    "HoursClaim",
    "LateEntry",
    "LedgerBook",
    "LedgerEntry",
    "Measure",
    "Posting",
    "Programme",
    "ProgrammeArchive",
    "ProgrammeScope",
    "RankingPermit",
    "RuleVersion",
    "SourceKind",
    "Standing",
    "TargetChange",
    "UnitWeek",
    "Verification",
    "View",
]
