"""Products: a shop's list (CSV, TSV) as briefs, one product post a product.

Knows the columns of Shopify's and WooCommerce's exports, of shopping feeds, and plain ones, and
finds or fetches the photos. Knows nothing of how a post is made. Bad rows are told and left out.
"""

import csv
import http.client
import ipaddress
import json
import re
import socket
import ssl
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from feedsmith import facts, photo_file
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.files import write_bytes, write_json
from feedsmith.library import Library
from feedsmith.post import Brief, Offer
from feedsmith.progress import Report, silent
from feedsmith.sources.caption import decode
from feedsmith.sources.table import delimiter as delimiter_of

LIST_BYTES_MAX = 64 * 2**20
ROWS_MAX = 50_000
NAME_MAX = 200
"""Characters; a longer name is a description in the wrong column."""
SIDE_MIN = 240
"""Pixels of a photo's shorter side; smaller ones would be blown up four times and more."""
PHOTO_BYTES_MAX = 20 * 2**20
FETCH_SECONDS = 15.0
"""For one photo, redirects included."""
REDIRECTS_MAX = 4
ABOUT_WORDS = 40
"""Of a description that a caption quotes, in whole sentences."""
_REREAD_MAX = 20
"""Quotes left open that are mended in one list; each costs one more reading of the rest."""

_COLUMNS = {
    "name": "name title product productname producttitle item artikel artikelname bezeichnung "
    "produkt produktname titel nom produit nombre producto titulo nome prodotto naam",
    "price": "price variantprice preis prix precio prezzo preco prijs pris cena amount unitprice "
    "verkaufspreis currentprice",
    "regular": "regularprice",
    "sale": "saleprice specialprice angebotspreis",
    "was": "was wasprice compareat compareatprice variantcompareatprice oldprice originalprice "
    "listprice msrp rrp uvp formerprice streichpreis",
    "currency": "currency currencycode waehrung wahrung devise moneda valuta",
    "photo": "photo photos image images imagesrc img picture pictures foto fotos bild bilder file "
    "filename imageurl imagelink productimageurl photourl mainimage featuredimage",
    "variant_photo": "variantimage variantimageurl",
    "position": "imageposition",
    "link": "link url producturl productlink permalink externalurl weblink page",
    "about": "description body bodyhtml shortdescription beschreibung text about details "
    "descripcion descrizione omschrijving",
    "long": "longdescription",
    "dates": "dates when validity gueltig zeitraum",
    "call": "call cta calltoaction",
    "headline": "headline",
    "credit": "credit photographer photocredit",
    "handle": "handle urlhandle slug",
    "id": "id",
    "sku": "sku variantsku gtin ean artikelnummer itemnumber",
    "status": "status availability instock",
    "published": "published publishedononlinestore",
    "type": "type producttype",
    "category": "category categories productcategory kategorie kategorien categorie categoria",
    "parent": "parent",
}  # fmt: skip
_ONCE = frozenset(("name", "price", "regular", "sale", "was", "currency"))
"""Meanings of which two columns of one name cannot both be true."""
_MEANING = {word: meaning for meaning, words in _COLUMNS.items() for word in words.split()}
_WOO_TYPES = frozenset(("simple", "variable", "variation", "grouped", "external"))
"""What WooCommerce means by a type."""
_CODE = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"\d[\d.,'’ \u00a0\u202f]*(?:[.,]?[-–—]{1,2})?")
_NO = frozenset(
    ("0", "-1", "false", "no", "nein", "non", "draft", "archived", "unlisted", "hidden")
)
_GONE = frozenset(
    ("out of stock", "out_of_stock", "outofstock", "discontinued", "draft", "archived", "unlisted",
     "hidden", "inactive", "private", "0", "false", "no")
)  # fmt: skip

Row = Mapping[str, str]
"""Meaning (a key of _COLUMNS) to what the cell says."""


