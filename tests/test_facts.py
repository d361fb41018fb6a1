"""Facts: what words promise, found in many spellings; lost and invented ones named."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsmith.captions import skeletons
from feedsmith.facts import facts, folded, kept, lacks_currency, stands
from feedsmith.post import Offer

OFFER = Offer(
    name="Oak mug 350 ml",
    price="12.50 EUR",
    was="18 EUR",
    dates="3 to 9 May",
    call="Book at the desk",
)
WHOLE = "Oak mug 350 ml: 12.50 EUR (was 18 EUR), 3 to 9 May. Book at the desk."


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("12 EUR", "price"), ("EUR 12", "price"), ("€12.50", "price"), ("12,50 €", "price"),
        ("US$ 1,299.00", "price"), ("CHF 12.–", "price"), ("1 299 kr", "price"), ("45 zł", "price"),
        ("R$ 45,90", "price"), ("¥1,200", "price"), ("1200円", "price"), ("₹499", "price"),
        ("Rs. 500", "price"), ("from 12", "price"), ("12-15 EUR", "price"), ("€ 12 to € 20", "price"),
        ("twelve euros", "price"), ("20%", "percentage"), ("20 % off", "percentage"),
        ("٣٠٪", "percentage"), ("ten percent", "percentage"), ("3 May", "date"), ("May 3rd", "date"),
        ("3.5.", "date"), ("3.5.2026", "date"), ("2026-05-03", "date"), ("3/5/26", "date"),
        ("3 to 9 May", "date"), ("28 April to 3 May", "date"), ("Saturday 3 May 2026", "date"),
        ("3. Mai", "date"), ("5月3日", "date"), ("until Sunday", "date"), ("Saturday", "weekday"),
        ("7pm", "time"), ("19:00", "time"), ("9 am to 6 pm", "time"), ("9:30–11:00", "time"),
        ("18 Uhr", "time"), ("2 hours", "quantity"), ("350 ml", "quantity"),
        ("8 places", "quantity"), ("code OAK10", "code"), ("OAK10", "code"),
        ("+49 30 123 45 67", "phone number"), ("(555) 123-4567", "phone number"),
        ("https://example.org/a?b=1", "link"), ("www.example.org", "link"),
        ("me@example.org", "link"), ("@tall.tree", "link"), ("half price", "claim"),
        ("free shipping", "claim"),
    ],
)  # fmt: skip
def test_it_finds_a_fact_whole_and_knows_its_kind(text: str, kind: str) -> None:
    (fact,) = facts(f"Well: {text}, we said")
    assert (fact.kind, fact.text) == (kind, text)


def test_several_facts_of_one_line_are_kept_apart() -> None:
    said = [
        fact.text for fact in facts("Oak walk, Sat 3 May, 7pm to 9pm, from 12 EUR, OAK10: 5% off")
    ]
    assert said == ["Sat 3 May", "7pm to 9pm", "from 12 EUR", "OAK10", "5% off"]


def test_words_are_no_facts() -> None:
    for text in (
        "May we come in? Two minutes, one mug, a hundred years.",
        "Down to earth.",
        "",
        "…",
    ):
        assert facts(text) == ()


def test_the_shipped_sentences_raise_no_alarm() -> None:
    alarms = [line.text for line in skeletons.stock() if kept(Offer(), [line.text])]
    assert alarms == []


def test_a_post_that_says_it_all_has_no_problems() -> None:
    assert kept(OFFER, [WHOLE, "1/4", "Oak mug 350 ml", "12.50 EUR"]) == []
    assert (
        kept(
            OFFER,
            [
                "Oak mug\u00a0350\u2060 ml:\n12.50\u202fEUR 18 EUR",
                "3 to\n9 May",
                "Book at the desk",
            ],
        )
        == []
    )


def test_each_lost_fact_is_named() -> None:
    assert kept(OFFER, [WHOLE.replace("12.50 EUR", "")]) == ["the price “12.50 EUR” is missing"]
    assert (
        kept(OFFER, ["book at the desk"])[-1] == "the call to action “Book at the desk” is missing"
    )


@pytest.mark.parametrize(
    "said", ["112.50 EUR", "12.50 EUR5", "€12.50 EUR", "12.505 EUR", "12.50 EURO", "12,50 EUR"]
)
def test_a_longer_or_altered_number_is_not_the_same_number(said: str) -> None:
    assert kept(Offer(price="12.50 EUR"), [said])


def test_each_invented_fact_is_named() -> None:
    problems = kept(OFFER, [WHOLE, "20% off", "until Sunday", "@someone", "3/2"])
    assert [p.split("“")[1].split("”")[0] for p in problems] == [
        "20% off",
        "until Sunday",
        "@someone",
        "3/2",
    ]


def test_what_the_brand_is_called_is_no_invention() -> None:
    texts = ["Studio 54, since 1925", "@studio54", "3/4"]
    assert kept(Offer(), texts, known=["Studio 54", "since 1925", "@studio54"]) == []
    assert kept(Offer(), texts)


def test_a_part_of_the_brief_may_be_said_alone() -> None:
    assert (
        kept(Offer(text="Oak walk, 3 May, 12 EUR"), ["Oak walk, 3 May, 12 EUR", "3 May", "12 EUR"])
        == []
    )


def test_chinese_and_japanese_lines_break_without_a_blank() -> None:
    assert kept(Offer(dates="5月3日から", price="1200円"), ["セール5月3日\nから1200\n円です"]) == []


money = st.builds(
    lambda n, cents, form: form.format(f"{n},{cents:02d}" if cents else n),
    st.integers(1, 99999),
    st.integers(0, 99),
    st.sampled_from(
        ["{} EUR", "€{}", "USD {}", "{} zł", "CHF {}", "£ {}", "{} kr", "₹{}", "R$ {}"]
    ),
)
days = st.builds(
    lambda d, m, form: form.format(d=d, m=m),
    st.integers(1, 31),
    st.sampled_from(["May", "June", "December", "Sept"]),
    st.sampled_from(["{d} {m}", "{m} {d}", "until {d} {m}", "{d} {m} 2027"]),
)
offers = st.builds(
    Offer,
    name=st.sampled_from(["Oak mug", "Candle No. 5", "Tasse 0,3 l", "マグ", "Hemd “42”"]),
    price=money,
    dates=days,
    call=st.sampled_from(["", "Book at the desk", "Write to us by 5 pm", "Call 030 1234567"]),
)
blanks = st.sampled_from([" ", "\n", "\u00a0", " \u2060", "\u202f", "\u200b "])


@settings(max_examples=150, deadline=None)
@given(offers, blanks)
def test_any_offer_written_out_is_kept_however_its_lines_break(offer: Offer, blank: str) -> None:
    text = f"{offer.name}: {offer.price}, {offer.dates}. {offer.call}"
    assert kept(offer, [text.replace(" ", blank)]) == []


@settings(max_examples=150, deadline=None)
@given(offers, st.data())
def test_any_digit_changed_is_noticed(offer: Offer, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([i for i, c in enumerate(offer.price) if c.isdigit()]))
    digit = data.draw(st.sampled_from([c for c in "123456789" if c != offer.price[at]]))
    price = offer.price[:at] + digit + offer.price[at + 1 :]
    if stands(offer.price, price):
        return
    problems = kept(offer, [f"{offer.name}: {price}, {offer.dates}. {offer.call}"])
    assert any("is missing" in problem for problem in problems)
    assert any("is not in the brief" in problem for problem in problems)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_it_and_facts_lie_where_they_say(text: str) -> None:
    plain = folded(text)
    found = facts(text)
    assert all(plain[fact.start : fact.end] == fact.text for fact in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert sum(c.isdecimal() for f in found for c in f.text) == sum(c.isdecimal() for c in plain)
    assert kept(Offer(text=text), [text]) == []


def test_a_price_without_a_currency_is_known_as_one() -> None:
    assert all(lacks_currency(price) for price in ("12", "12.50", "from 12", "1,299.-"))
    assert not any(lacks_currency(p) for p in ("12 EUR", "from €12", "⃀ 5", "free", "-20%", ""))
