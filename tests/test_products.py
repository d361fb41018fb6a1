"""Product lists: what shops export becomes one brief a product, and every bad row is told."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith import products
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.library import Library
from feedsmith.post import Brief, Offer


def jpeg(side: int = 300, seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    out = BytesIO()
    Image.fromarray(noise).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name in ("mug.jpg", "bowl.jpg", "Röd vas.jpg"):
        (tmp_path / name).write_bytes(jpeg())
    return tmp_path


def listed(shop: Path, text: str | bytes, **given: object) -> tuple[list[Brief], list[Refused]]:
    path = shop / "products.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return products.read(path, **given)  # type: ignore[arg-type]


def test_a_plain_list_becomes_product_briefs(shop: Path) -> None:
    briefs, faults = listed(
        shop, "name,price,photo,link\nOak mug,12 EUR,mug.jpg,https://example.org/mug\n"
    )
    assert faults == []
    (brief,) = briefs
    assert brief.kind == "product"
    assert brief.offer == Offer(name="Oak mug", price="12 EUR", link="https://example.org/mug")
    assert brief.photo == str(shop / "mug.jpg")
    assert brief.where == "products.csv, row 2"


@pytest.mark.parametrize(
    "text",
    [
        "Titel;Preis;Bild\nTasse rot;12,50 €;mug.jpg\n".encode("cp1252"),
        "\ufeffTITLE\tPRICE\tIMAGE\nTasse rot\t12,50 €\tmug.jpg\n".encode(),
        "name|price|photo\r\nTasse rot|12,50 €|mug.jpg\r\n".encode("utf-16"),
        b"Product Name,Unit price,Image\n\nTasse rot,\"12,50 \xe2\x82\xac\",mug.jpg\n",
    ],
)  # fmt: skip
def test_any_delimiter_and_encoding_is_read(shop: Path, text: bytes) -> None:
    (brief,), faults = listed(shop, text)
    assert (brief.offer.name, brief.offer.price, faults) == ("Tasse rot", "12,50 €", [])


SHOPIFY = """Handle,Title,Body (HTML),Vendor,Published,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Compare At Price,Image Src,Image Position,Variant Image,Status
mug,Oak &amp; Co mug,"<p>Thrown on the wheel, and <b>glazed</b> twice.<br>Holds 350 ml.</p>",H,TRUE,Title,Default Title,m1,38.00,45.00,bowl.jpg,2,,active
mug,,,,,,,,,,mug.jpg,1,,
set,Set of bowls,,H,TRUE,Size,S,s1,20.00,,bowl.jpg,1,,active
set,,,,,,L,s2,35.00,,,,mug.jpg,
old,Old thing,,H,TRUE,Title,Default Title,o1,5.00,,mug.jpg,1,,archived
hid,Hidden thing,,H,FALSE,Title,Default Title,h1,5.00,,mug.jpg,1,,active
"""


def test_a_shopify_export_gives_one_post_a_product_with_its_first_picture(shop: Path) -> None:
    briefs, faults = listed(shop, SHOPIFY, currency="EUR")
    assert [(b.offer.name, b.offer.price, b.offer.was) for b in briefs] == [
        ("Oak & Co mug", "38.00 EUR", "45.00 EUR"),
        ("Set of bowls", "from 20.00 EUR", ""),
    ]
    assert [Path(b.photo).name for b in briefs] == ["mug.jpg", "bowl.jpg"]
    assert [f.message for f in faults] == [
        "products.csv, row 6: “Old thing” is archived: left out",
        "products.csv, row 7: “Hidden thing” is not published or not in stock: left out",
    ]


WOO = """ID,Type,SKU,Name,Published,"In stock?","Short description",Description,"Regular price","Sale price",Images,Parent
10,simple,M1,Oak mug,1,1,<p>Good.</p>,,12,9.50,"mug.jpg, bowl.jpg",
11,variable,V1,Bowl,1,1,,,,,bowl.jpg,
12,variation,V1-S,Bowl - small,1,1,,,20,,,id:11
13,variation,V1-L,Bowl - large,1,1,,,30,,,V1
14,simple,D1,Draft,-1,1,,,5,,mug.jpg,
15,simple,S1,Sold,1,0,,,5,,mug.jpg,
"""


def test_a_woocommerce_export_leaves_variations_and_drafts_out(shop: Path) -> None:
    briefs, faults = listed(shop, WOO, currency="€")
    assert [(b.offer.name, b.offer.price, b.offer.was) for b in briefs] == [
        ("Oak mug", "€9.50", "€12"), ("Bowl", "from €20", ""),
    ]  # fmt: skip
    assert len(faults) == 2


def test_prices_are_kept_as_written_and_must_have_a_currency(shop: Path) -> None:
    rows = "name,price,photo\nA,1'299.–,mug.jpg\nB,US$ 5,mug.jpg\nC,on request,mug.jpg\nD,0,mug.jpg\nE,-3 EUR,mug.jpg\nF,,mug.jpg\nG,7,mug.jpg\n"
    briefs, faults = listed(shop, rows, currency="chf")
    assert [b.offer.price for b in briefs] == ["1'299.– CHF", "US$ 5", "7 CHF"]
    assert [f.message.split(": ", 1)[1] for f in faults] == [
        "“on request” is no price", "the price is “0”", "“-3 EUR” is no price", "no price",
    ]  # fmt: skip
    _, faults = listed(shop, "name,price,photo\nA,12,mug.jpg\n")
    assert "names no currency" in faults[0].message
    assert "--currency EUR" in faults[0].mend


def test_a_former_price_counts_only_where_it_was_higher(shop: Path) -> None:
    briefs, _ = listed(
        shop,
        'name,price,compare at,photo\nA,9 EUR,12 EUR,mug.jpg\nB,12 EUR,9 EUR,mug.jpg\nC,12 EUR,0.00,mug.jpg\nD,"1.200,00 EUR","1.300,00 EUR",mug.jpg\n',
    )
    assert [b.offer.was for b in briefs] == ["12 EUR", "", "", "1.300,00 EUR"]


def test_photos_are_found_beside_the_list_in_the_folder_and_by_name(shop: Path) -> None:
    folder = shop / "photos" / "deep"
    folder.mkdir(parents=True)
    (folder / "SKU-7.png").write_bytes(jpeg())
    text = "sku,name,price,photo\n,A,1 EUR,rod-vas.jpg\nSKU-7,B,1 EUR,\n,C,1 EUR,photos\\deep\\SKU-7.png\n,D,1 EUR,nowhere.jpg\n,E,1 EUR,\n"
    (folder / "Röd vas.jpg").write_bytes(jpeg())
    briefs, faults = listed(shop, text, photos=shop / "photos")
    assert [Path(b.photo).name for b in briefs] == ["Röd vas.jpg", "SKU-7.png", "SKU-7.png"]
    assert [f.message for f in faults] == [
        "products.csv, row 5: the photo “nowhere.jpg” is not there",
        "products.csv, row 6: “E” names no photo",
    ]


def test_photos_that_cannot_be_used_are_told(shop: Path) -> None:
    (shop / "small.jpg").write_bytes(jpeg(40))
    (shop / "empty.jpg").write_bytes(b"")
    (shop / "text.jpg").write_text("not a picture")
    rows = "".join(f"{n},1 EUR,{n}.jpg\n" for n in ("small", "empty", "text", "mug"))
    briefs, faults = listed(shop, "name,price,photo\n" + rows)
    assert len(briefs) == 1
    assert "40x40" in faults[0].message
    assert "empty" in faults[1].message
    assert all(fault.mend for fault in faults)


def test_damaged_rows_are_told_and_the_rest_goes_on(shop: Path) -> None:
    text = 'name,price,photo\nA,1 EUR,mug.jpg\nB,1,5 EUR,mug.jpg\nC\0C,1 EUR,mug.jpg\n"D,1 EUR,mug.jpg\nE,1 EUR,mug.jpg\n,2 EUR,mug.jpg\nF,1 EUR,mug.jpg\n'
    briefs, faults = listed(shop, text)
    assert [b.offer.name for b in briefs] == ["A", "E", "F"]
    assert [f.message.split(": ", 1)[0][-5:] for f in faults] == [
        "row 3",
        "row 4",
        "row 5",
        "row 7",
    ]
    assert "4 cells, the header has 3" in faults[0].message
    assert "never closed" in faults[2].message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"), (b"\n \n", "empty"), (b"PK\x03\x04rest", "spreadsheet"),
        (b"<!DOCTYPE html><html>", "web page"), (b"a,b\n1,2\n", "no column for the name"),
        (b"name,photo\nA,b\n", "no column for the price"), (b"name,price\n", "no products"),
        (bytes(range(256)) * 8, "no column"), (b"\0" * 100 + b"x", "no text"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_list_is_named_as_what_it_is(shop: Path, data: bytes, said: str) -> None:
    with pytest.raises(FeedsmithError, match=said):
        listed(shop, data)


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match="no such file"):
        products.read(tmp_path / "no.csv")


def test_five_hundred_rows_are_read(shop: Path) -> None:
    rows = "".join(f"Mug {i},{i + 1} EUR,mug.jpg\n" for i in range(600))
    briefs, faults = listed(shop, "name,price,photo\n" + rows)
    assert (len(briefs), faults) == (600, [])


class Shop(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/mug.jpg")
            self.end_headers()
            return
        if self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
            self.end_headers()
            return
        body = jpeg() if self.path.endswith(".jpg") else b"<html>"
        self.send_response(200 if "gone" not in self.path else 404)
        self.send_header("Content-Type", "image/jpeg" if body[0] == 0xFF else "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    Shop.asked.clear()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_photos_on_the_web_are_fetched_once_and_only_where_that_is_allowed(
    shop: Path, web: str
) -> None:
    text = f"name,price,photo\nA,1 EUR,{web}/far.jpg\n"
    library = Library(shop / "library")
    _, faults = listed(shop, text, library=library)
    assert "--download" in faults[0].mend
    assert Shop.asked == []
    for _ in range(2):
        (brief,), faults = listed(shop, text, library=library, download=True, private=True)
        assert faults == []
        assert Path(brief.photo).parent == shop / "library" / "products"
    assert Shop.asked == ["/far.jpg"]


def test_what_the_web_does_wrong_is_told_row_by_row(shop: Path, web: str) -> None:
    paths = ("moved", "round", "page", "gone.jpg", "far.jpg")
    text = "name,price,photo\n" + "".join(f"{p},1 EUR,{web}/{p}\n" for p in paths)
    briefs, faults = listed(
        shop, text, library=Library(shop / "library"), download=True, private=True
    )
    assert [b.offer.name for b in briefs] == ["moved", "far.jpg"]
    assert ["redirects" in faults[0].message, "text/html" in faults[1].message] == [True, True]
    assert "404" in faults[2].message


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/a.jpg", "http://localhost/a.jpg", "http://[::1]/a.jpg", "http://10.0.0.8/a.jpg",
     "http://169.254.169.254/a.jpg", "http://[::ffff:127.0.0.1]/a.jpg", "http://0.0.0.0/a.jpg",
     "http://2130706433/a.jpg"],
)  # fmt: skip
def test_no_list_leads_into_the_own_network(url: str) -> None:
    with pytest.raises(Refused, match="private network"):
        products.fetch(url)


def test_other_addresses_than_the_webs_are_refused(shop: Path) -> None:
    for url in ("file:///etc/passwd", "ftp://example.org/a.jpg", "https://user:pw@example.org/a"):
        with pytest.raises(Refused):
            products.fetch(url)
    _, faults = listed(shop, "name,price,photo\nA,1 EUR,file:///etc/passwd\n")
    assert "no file and no web address" in faults[0].message


def test_it_takes_the_kind_of_thing_from_the_list(shop: Path) -> None:
    briefs, faults = listed(
        shop,
        "name,price,photo,type,categories\n"
        "Mug,12 EUR,mug.jpg,simple,Home > Kitchen > Mugs\nPack,30 EUR,bowl.jpg,Backpack,\n",
    )
    assert [brief.shows for brief in briefs] == [("mugs",), ("backpack",)]
    assert not faults


def test_a_currency_sign_that_fonts_do_not_have_is_one_all_the_same(shop: Path) -> None:
    (brief,), faults = listed(shop, "name,price,photo\nMug,⃀ 5,mug.jpg\n")
    assert (brief.offer.price, faults) == ("⃀ 5", [])


def test_a_photo_of_the_web_that_lies_here_is_not_fetched(shop: Path) -> None:
    (shop / "more" / "deep").mkdir(parents=True)
    (shop / "more" / "deep" / "cup.jpg").write_bytes(jpeg())
    briefs, faults = listed(
        shop,
        "name,price,photo\nMug,5 EUR,https://shop.example/a/mug.jpg?v=2\n"
        "Cup,5 EUR,https://shop.example/cup.jpg\nJar,5 EUR,https://shop.example/jar.jpg\n",
        photos=shop / "more",
    )
    assert [Path(brief.photo).name for brief in briefs] == ["mug.jpg", "cup.jpg"]
    assert ["is on the web" in fault.message for fault in faults] == [True]


def test_two_columns_of_one_name_are_told(shop: Path) -> None:
    with pytest.raises(FeedsmithError, match="2 columns are called “price”"):
        listed(shop, "name,price,photo,Price\nMug,5 EUR,mug.jpg,6 EUR\n")