def read(
    path: Path,
    photos: Path | None = None,
    *,
    library: Library | None = None,
    currency: str = "",
    download: bool = False,
    private: bool = False,
    report: Report = silent,
) -> tuple[list[Brief], list[Refused]]:
    """Product briefs of a list, and what was left out: one sentence with its row, and the mend.

    Photos are looked for beside the list, in `photos` and in the library; web addresses are fetched
    only with `download`, into the library's folder, once. `currency` ("EUR", "€") goes with prices
    that name none. `private` lets addresses of the own network be fetched.
    Raises FeedsmithError when the file is no list of products at all.
    """
    table = _Table(path)
    finder = _Photos(path, photos, library, download, private)
    briefs: list[Brief] = []
    products = list(table.products())
    for done, (number, rows) in enumerate(products):
        report("Reading products", done, len(products), rows[0].get("name", ""))
        where = f"{path.name}, row {number}"
        try:
            brief = _brief(rows, finder, currency.strip())
        except Refused as error:
            table.faults.append((number, Refused(f"{where}: {error.message}", mend=error.mend)))
            continue
        briefs.append(brief.model_copy(update={"where": where}))
    report("Reading products", len(products), len(products))
    if not products and not table.faults:
        raise FeedsmithError(f"{path}: the list has a header and no products", mend="add rows")
    return briefs, [fault for _, fault in sorted(table.faults, key=lambda fault: fault[0])]


# ---- one product -------------------------------------------------------------------------------


def _brief(rows: Sequence[Row], finder: "_Photos", currency: str) -> Brief:
    """A product of its rows (its variants and further photos follow the first one)."""
    first = rows[0]
    name = _plain(first.get("name", ""))
    if not name:
        raise Refused("no name", mend="give the product a name, or delete the row")
    if len(name) > NAME_MAX:
        raise Refused(
            f"a name of {len(name)} characters ({name[:40]}…)",
            mend=f"at most {NAME_MAX} characters; put the rest into the description",
        )
    state = first.get("status", "").strip().lower()
    if state in _GONE or first.get("published", "").strip().lower() in _NO:
        said = state if state in _GONE - {"0", "no", "false"} else "not published or not in stock"
        raise Refused(f"“{name}” is {said}: left out", mend="publish it in the shop to include it")
    price, was = _prices(rows, first.get("currency", "").strip() or currency)
    photo = finder.find(rows)
    about = _about(first.get("about", "") or first.get("long", ""))
    offer = Offer(
        name=name,
        price=price,
        was=was,
        dates=_plain(first.get("dates", "")),
        call=_plain(first.get("call", "")),
        link=first.get("link", "").strip() if "://" in first.get("link", "") else "",
        about=about,
    )
    return Brief(
        kind="product",
        offer=offer,
        headline=_plain(first.get("headline", "")),
        photo=photo,
        shows=_shows(first),
        credit=_plain(first.get("credit", "")),
    )


def _shows(row: Row) -> tuple[str, ...]:
    """What kind of thing it is, in one or two words, where a column says so."""
    for column in ("type", "category"):
        # "Apparel > Bags > Backpacks, Sale": the narrowest of the first branch.
        said = _plain(row.get(column, "")).split(",")[0].split(">")[-1].strip().lower()
        if said and said not in _WOO_TYPES and len(said.split()) <= 3:
            return (said,)
    return ()


def _prices(rows: Sequence[Row], currency: str) -> tuple[str, str]:
    """(price, former price), as written; "from" the lowest where variants differ."""
    found: list[tuple[float, str, str]] = []
    for row in rows:
        usual = row.get("price", "").strip() or row.get("regular", "").strip()
        now = row.get("sale", "").strip() or usual
        before = row.get("was", "").strip() or (usual if now != usual else "")
        if now:
            found.append((_value(now), now, before))
    if not found:
        raise Refused("no price", mend="fill in the price, e.g. 12 EUR")
    lowest, now, before = min(found, key=lambda price: price[0])
    if lowest <= 0:
        raise Refused(f"the price is “{now}”", mend="fill in a price above zero")
    several = len({value for value, _, _ in found}) > 1
    price = _with_currency(now, currency)
    cheaper = bool(before) and _number(before) is not None and _value(before) > lowest
    was = _with_currency(before, currency) if cheaper and not several else ""
    return (f"from {price}" if several else price), was


