"""Kinds of leave: the sheet's own word, and the kind that the portal counts it as."""

import re
from functools import lru_cache

from .cells import tight
from .model import UNSTATED

SICK, PERSONAL, OFFICIAL, OTHER = "sick", "personal", "official", "other"
NOT_STATED = "unstated"

WORDS = {
    SICK: (
        "病假 因病 生病 住院 看病 就医 就诊 手术 病休 患病 感冒 发烧 发热 身体不适 "
        "身体原因 身体不好 "
        "不舒服 养病 病重 骨折 输液 复查 检查身体 身体有恙 长期病休 卧床 体检"
    ),
    PERSONAL: "事假 因事 有事 私事 家事 因私 办事 个人原因 个人事务 家庭原因 家里有事 家中有事",
    OFFICIAL: (
        "公假 公出 公差 因公 出差 公务 开会 会议 有会 培训 值班 值守 值勤 执勤 带班 下乡 "
        "下村 驻村 借调 抽调 "
        "挂职 外派 外出学习 外出培训 外出开会 外出办公 加班 调研 督查 检查工作 巡查 防汛 "
        "抗疫 疫情防控 "
        "进修 出诊 夜班 上班 当班 上课 监考 教研 出警 工作原因 工作冲突 任务 公事 跟班 "
        "学习班 党校学习 在外培训 "
        "出差在外 支教 援疆 援藏 扶贫 招商 采访 门诊 急诊 手术中"
    ),
    OTHER: (
        "婚假 产假 陪产假 丧假 年假 年休假 年休 休假 调休 轮休 探亲假 探亲 护理假 育儿假 "
        "哺乳假 陪护 陪床 "
        "工伤 外出 在外 在外地 外地 外出务工 务工 外出打工 打工 在外打工 在外务工 出国 "
        "出境 隔离 居家隔离 流动党员 休息 倒休 补休 其他假 "
        "公休 生育 哺乳 高龄 行动不便 年老体弱 封控 长期外出"
    ),
}
GROUPS = {word: group for group, words in WORDS.items() for word in words.split()}
# One character, written alone in a mark's cell, stands for the word.
SINGLES = {
    "病": "病假",
    "事": "事假",
    "公": "公出",
    "差": "出差",
    "产": "产假",
    "婚": "婚假",
    "丧": "丧假",
    "休": "休假",
    "年": "年假",
    "探": "探亲假",
    "培": "培训",
}
SAME = {
    "因病": "病假",
    "生病": "病假",
    "患病": "病假",
    "病休": "病假",
    "因事": "事假",
    "有事": "事假",
    "因公": "公出",
    "公务": "公出",
    "公事": "公出",
    "出差在外": "出差",
    "其他假": "其他",
}
GENERIC = ("请假", "已请假", "请过假", "准假", "已准假", "电话请假", "书面请假", "假")
FAMILY = re.compile(
    r"孩子|小孩|儿子|女儿|父亲|母亲|父母|爸|妈|家属|家人|家中|家里|妻|丈夫|爱人|老人|岳|公婆|亲属|亲人"
)
LONGEST_FIRST = re.compile("|".join(sorted(GROUPS, key=len, reverse=True)))
NEGATED = re.compile(r"(?:未|没|没有|不|无)(?:请假|出差|外出|办理)")


@lru_cache(maxsize=8192)
def kind_in(text: str) -> tuple[str, str] | None:
    """The word for a kind of leave that the text holds, and its group; None if it holds none."""
    word = tight(text)
    if NEGATED.search(word):
        return None
    if word in SINGLES:
        return SINGLES[word], GROUPS[SINGLES[word]]
    found = LONGEST_FIRST.findall(word)
    if not found:
        return None
    if FAMILY.search(word) and GROUPS[found[0]] in (SICK, OTHER, OFFICIAL):
        return word[:20], PERSONAL  # somebody else is ill: the leave is personal
    if found[-1].startswith("陪"):  # 住院陪护: somebody else is ill
        return found[-1], GROUPS[found[-1]]
    # 因公出差 is 出差; 因公外出 stays 公出, whatever 外出 may mean alone.
    cause = next((said for said in found if said in SAME), found[0])
    kin = [said for said in found if GROUPS[said] == GROUPS[cause]] if cause in SAME else found
    best = max(kin, key=lambda said: (said not in SAME, len(said)))
    return SAME.get(best, best), GROUPS[best]


def from_reason(text: str) -> tuple[str, str]:
    """Leave by the text of a reason column: its known word, else the text itself."""
    word = tight(text).strip("()。.,;、")
    if not word or word in ("无", "-", "/", *GENERIC):
        return UNSTATED, NOT_STATED
    found = kind_in(text)
    if found:
        return found
    return word[:20], PERSONAL if FAMILY.search(word) else OTHER


@lru_cache(maxsize=1024)
def group_of_leave(leave: str) -> str:
    """The kind that a leave's own word counts as."""
    if leave == UNSTATED:
        return NOT_STATED
    found = kind_in(leave)
    return found[1] if found else OTHER
