"""The words under a post: mending their encoding, finding hashtags and mentions in any script.

Pure text; knows nothing of files or posts.
"""

import re
import unicodedata

_MOJIBAKE = re.compile("[\u0080-\u00ff]{2,}")
_SPACE = " \t\u00a0\u2800\u200b\ufeff"
_BLANK = _SPACE + "\u200e\u200f"
"""Nothing to see: blanks, and the marks that turn the way of writing (which stay with their words)."""
_FOLD = re.compile(rf"^[{_BLANK}.·•∙⋅▪◦・｡。_\-–—*~|↓⬇\ufe0f]*$")
"""A line that only pushes the hashtags down, such as "." or a blank braille cell."""
_BETWEEN = re.compile(rf"[{_BLANK}.,;·•|/&+\-–—]*")
_MENTION = re.compile(r"(?<![\w.@/])@([A-Za-z0-9_](?:[A-Za-z0-9._]{0,28}[A-Za-z0-9_])?)(?![\w@])")
_TAG_MAX = 100
_LEADS_IN = frozenset(
    (  # noqa: SIM905  a list of a hundred words in quotes cannot be read
        "a an the this that these those our my your his her its their some any every of in at on to for "
        "from with by and or is are was be as le la les un une des du de et à au ce cette notre der die "
        "das den dem ein eine einen einem einer und im am zum zur mit von el los las del al y en con por "
        "para nuestra nuestro il lo gli di e o os um uma do da no na em het een en van"
    ).split()
)
"""Words that a sentence cannot end on: a hashtag after one of them is part of the sentence."""


def mend(text: str) -> str:
    """Undo the export's encoding: UTF-8 bytes written as single characters (\\u00f0\\u009f...).

    Works on each run of such characters, so text that is already right, or only partly broken,
    or cut inside a character, keeps what cannot be read.
    """

    def run(match: re.Match[str]) -> str:
        raw = match.group().encode("latin-1")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            whole = raw[: error.start]
            if error.reason == "unexpected end of data" and whole:
                return whole.decode("utf-8")
            return match.group()

    return _MOJIBAKE.sub(run, text)


def decode(data: bytes) -> str:
    """Text of unknown encoding: by its byte order mark, else UTF-8, else Windows-1252."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError:  # five bytes mean nothing in Windows-1252
            return data.decode("latin-1")


def hashtags(caption: str) -> tuple[str, ...]:
    """The hashtags without '#', as typed, in order, each once (case and accents folded)."""
    seen: dict[str, str] = {}
    for start, end in _tags(caption):
        tag = caption[start + 1 : end]
        seen.setdefault(folded(tag), tag)
    return tuple(seen.values())


def mentions(caption: str) -> tuple[str, ...]:
    """The accounts mentioned, without '@', in order, each once."""
    return tuple(dict.fromkeys(match.group(1) for match in _MENTION.finditer(caption)))


def folded(tag: str) -> str:
    """A hashtag as it is compared: no case; no accents on Latin letters."""
    plain = unicodedata.normalize("NFKD", tag.casefold())
    if all(ord(char) < 0x370 for char in plain):
        plain = "".join(char for char in plain if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", plain)


def without_hashtags(caption: str) -> str:
    """The sentences of a caption.

    Hashtags that end a line go, and so do lines of dots; a hashtag inside a sentence stays as a
    plain word ("a #husky not a wolf" becomes "a husky not a wolf").
    """
    lines: list[str] = []
    for line in caption.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if _FOLD.match(line):
            lines.append("")
        else:
            kept = _plain(line)
            if kept:
                lines.append(kept)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _plain(line: str) -> str:
    tags = _tags(line)
    tail = len(line.rstrip(_BLANK + ".,;·•|"))
    # Walk back over the hashtags that close the line.
    closing = len(tags)
    while closing and tags[closing - 1][1] >= tail:
        closing -= 1
        before = line[: tags[closing][0]]
        tail = len(before) - len(_trailing_separators(before))
    if len(tags) - closing == 1:
        words = line[: tags[closing][0]].split()
        if words and words[-1].strip("“”\"'(").casefold() in _LEADS_IN:
            closing += 1
    end = len(line)
    if closing < len(tags):
        end = tags[closing][0]
    kept: list[str] = []
    at = 0
    for start, stop in tags[:closing]:
        kept += [line[at:start], line[start + 1 : stop]]
        at = stop
    kept.append(line[at:end])
    text = re.sub(rf"[{_SPACE}]{{2,}}", " ", "".join(kept)).strip(_SPACE)
    if end < len(line):
        text = text.rstrip("·•|/&+-–—" + _SPACE)
    return re.sub(r"\s+[\u200e\u200f]+$", "", text)


def _trailing_separators(text: str) -> str:
    """The separators at the end of `text` that only stand between hashtags."""
    at = len(text)
    while at and _BETWEEN.fullmatch(text[at - 1]):
        at -= 1
    return text[at:]


def hashtags_at(caption: str) -> list[tuple[int, int]]:
    """(start, end) of each hashtag, repeated ones too, start at its '#'."""
    return _tags(caption)


def is_hashtag(tag: str) -> bool:
    """Whether all of a tag (without '#') is read as one: Instagram ends it at the first other character."""
    return _tags(f"#{tag}") == [(0, len(tag) + 1)]


def _tags(text: str) -> list[tuple[int, int]]:
    """(start, end) of each hashtag, start at its '#'."""
    found: list[tuple[int, int]] = []
    at = 0
    while (at := _next_hash(text, at)) >= 0:
        end = at + 1
        while end < len(text) and end - at <= _TAG_MAX and _in_tag(text[end]):
            end += 1
        while end > at + 1 and text[end - 1] in "\u200d\u200c":
            end -= 1
        body = text[at + 1 : end]
        chained = bool(found) and found[-1][1] == at
        if _means_something(body) and (chained or _may_start(text, at)):
            found.append((at, end))
        at = end
    return found


def _next_hash(text: str, at: int) -> int:
    places = [place for sign in "#＃" if (place := text.find(sign, at)) >= 0]
    return min(places, default=-1)


def _may_start(text: str, at: int) -> bool:
    """False inside addresses ("/#about", "&#39;") and after Latin letters ("C#sharp")."""
    if at == 0:
        return True
    before = text[at - 1]
    if before in "&/=?%#＃_":
        return False
    if before.isalnum():
        # Scripts written without spaces run straight into the hashtag.
        return ord(before) >= 0x0E00
    return True


def _in_tag(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN" or char == "_" or _is_emoji(char)


def _means_something(body: str) -> bool:
    """Digits and underscores alone ("#1", "#50%") are a number, not a hashtag."""
    return any(unicodedata.category(char)[0] == "L" or _is_pictograph(char) for char in body)


def _is_pictograph(char: str) -> bool:
    code = ord(char)
    return (
        0x1F000 <= code <= 0x1FAFF
        or 0x2600 <= code <= 0x27BF
        or 0x2B00 <= code <= 0x2BFF
        or 0x2300 <= code <= 0x23FF
    )


def _is_emoji(char: str) -> bool:
    """Pictographs and what joins and colours them: joiners, variation selectors, tag letters."""
    code = ord(char)
    return (
        _is_pictograph(char)
        or code in (0x200C, 0x200D, 0xFE0E, 0xFE0F, 0x20E3)
        or 0xE0020 <= code <= 0xE007F
    )