def _number(text: str) -> str | None:
    match = _NUMBER.search(text)
    return match[0] if match else None


def _value(text: str) -> float:
    """What a written price amounts to, whichever way its thousands are marked. Raises Refused."""
    number = _number(text)
    if number is None or re.search(r"(?<!\w)[-−]\d", text):
        raise Refused(f"“{text[:40]}” is no price", mend="write it as a number, e.g. 12.50 EUR")
    digits = re.sub(r"[^\d.,]", "", number).strip(".,")
    last = max(digits.rfind("."), digits.rfind(","))
    tail = len(digits) - last - 1
    if last >= 0 and (tail != 3 or (digits.count(digits[last]) == 1 and digits[:last] == "0")):
        whole, part = digits[:last], digits[last + 1 :]
    else:
        whole, part = digits, ""
    return float(f"{re.sub(r'[.,]', '', whole) or 0}.{part or 0}")


def _with_currency(text: str, currency: str) -> str:
    """The price as written, with a currency: its own, else the one given. Raises Refused."""
    said = facts.even(text)
    bare = _NUMBER.fullmatch(said) is not None
    if not bare:
        if any(fact.kind == "price" for fact in facts.facts(said)):
            if facts.lacks_currency(said):
                raise Refused(
                    f"the price “{said[:40]}” names no currency",
                    mend=f"write it as {said[:20]} EUR",
                )
            return said
        raise Refused(f"“{said[:40]}” is no price", mend="write it as a number, e.g. 12.50 EUR")
    if not currency:
        raise Refused(
            f"the price {said} names no currency",
            mend='add it: --currency EUR, or "12 EUR" in the list',
        )
    if currency.isalpha() and not _sign(currency):
        code = currency.upper() if _CODE.fullmatch(currency.upper()) else currency
        return f"{said} {code}"
    comma = re.search(r",\d{1,2}$", said)  # where cents follow a comma, the sign follows the price
    return f"{said} {currency}" if comma else f"{currency}{said}"


def _sign(currency: str) -> bool:
    return any(unicodedata.category(c) == "Sc" for c in currency)


