"""manage.py book_bag SLUG --epub FILE: a book bag as an EPUB file, published or not."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.models import BookBag
from courses.online import book_bag_out, epub


class Command(BaseCommand):
    help = "把一个红色电子书包写成 EPUB 文件。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="书包的标识")
        parser.add_argument("--epub", type=Path, required=True, metavar="FILE", help="写到哪里")

    def handle(self, *args: Any, slug: str, epub: Path, **options: Any) -> None:
        bag = BookBag.objects.select_related("organiser").filter(slug=slug).first()
        if bag is None:
            known = "、".join(BookBag.objects.values_list("slug", flat=True)[:20]) or "还没有书包"
            raise CommandError(f"没有标识为 {slug} 的书包。现有：{known}。")
        readings = book_bag_out.readings_of(bag)
        if not readings:
            raise CommandError(f"书包《{bag}》里还没有读物。")
        content = written(bag, readings)
        try:
            epub.write_bytes(content)
        except OSError as error:
            raise CommandError(f"写不了文件：{epub}（{error.strerror}）。") from error
        self.stdout.write(f"《{bag}》{len(readings)} 篇，{len(content)} 字节，已写入 {epub}。")


def written(bag: BookBag, readings: list[book_bag_out.Reading]) -> bytes:
    """The file's content."""
    return epub.write(book_bag_out.book_of(bag, readings))
