"""Pictures, sounds and films of lessons: pictures made anew and small, the others as they are."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from courses import sample_photos
from courses.models import Lesson, LessonFile
from courses.online.lesson_texts import CannotWrite, locked_draft
from portal.audit import Actor

LONG_SIDE, QUALITY = 960, 65  # of a picture for a phone: about 100 KB
LARGEST = {"audio": 6 * 1024 * 1024, "video": 20 * 1024 * 1024}  # bytes
LONGEST_CAPTIONS = 200_000  # bytes
MOST = 12  # files of a lesson
SAID = "只能上传 JPG、PNG、WebP 图片，MP3、M4A 音频，MP4、WebM 视频。"
Kind = LessonFile.Kind


@transaction.atomic
def add(
    lesson: Lesson, content: bytes, caption: str, *, minutes: int = 0, transcript: str = "",
    captions: bytes = b"", by: Actor, at: datetime,
) -> LessonFile:  # fmt: skip
    """Keep a file for a lesson; its text shows it where the editor names it. Raises CannotWrite, or
    BadPhoto, for what is too large or of another kind."""
    locked_draft(lesson, by=by, at=at)
    if lesson.files.count() >= MOST:
        raise CannotWrite(f"一课最多放 {MOST} 个图片和音像，请另编一课。", field="file")
    if not caption.strip():
        raise CannotWrite("请写一句说明，看不到画面的同志靠它知道内容。", field="caption")
    kind, type_ = kind_of(content)
    if kind == Kind.PICTURE:
        content, type_ = sample_photos.made_anew(content, LONG_SIDE, QUALITY), "image/jpeg"
    elif len(content) > LARGEST[kind]:
        most = LARGEST[kind] // 1024 // 1024
        raise CannotWrite(f"{kind.label}超过 {most} MB，请压缩后再传。", field="file")
    elif not minutes:
        raise CannotWrite("请填写播放几分钟。", field="minutes")
    return LessonFile.objects.create(
        lesson=lesson,
        kind=kind,
        type=type_,
        content=content,
        size=len(content),
        caption=caption.strip(),
        minutes=0 if kind == Kind.PICTURE else minutes,
        transcript=transcript.strip(),
        captions=_checked(captions),
        added_by=by.member,
        added_at=at,
    )


@transaction.atomic
def mend(
    file: LessonFile, *, caption: str, minutes: int, transcript: str, captions: bytes = b"",
    by: Actor, at: datetime,
) -> LessonFile:  # fmt: skip
    """Mend the words to a file; without new captions the old ones stay. What a published lesson
    shows never loses its words: raises CannotWrite, also for what is no WebVTT."""
    locked_draft(file.lesson, by=by, at=at)
    row = LessonFile.objects.defer("content").get(pk=file.pk)
    if not caption.strip():
        raise CannotWrite("请写一句说明，看不到画面的同志靠它知道内容。", field="caption")
    row.captions = _checked(captions) or row.captions
    seen = row.kind == Kind.VIDEO and row.captions
    if row.is_heard and not transcript.strip() and not seen and row.transcript:
        raise CannotWrite("文字稿可以修改，不能清空。", field="transcript")
    row.caption, row.transcript = caption.strip(), transcript.strip()
    row.minutes = minutes if row.is_heard else 0
    row.save(update_fields=["caption", "transcript", "captions", "minutes"])
    return row


def kind_of(content: bytes) -> tuple[LessonFile.Kind, str]:
    """What a file is by its first bytes, never by its name. Raises CannotWrite."""
    head = content[:16]
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or head[8:12] == b"WEBP":
        return Kind.PICTURE, "image/jpeg"
    if head.startswith(b"ID3") or (
        head[:1] == b"\xff" and head[1:2] in (b"\xfb", b"\xf3", b"\xf2")
    ):
        return Kind.AUDIO, "audio/mpeg"
    if head[4:8] == b"ftyp":
        if head[8:11] == b"M4A":
            return Kind.AUDIO, "audio/mp4"
        return Kind.VIDEO, "video/mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Kind.VIDEO, "video/webm"
    raise CannotWrite(SAID, field="file")


def _checked(captions: bytes) -> str:
    """Captions as text. Raises CannotWrite for what is no WebVTT."""
    if not captions:
        return ""
    try:
        text = captions.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        text = ""
    if len(captions) > LONGEST_CAPTIONS or not text.startswith("WEBVTT") or "-->" not in text:
        raise CannotWrite("字幕文件要是 UTF-8 的 WebVTT（以 WEBVTT 开头）。", field="captions")
    return text
