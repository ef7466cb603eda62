"""The words for kinds and systems: 正式/预备, 在职/离退休, 去向, 党支部/党总支, 县（区）/教育 …"""

from __future__ import annotations

import re

from portal.models import Cohort, Member, Membership, Organization
from portal.people_in.cells import BadCell, tight
from portal.people_in.model import Entry

Status, Category, Ended, Kind = Member.Status, Member.Category, Membership.Ended, Organization.Kind

YES = re.compile(r"是|√|✓|✔|对|有|Y|YES|1|TRUE", re.IGNORECASE)
NO = re.compile(r"否|不是|×|X|✗|无|N|NO|0|FALSE|-", re.IGNORECASE)
STATUSES = (
    (Status.PROBATIONARY, r"预备|^probationary$"),
    (Status.FULL, r"正式|转正|^中共党员$|^党员$|^full$"),
)
NO_MEMBER = re.compile(r"积极分子|发展对象|群众|团员|申请人|民主|无党派")
CATEGORIES = (
    (Category.RETIRED, r"离退休|退休|离休|退职"),
    (Category.STUDENT, r"学生|研究生|本科生|博士生|硕士生"),
    (
        Category.OTHER,
        r"其他|其它|农民|村民|居民|农牧渔民|务农|农村|个体|自由职业|待业|无业|失业|自谋职业|下岗|非公",
    ),
    (
        Category.EMPLOYED,
        r"在职|在岗|在编|职工|员工|干部|公务员|参公|事业|工勤|专业技术|管理人员|教师|医生|医护|护士|"
        r"工人|民警|军人|现役|机关|企业",
    ),
)
LEAVINGS = (
    ("", r"在册|正常|^是$|^无$|^-$|未变动|转入|接收|在籍|^正式|^预备|^(?:中共)?党员$|流动"),
    (Ended.MISTAKE, r"误录|录错|重复录入|误登"),
    (Ended.DIED, r"去世|死亡|亡故|病故|已故|逝世"),
    (
        Ended.LEFT,
        r"离开|转出|转走|调出|调离|迁出|出党|退党|除名|开除|脱党|自行脱党|停止党籍|取消|^否$",
    ),
)
ORGANIZATION_KINDS = (
    (Kind.GENERAL, r"总支"),
    (Kind.BRANCH, r"支部"),
    (Kind.WORK, r"工委|工作委员会"),
    (Kind.CITY, r"(?<!县)市委$|市委员会$|^city"),
    (
        Kind.COUNTY,
        r"^[县区旗]+委|^县级?市委|县\(区\)委|区\(县\)委|(?:县|旗|(?<![社小园校厂矿院景库])区)委员会$",
    ),
    (Kind.COMMITTEE, r"党委|委员会"),
)
COHORTS = (
    (Cohort.WORK, r"工委"),
    (Cohort.COUNTY, r"^县|^区|县\(区\)|县区|^county"),
    (Cohort.UNIVERSITY, r"高校|大学|高等"),
    (Cohort.EDUCATION, r"教育|学校|中小学|^education"),
    (Cohort.HEALTH, r"卫健|卫生|医院|医疗|健康"),
    (Cohort.ENTERPRISE, r"企业|国资|国企"),
    (Cohort.MUNICIPAL, r"市直|市级|机关|部门"),
)


def category_and_status(entry: Entry) -> tuple[str, str]:
    """What the columns 党员类别, 人员类别, 是否预备 … say together, whichever says which.

    Raises BadCell with the field at fault as its second argument.
    """
    category = status = ""
    for field in ("status", "category", "leaving"):
        text = tight(entry.get(field))
        if not text or field in entry.hidden:
            continue
        if NO_MEMBER.search(text) and field != "leaving":
            raise BadCell("名册只登记正式党员和预备党员，请删去这一行。", field)
        said = _first(STATUSES, text), _first(CATEGORIES, text)
        if field == "leaving":  # 党员状态: 正式, beside 在册, 转出 …
            status = status or said[0]
            continue
        if said == ("", ""):
            wanted = "正式党员、预备党员" if field == "status" else "在职、离退休、学生、其他"
            raise BadCell(f"不认识这个类别，请填写：{wanted}。", field)
        if status and said[0] and said[0] != status:
            raise BadCell("与党员类别一列互相矛盾，请核对。", field)
        status, category = said[0] or status, said[1] or category
    for field, yes, no in (
        ("is_probationary", Status.PROBATIONARY, Status.FULL),
        ("is_full", Status.FULL, Status.PROBATIONARY),
    ):
        flag = _yes(entry, field)
        found = "" if flag is None else (yes if flag else no)
        if status and found and found != status:
            raise BadCell("与党员类别一列互相矛盾，请核对。", field)
        status = status or found
    retired = _yes(entry, "is_retired")
    if retired and category not in ("", Category.RETIRED):
        raise BadCell("与人员类别一列互相矛盾，请核对。", "is_retired")
    return (Category.RETIRED if retired else category), status


def leaving(text: str) -> str:
    """How somebody leaves; empty for those who stay."""
    for value, pattern in LEAVINGS:
        if re.search(pattern, tight(text)):
            return str(value)
    raise BadCell("看不出去向，请填写：离开、去世、误录，在册的留空。")


def hints_at_leaving(text: str) -> bool:
    """Whether a remark says that somebody is gone."""
    return any(value and re.search(pattern, tight(text)) for value, pattern in LEAVINGS)


def kind_of(text: str, name: str) -> str:
    """The kind of an organisation by its own column, else by how its name ends."""
    written = tight(text)
    if written in Kind.values:
        return written
    found = _first(ORGANIZATION_KINDS, written) if written else _first(ORGANIZATION_KINDS, name)
    if not found:
        raise BadCell("看不出类别，请填写：市委、县（区）委、党工委、基层党委、党总支或党支部。")
    return found


def cohort_of(text: str) -> str:
    """The system of an organisation; empty when the cell says nothing."""
    written = tight(text)
    if not written or written in ("-", "无"):
        return ""
    if written in Cohort.values:
        return written
    found = _first(COHORTS, written)
    if not found:
        labels = "、".join(str(label) for label in Cohort.labels)
        raise BadCell(f"不认识这个系统，请填写：{labels}。")
    return found


def yes_or_no(text: str) -> bool:
    if YES.fullmatch(tight(text)):
        return True
    if NO.fullmatch(tight(text)):
        return False
    raise BadCell("请填写“是”或“否”。")


def _yes(entry: Entry, field: str) -> bool | None:
    text = entry.get(field)
    if not text:
        return None
    try:
        return yes_or_no(text)
    except BadCell as bad:
        raise BadCell(bad.args[0], field) from bad


def _first(words: tuple[tuple[str, str], ...], text: str) -> str:
    return next((str(value) for value, pattern in words if re.search(pattern, text)), "")
