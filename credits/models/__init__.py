"""What study is worth: programmes, the ledger, standings, bulletins, certificates."""

from credits.models.bulletin import (
    Bulletin,
    BulletinDraft,
    BulletinMeasure,
    BulletinRow,
    BulletinText,
    BulletinWithdrawal,
    Changed,
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
from credits.models.unit_check import (
    FeedKey,
    Measure,
    ObjectionReply,
    UnitAnswer,
    UnitFigures,
    UnitLook,
    UnitsCheck,
)
from credits.models.unit_text import BulletinUnitText, UnitText, UnitTextRequest

__all__ = [
    "BranchClosing",
    "BranchMonth",
    "BranchStanding",
    "Bulletin",
    "BulletinDraft",
    "BulletinMeasure",
    "BulletinRow",
    "BulletinText",
    "BulletinUnitText",
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
    "FeedKey",
    "Form",
    "HoursClaim",
    "LateEntry",
    "LedgerBook",
    "LedgerEntry",
    "Measure",
    "ObjectionReply",
    "Posting",
    "Programme",
    "ProgrammeArchive",
    "ProgrammeScope",
    "RankingPermit",
    "RuleVersion",
    "SourceKind",
    "Standing",
    "TargetChange",
    "UnitAnswer",
    "UnitFigures",
    "UnitLook",
    "UnitText",
    "UnitTextRequest",
    "UnitWeek",
    "UnitsCheck",
    "Verification",
    "View",
]
