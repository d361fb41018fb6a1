"""Sheets: CSV for other schedulers.

Buffer. Columns Text, Image URL, Tags, Posting Time, case-sensitive; one picture a row, by an address that ends in
.jpg or .png; "YYYY-MM-DD HH:mm" in 24 hours, in the channel's own time zone; 100 rows a file on paid plans, 10 on
the free one. Buffer help centre, article 926, "How to upload posts in bulk to Buffer"; read at second hand in
three notes of 2026-07-28, 2026-09-17 and 2026-09-29 that agree. Films, stories and the further pictures of a
carousel have no column.

Later. No layout of columns could be found in its help centre (looked for on 2026-11-27): media is uploaded there and
dragged onto a calendar. So this is a sheet to work from, and the media in the order of the plan.
"""

import csv
import io
import shutil
from collections.abc import Sequence

from feedsmith.errors import FeedsmithError
from feedsmith.files import made, write_text
from feedsmith.publishing.exports.api import Delivered, Delivery
from feedsmith.publishing.exports.folder import file_names, local
from feedsmith.publishing.outgoing import Outgoing

BUFFER_COLUMNS = ("Text", "Image URL", "Tags", "Posting Time")
BUFFER_ROWS = 100
BUFFER_IMAGE_BYTES = 5 * 1000 * 1000
BUFFER_IMAGES = (".jpg", ".jpeg", ".png")
LATER_COLUMNS = ("Date", "Time", "Caption", "Media", "Alt text", "Type")


class Buffer:
    """CSV files that Buffer's bulk upload takes. A Publisher."""

    what = "CSV files for Buffer's bulk upload, 100 posts each"
    suffix = ".csv"

    def publish(self, posts: Sequence[Outgoing], to: Delivery) -> Delivered:
        """Option `rows`: posts a file, 1 to 100."""
        most = _number(to.options.get("rows", ""), BUFFER_ROWS)
        rows, notes = [], []
        left_out = [post for post in posts if post.form == "story"]
        for post in posts:
            if post.form == "story":
                continue
            first = post.parts[0]
            address = "" if first.is_film else to.address(post, first)
            if first.is_film:
                notes.append(
                    f'{post.id}: add the film in Buffer, "{first.path.name}"; its CSV takes none.'
                )
            elif len(post.parts) > 1:
                notes.append(
                    f"{post.id}: add pictures 2 to {len(post.parts)} in Buffer; its CSV takes one."
                )
            if address and first.path.suffix.lower() not in BUFFER_IMAGES:
                notes.append(
                    f"{post.id}: Buffer takes addresses that end in .jpg or .png; add it by hand."
                )
                address = ""
            if address and first.path.stat().st_size > BUFFER_IMAGE_BYTES:
                notes.append(f"{post.id}: the picture is over 5 MB, which Buffer may refuse.")
            if not post.text and not address:
                notes.append(f"{post.id}: left out, a row needs words or a picture's address.")
                continue
            rows.append([post.text, address, "", self._time(post, to, notes)])
        if left_out:
            names = ", ".join(post.id for post in left_out)
            notes.append(f"Stories cannot be uploaded by CSV and were left out: {names}.")
        if not to.media_url:
            notes.append("No picture's address is in it: add the pictures in Buffer, or say with --media-url "
                         "where your posts folder is served.")  # fmt: skip
        if not rows:
            raise FeedsmithError("there is nothing that Buffer's CSV can carry",
                                 mend=notes[0] if notes else "make posts first")  # fmt: skip
        notes.append(f"Times are those of {to.brand.time_zone}; Buffer reads them in the channel's own time zone, "
                     "so set it to the same.")  # fmt: skip
        files = []
        for number, at in enumerate(range(0, len(rows), most), 1):
            many = len(rows) > most
            name = f"{to.target.stem}-{number}{to.target.suffix}" if many else to.target.name
            files.append(to.target.with_name(name))
            write_text(files[-1], _csv(BUFFER_COLUMNS, rows[at : at + most]))
        return Delivered(len(rows), tuple(files), notes=tuple(notes))

    @staticmethod
    def _time(post: Outgoing, to: Delivery, notes: list[str]) -> str:
        if post.at is None:
            return ""
        here = local(post.at, to.brand.time_zone)
        if post.at.tzinfo and post.at <= to.now:
            notes.append(f"{post.id}: its time is past, so Buffer gives it the next free one.")
            return ""
        return f"{here:%Y-%m-%d %H:%M}"


class Later:
    """A folder for Later: media numbered in the order of the plan, and a sheet to work from. A Publisher."""

    what = "a folder for Later: media in the order of the plan, and a sheet of words and times"
    suffix = ""

    def publish(self, posts: Sequence[Outgoing], to: Delivery) -> Delivered:
        target = to.target
        if target.exists() and any(target.iterdir() if target.is_dir() else [target]):
            raise FeedsmithError(f"{target}: is there already, perhaps with things of yours in it",
                                 mend="name another folder with --out, or move that one away")  # fmt: skip
        width = max(2, len(str(len(posts))))
        rows = []
        for number, post in enumerate(posts, 1):
            names = [f"{number:0{width}d}-{name}" for name in file_names(post)]
            for part, name in zip(post.parts, names, strict=True):
                shutil.copyfile(part.path, made(target / "media") / name)
            here = local(post.at, to.brand.time_zone) if post.at else None
            rows.append([
                f"{here:%Y-%m-%d}" if here else "", f"{here:%H:%M}" if here else "", post.text,
                ", ".join(names), " / ".join(part.alt_text for part in post.parts if part.alt_text),
                post.form,
            ])  # fmt: skip
        sheet = target / "later.csv"
        write_text(sheet, _csv(LATER_COLUMNS, rows))
        return Delivered(len(rows), (sheet, target), notes=(
            "Later documents no CSV layout that could be found, so upload media/ there and copy the words from the sheet.",
            f"Times are those of {to.brand.time_zone}.",
        ))  # fmt: skip


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """RFC 4180: comma, every field in quotes, CRLF between rows; line breaks in captions stay."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _number(said: str, most: int) -> int:
    if not said:
        return most
    if not said.isdigit() or not 1 <= int(said) <= most:
        raise FeedsmithError(f"rows={said}: no number of rows", mend=f"from 1 to {most}")
    return int(said)