class _Text(HTMLParser):
    """Words of an HTML fragment; blocks become separate lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("script", "style")
        if tag in ("p", "br", "li", "div", "tr", "ul", "h1", "h2", "h3", "h4", "table"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0
        if tag in ("p", "li", "div", "tr", "h1", "h2", "h3", "h4"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def _lines(text: str) -> list[str]:
    """The words of a cell, HTML or not, line by line."""
    if "<" in text or "&" in text:
        parser = _Text()
        parser.feed(text[:100_000])
        parser.close()
        text = "".join(parser.parts)
    kept = "".join(c for c in text if c == "\n" or unicodedata.category(c) != "Cc")
    return [line for part in kept.split("\n") if (line := facts.even(part))]


def _plain(text: str) -> str:
    return " ".join(_lines(text.replace("\r", "\n")))


def _about(text: str) -> str:
    """The first whole sentences of a description, at most ABOUT_WORDS words; '' where there is none
    (tables of sizes, lists of materials, shouting)."""
    kept: list[str] = []
    for line in _lines(text.replace("\r\n", "\n").replace("\\n", "\n")):
        sentences = re.findall(r"[^.!?]+(?:[.!?](?=\d)[^.!?]*)*[.!?]+(?=\s|$)", line)
        for sentence in map(str.strip, sentences):
            words = len(sentence.split())
            if words < 3 or sentence.isupper() or re.search(r"https?:|www\.|[#@]\w", sentence):
                return " ".join(kept)
            if sum(len(part.split()) for part in kept) + words > ABOUT_WORDS:
                return " ".join(kept)
            kept.append(sentence)
        if kept:
            break
    return " ".join(kept)


# ---- the list ----------------------------------------------------------------------------------


class _Table:
    """A list of products; `faults` are its rows that cannot be read, by their number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[tuple[int, Refused]] = []
        self._text = _text_of(path)
        self.delimiter = delimiter_of(self._text)
        rows = self._rows()
        try:
            header = next(rows)[1]
        except StopIteration:
            raise FeedsmithError(
                f"{path}: the file is empty", mend="export the list again"
            ) from None
        self._width = len(header)
        self._meanings = [_meaning(cell) for cell in header]
        known = {meaning for meaning in self._meanings if meaning}
        for column in header:
            same = [cell for cell in header if _normal(cell) == _normal(column)]
            if len(same) > 1 and _meaning(column) in _ONCE:
                raise FeedsmithError(
                    f"{path}: {len(same)} columns are called “{column.strip()[:40]}”",
                    mend="keep the right one, delete or rename the other",
                )
        if "name" not in known or not known & {"price", "regular", "sale"}:
            missing = "name" if "name" not in known else "price"
            seen = ", ".join(cell.strip() for cell in header[:8] if cell.strip())
            raise FeedsmithError(
                f"{path}: no column for the {missing} (columns are: {seen[:200] or 'none'})",
                mend="the first row must name the columns: name, price, photo, link",
            )
        normal = {_normal(cell) for cell in header}
        self._shopify = "handle" in known and bool({"variantprice", "variantsku", "optionname"} & normal
                                                   or {"option1name", "variantgrams"} & normal)  # fmt: skip
        self._woo = {"regularprice", "published", "type"} <= normal

    def products(self) -> Iterator[tuple[int, list[Row]]]:
        """(row number, its rows) for each product: several where variants have rows of their own."""
        rows = self._meant()
        if self._shopify:
            yield from self._grouped(rows, lambda row: row.get("handle", ""))
        elif self._woo:
            yield from self._with_variations(rows)
        else:
            for number, row in rows:
                yield number, [row]

    def _grouped(
        self, rows: Iterator[tuple[int, Row]], key: Callable[[Row], str]
    ) -> Iterator[tuple[int, list[Row]]]:
        found: dict[str, tuple[int, list[Row]]] = {}
        for number, row in rows:
            found.setdefault(key(row) or f"row {number}", (number, []))[1].append(row)
        yield from found.values()

    def _with_variations(self, rows: Iterator[tuple[int, Row]]) -> Iterator[tuple[int, list[Row]]]:
        """A variable product has its prices on rows of its variations, which are no products."""
        found: dict[str, tuple[int, list[Row]]] = {}
        by_sku: dict[str, str] = {}
        for number, row in rows:
            if row.get("type", "").lower() == "variation":
                parent = row.get("parent", "").strip()
                at = (
                    parent.removeprefix("id:")
                    if parent.startswith("id:")
                    else by_sku.get(parent, "")
                )
                if at in found:
                    found[at][1].append({**row, "published": ""})
                continue
            own = row.get("id", "") or f"row {number}"
            by_sku[row.get("sku", "")] = own
            found[own] = (number, [row])
        yield from found.values()

    def _meant(self) -> Iterator[tuple[int, Row]]:
        rows = self._rows()
        next(rows)
        for number, cells in rows:
            where = f"{self.path.name}, row {number}"
            if any("\0" in cell for cell in cells):
                self._fault(
                    number, f"{where}: damaged (it holds NUL bytes)", "export the list again"
                )
                continue
            extra = [cell for cell in cells[self._width :] if cell.strip()]
            if extra:
                self._fault(
                    number,
                    f"{where}: {len(cells)} cells, the header has {self._width}",
                    f"put cells that hold a “{self.delimiter.strip() or 'tab'}” into quotes",
                )
                continue
            row: dict[str, str] = {}
            for meaning, cell in zip(self._meanings, cells, strict=False):
                if meaning and cell.strip() and not row.get(meaning):
                    row[meaning] = cell.strip()
            yield number, row

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """(number as a spreadsheet counts, cells); empty rows left out. A quote that is left open
        would swallow the rest of the list: its line is told, and reading goes on below it."""
        lines = self._text.splitlines(keepends=True)
        start = number = 0
        reread = 0
        width = 0
        told = {number for number, _ in self.faults}
        while start < len(lines):
            reader = csv.reader(lines[start:], delimiter=self.delimiter)
            used = 0
            broken = False
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    number += 1
                    if number not in told:
                        self._fault(number, f"{self.path.name}, row {number}: cannot be read ({error})",
                                    "look at that row in a text editor")  # fmt: skip
                    used = reader.line_num
                    continue
                taken = reader.line_num - used
                number += 1
                swallowed = taken > 1 and width > 0 and len(cells) < width
                if swallowed and reader.line_num + start >= len(lines) and reread < _REREAD_MAX:
                    if number not in told:
                        self._fault(
                            number,
                            f"{self.path.name}, row {number}: a quote is opened and never closed",
                            "close the quote, or take it out",
                        )
                    start += used + 1
                    reread += 1
                    broken = True
                    break
                used = reader.line_num
                if not any(cell.strip() for cell in cells):
                    continue
                width = width or len(cells)
                if number > ROWS_MAX:
                    raise FeedsmithError(
                        f"{self.path}: more than {ROWS_MAX} rows", mend="split the list"
                    )
                yield number, cells
            if not broken:
                return

    def _fault(self, number: int, sentence: str, mend: str) -> None:
        self.faults.append((number, Refused(sentence, mend=mend)))


