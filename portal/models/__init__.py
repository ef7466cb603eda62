"""Who: organisations, members and their roles."""

from portal.models.appointment import Appointment, Role
from portal.models.audit import AuditEvent
from portal.models.job import Job, PeriodicRun
from portal.models.member import Member, SearchTerm, SignInSlip
from portal.models.membership import Membership, MobileStay
from portal.models.message import MailChoice, Message, MessageRound
from portal.models.organization import (
    Cohort,
    Organization,
    OrganizationMove,
    OrganizationName,
)
from portal.models.people_import import PeopleImport, PeopleImportLine
from portal.models.suggestion import Suggestion
from portal.models.upload import StagedLine, Upload
from portal.querysets import PATH_STEP

__all__ = [
    "PATH_STEP",
    "Appointment",
    "AuditEvent",
    "Cohort",
    "Job",
    "MailChoice",
    "Member",
    "Membership",
    "Message",
    "MessageRound",
    "MobileStay",
    "Organization",
    "OrganizationMove",
    "OrganizationName",
    "PeopleImport",
    "PeopleImportLine",
    "PeriodicRun",
    "Role",
    "SearchTerm",
    "SignInSlip",
    "StagedLine",
    "Suggestion",
    "Upload",
]
