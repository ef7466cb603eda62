"""Near-copies: a hint to the reader, by a bounded number of queries, naming nobody out of reach."""

from __future__ import annotations

import pytest

from courses.models import Course, Lesson, Material, Reflection, TextPrint
from courses.online import near_copies, reflections
from courses.online.near_copies import Text
from courses.online.reflections import Writing
from portal.access import scope_of
from portal.audit import Actor
from tests.cast import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.both]

# Invented texts in plain words; nobody's.
ONE = (
    "这个月读书班讲到改革开放那一段，我想起父亲在厂里当学徒的日子。他常说，机器不骗人，你怎样待它，"
    "它就怎样待你。现在我带两个徒弟，也把这句话讲给他们听。学历史，不是为了背日子，是为了知道自己站在哪里，"
    "下一步往哪里走。回到班组，我打算先把设备点检表重新理一遍，让新来的同志一看就懂。"
)
OTHER = (
    "社区里的老人最怕办事跑冤枉路。学习的时候，书里写干部背着铺盖下乡，一住就是半年，我很受触动。"
    "我们离群众只有一层楼，却常常隔着一张表。这个季度，我和楼长约好，每周二下午挨家走一走，"
    "把能当场办的当场办了，办不了的写清楚找谁。"
)
CHANGED = ONE.replace("父亲", "爷爷").replace("两个徒弟", "三个徒弟") + "以上是我的一点体会。"


@pytest.fixture
def hand(city):
    """Hand a text in, by somebody of the cast."""

    def make(who, key, text):
        by = city.actor(who, "member") if isinstance(who, str) else Actor(who, "member")
        writing = Writing(f"心得{key}"[:60], text)
        return reflections.hand_in(key, writing, seen_version=0, by=by, at=NOW)

    return make


@pytest.fixture
def reader(city):
    """The secretary of 甲."""
    return scope_of(city.people["zhou"], at=NOW)


def test_pieces_know_no_punctuation_width_or_case():
    one, two = Text("学习 强国，ＡＢＣ１２"), Text("学习强国abc12。")

    assert one.pieces == two.pieces == ["学习强国a", "习强国ab", "强国abc", "国abc1", "abc12"]
    assert one.share_in(two) == 100


def test_a_text_shorter_than_a_piece_shares_nothing():
    assert Text("学习").share_in(Text("学习")) == 0
    assert Text("").prints() == []


def test_the_share_is_of_the_text_that_is_read():
    part, whole = Text(ONE[:60]), Text(ONE)

    assert part.share_in(whole) == 100
    assert 25 <= whole.share_in(part) <= 50


def test_shared_passages_are_marked_and_the_stretches_are_the_text():
    text = Text("开头是自己的话。" + ONE[:40] + "结尾也是自己的。")
    stretches = text.marked(Text(ONE))

    assert "".join(words for words, _ in stretches) == text.text
    assert [words for words, shared in stretches if shared] == [ONE[:40]]
    assert Text(ONE).marked(Text(OTHER)) == [(ONE, False)]


def test_a_near_copy_of_the_branch_is_shown_with_its_author_and_both_texts(hand, reader):
    first = hand("zhou", "first", ONE)
    hand("zhou", "second", OTHER)
    copy = hand("lin", "copy", CHANGED)

    [likeness] = near_copies.found(copy, reader)

    assert likeness.other == first
    assert 60 <= likeness.percent < 100
    assert any(shared for _, shared in likeness.own)
    assert any(shared for _, shared in likeness.theirs)


def test_one_of_another_branch_is_named_by_nothing_and_its_text_is_not_shown(hand, reader):
    hand("wu", "theirs", ONE + "乙支部吴远舟。")
    copy = hand("lin", "copy", CHANGED)

    [likeness] = near_copies.found(copy, reader)

    assert (likeness.other, likeness.theirs, likeness.source) == (None, (), None)
    assert likeness.percent > 60
    assert "吴远舟" not in repr(likeness)


def test_drafts_and_what_was_taken_back_are_compared_with_nothing(hand, reader, city):
    by = city.actor("wu", "member")
    reflections.save("draft", Writing("草稿", ONE), seen_version=0, by=by, at=NOW)
    taken = hand("zhou", "taken", ONE)
    reflections.take_back(taken, by=city.actor("zhou"), at=NOW)

    assert near_copies.found(hand("lin", "copy", CHANGED), reader) == []


def test_what_was_taken_from_a_lesson_or_a_material_is_shown_with_it(hand, reader):
    course = Course.objects.create(key="c", title="课程", kind="course", form="online")
    Lesson.objects.create(
        course=course, key="n", title="别的", form="online", minutes=9, body=OTHER
    )
    material = Material.objects.create(course=course, key="m", title="材料", body=ONE)
    copy = hand("lin", "copy", CHANGED)
    own = hand("lin", "own", "今天的会开得短，可是每一句都落在事上。回去一件一件照着办。")

    copy = Reflection.objects.get(pk=copy.pk)
    [likeness] = near_copies.found(copy, reader)
    assert (likeness.source, likeness.other) == (material, None)
    assert near_copies.found(own, reader) == []


def test_common_phrases_alone_are_no_near_copy(hand, reader):
    slogan = "学史明理、学史增信、学史崇德、学史力行。"
    hand("zhou", "first", slogan + OTHER)

    assert near_copies.found(hand("lin", "second", slogan + ONE), reader) == []


def test_a_long_text_keeps_a_bounded_number_of_prints(hand):
    text = "".join(chr(0x4E00 + n * 7 % 19_997) for n in range(9_900))
    row = hand("lin", "long", text)

    assert row.prints.count() == near_copies.MOST_PRINTS


def test_among_thousands_it_takes_two_queries_and_finds_the_one(
    hand, reader, city, django_assert_num_queries
):
    first = hand("zhou", "first", ONE)
    rows = Reflection.objects.bulk_create(
        Reflection(
            key=f"r{n}", member=city.people["wu"], branch=city.yi, title=f"第 {n} 篇",
            text="".join(chr(0x4E00 + (n * 131 + k * k * 17) % 19_997) for k in range(240)),
            state="handed_in", saved_at=NOW, handed_in_at=NOW, version=1,
        )
        for n in range(3_000)
    )  # fmt: skip
    TextPrint.objects.bulk_create(
        TextPrint(reflection=row, value=value) for row in rows for value in Text(row.text).prints()
    )
    assert TextPrint.objects.count() > 60_000
    copy = hand("lin", "copy", CHANGED)

    with django_assert_num_queries(2):
        [likeness] = near_copies.found(copy, reader)
    assert likeness.other == first