def _text_of(path: Path) -> str:
    """The file as text. Raises FeedsmithError where it is none."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= LIST_BYTES_MAX else b""
    except FileNotFoundError as error:
        raise FeedsmithError(f"{path}: no such file", mend="name a CSV file") from error
    except OSError as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({error.strerror})", mend="name a CSV file"
        ) from error
    if size > LIST_BYTES_MAX:
        raise FeedsmithError(
            f"{path}: {size / 2**20:.0f} MB, more than a list of products has",
            mend="split the list",
        )
    if not data.strip():
        raise FeedsmithError(f"{path}: the file is empty", mend="export the list again")
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise FeedsmithError(
            f"{path}: this is a spreadsheet (Excel, Numbers, LibreOffice), not a CSV file",
            mend="open it and save it as CSV (UTF-8), then name that file",
        )
    text = decode(data)
    if re.match(r"\s*<(?:!doctype|html|\?xml)", text, re.I):
        raise FeedsmithError(
            f"{path}: this is a web page, not a CSV file", mend="export the list again, signed in"
        )
    if text.count("\0") > len(text) // 10:
        raise FeedsmithError(f"{path}: this is no text", mend="name a CSV file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _normal(column: str) -> str:
    plain = unicodedata.normalize("NFKD", column.casefold().replace("ß", "ss"))
    return re.sub(r"[^a-z0-9]", "", plain)


def _meaning(column: str) -> str:
    normal = _normal(re.sub(r"\([^)]*\)", "", column)) or _normal(column)
    if normal == "body":
        return "about"
    if normal in ("instock", "availability"):
        return "status"
    return _MEANING.get(normal, "")


# ---- photos ------------------------------------------------------------------------------------


class _Photos:
    """Where the photos of a list are: beside it, in a folder, in the library, on the web."""

    def __init__(
        self,
        path: Path,
        folder: Path | None,
        library: Library | None,
        download: bool,
        private: bool,
    ) -> None:
        if folder is not None and not folder.is_dir():
            raise FeedsmithError(f"{folder}: no such folder", mend="name the folder of the photos")
        self._places = [path.parent, *([folder] if folder is not None else [])]
        self._folder = folder
        self._library = library
        self._download = download
        self._private = private
        self._names: dict[str, Path] | None = None
        self._kept: dict[str, str] | None = None

    def find(self, rows: Sequence[Row]) -> str:
        """The photo of a product: a path or a library id. Raises Refused naming the mend."""
        first = rows[0]
        named = [row for row in rows if row.get("photo")]
        named.sort(key=lambda row: row.get("position", "") not in ("", "1"))
        cells = [row["photo"] for row in named] or [
            row["variant_photo"] for row in rows if row.get("variant_photo")
        ]
        if not cells:
            for guess in (
                first.get("sku", ""),
                first.get("id", ""),
                first.get("handle", ""),
                _plain(first.get("name", "")),
            ):
                found = self._by_name(guess) if guess else ""
                if found:
                    return found
            raise Refused(
                f"“{_plain(first.get('name', ''))}” names no photo",
                mend="name one in the list, or put one called like the product into --photos",
            )
        value = _first_of(cells[0])
        if re.match(r"https?://", value, re.I):
            name = unquote(urlsplit(value).path).replace("\\", "/").rpartition("/")[2]
            here = (self._local(name) or self._in_folder(name)) if name else ""
            return here or self._fetched(value)
        if "://" in value:
            raise Refused(
                f"the photo “{value[:80]}” is no file and no web address", mend="name a file"
            )
        found = self._local(value) or self._by_name(value)
        if not found:
            raise Refused(
                f"the photo “{value[:80]}” is not there",
                mend="put it beside the list, or name its folder with --photos",
            )
        return found

    def _local(self, value: str) -> str:
        for place in self._places:
            try:
                file = (place / value.replace("\\", "/")).resolve()
                if file.is_file():
                    return _seen(file)
            except (OSError, ValueError):
                continue
        return ""

    def _by_name(self, value: str) -> str:
        """By file name, with or without its suffix, in the folder and in the library."""
        if found := self._in_folder(value):
            return found
        name = _key(value)
        for photo in self._library.photos() if self._library is not None else ():
            if value == photo.id or (photo.name and _key(photo.name) == name):
                return photo.id
        return ""

    def _in_folder(self, value: str) -> str:
        """By file name, with or without its suffix, anywhere in the folder of photos."""
        if self._names is None:
            self._names = {}
            files = sorted(self._folder.rglob("*")) if self._folder is not None else []
            for file in files:
                if file.suffix.lower() in photo_file.PHOTO_SUFFIXES and file.is_file():
                    self._names.setdefault(_key(file.name), file)
        name = _key(value)
        return _seen(self._names[name]) if name in self._names else ""

    def _fetched(self, url: str) -> str:
        """A photo from the web, kept under the library, so that a second run needs no network."""
        if self._library is None or not self._download:
            raise Refused(
                f"the photo is on the web ({url[:80]})",
                mend="add --download to fetch it, or put the file into --photos",
            )
        folder = self._library.root / "products"
        index = folder / "fetched.json"
        if self._kept is None:
            try:
                known = json.loads(index.read_text("utf-8"))
                self._kept = {str(k): str(v) for k, v in known.items()}
            except (OSError, ValueError, AttributeError):
                self._kept = {}
        name = Path(self._kept.get(url, "")).name
        if name and (folder / name).is_file():
            return _seen(folder / name)
        data = photo_file.cleaned(fetch(url, private=self._private))
        header = photo_file.read_header(data)
        file = folder / f"{sha256(data).hexdigest()[:16]}{header.suffix}"
        if not file.exists():
            write_bytes(file, data)
        self._kept[url] = file.name
        write_json(index, self._kept)
        return _seen(file)


def _first_of(cell: str) -> str:
    """The first of several photos in one cell (WooCommerce: with commas)."""
    parts = re.split(r"\s*[,|;]\s*(?=https?://)|\s*[|;\n]\s*", cell.strip())
    first = parts[0].strip()
    if "," in first and not re.match(r"https?://", first):
        names = [part.strip() for part in first.split(",")]
        if all(Path(name).suffix.lower() in photo_file.PHOTO_SUFFIXES for name in names if name):
            first = names[0]
    return first


def _key(name: str) -> str:
    stem = unquote(name.replace("\\", "/").rpartition("/")[2])
    suffix = Path(stem).suffix
    stem = stem[: -len(suffix)] if suffix.lower() in photo_file.PHOTO_SUFFIXES else stem
    plain = unicodedata.normalize("NFKD", stem.casefold())
    return re.sub(r"[^\w]+", "-", "".join(c for c in plain if not unicodedata.combining(c))).strip(
        "-"
    )


def _seen(file: Path) -> str:
    """The path of a file that is a picture of a usable size. Raises Refused."""
    if file.stat().st_size == 0:
        raise Refused(f"{file.name}: the file is empty", mend="export the photo again")
    if file.stat().st_size > photo_file.FILE_BYTES_MAX:
        raise Refused(f"{file.name}: too large for a photo", mend="name a smaller file")
    try:
        header = photo_file.read_header(file.read_bytes())
    except Refused as error:
        raise Refused(
            f"{file.name}: {error.message}", mend="name a JPEG, PNG, WebP or HEIC"
        ) from error
    if min(header.width, header.height) < SIDE_MIN:
        raise Refused(
            f"{file.name}: {header.width}x{header.height} pixels are too few",
            mend=f"name a photo of at least {SIDE_MIN} pixels on the shorter side",
        )
    return str(file)


def fetch(url: str, *, private: bool = False) -> bytes:
    """A picture from the web, at most PHOTO_BYTES_MAX bytes in FETCH_SECONDS.

    http and https alone; every address that a name stands for is checked, and the checked one is
    called, so that no list leads into the own network (`private` allows it). Raises Refused.
    """
    until = time.monotonic() + FETCH_SECONDS
    asked = url
    for _ in range(REDIRECTS_MAX + 1):
        try:
            status, kind, place, data = _get(asked, until, private)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise Refused(
                f"{url[:80]}: cannot be fetched ({why or type(error).__name__})",
                mend="check the address and the network, then run the same command again",
            ) from error
        if status in (301, 302, 303, 307, 308) and place:
            asked = urljoin(asked, place)
            continue
        if status != 200:
            raise Refused(f"{url[:80]}: the server answered {status}", mend="check the address")
        if not kind.lower().startswith("image/"):
            raise Refused(
                f"{url[:80]}: no picture, but {kind[:40] or 'unnamed'}", mend="check the address"
            )
        return data
    raise Refused(f"{url[:80]}: more than {REDIRECTS_MAX} redirects", mend="name the last address")


def _get(url: str, until: float, private: bool) -> tuple[int, str, str, bytes]:
    """(status, content type, where it went, content) of one request."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or parts.username:
        raise Refused(f"{url[:80]}: not a plain web address", mend="it must begin with https://")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = host.encode("idna").decode("ascii") if not host.isascii() else host
    addresses = [
        str(info[4][0]) for info in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    ]
    for address in addresses:
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if not private and (not ip.is_global or ip.is_multicast):
            raise Refused(
                f"{url[:80]}: leads into a private network ({ip})",
                mend="save the photo into --photos",
            )
    line = socket.create_connection((addresses[0], port), timeout=_left(until))
    try:
        if parts.scheme == "https":
            line = ssl.create_default_context().wrap_socket(line, server_hostname=name)
        connection = http.client.HTTPConnection(name, port)
        connection.sock = line
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
        connection.request(
            "GET",
            f"{path}?{query}" if query else path,
            headers={"User-Agent": "feedsmith", "Accept": "image/*", "Connection": "close"},
        )
        line.settimeout(_left(until))
        answer = connection.getresponse()
        kind = answer.headers.get("Content-Type", "")
        place = answer.headers.get("Location", "")
        kept = bytearray()
        while answer.status == 200:
            line.settimeout(_left(until))
            part = answer.read1(1 << 16)
            if not part:
                break
            kept += part
            if len(kept) > PHOTO_BYTES_MAX:
                raise Refused(
                    f"{url[:80]}: more than {PHOTO_BYTES_MAX >> 20} MB",
                    mend="name a smaller picture",
                )
        return answer.status, kind, place, bytes(kept)
    finally:
        line.close()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError(0, f"no answer in {FETCH_SECONDS:.0f} s")
    return left
