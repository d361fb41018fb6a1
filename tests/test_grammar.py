"""The rules of one caption: named where a text breaks them, and kept by construction when sampled."""

import re
from collections.abc import Iterator

import pytest

from feedsmith import models
from feedsmith.captions.grammar import RULES, Form, broken, finished, grammar
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.prompt import Request
from feedsmith.errors import MissingModel


def reader(gbnf: str) -> re.Pattern[str]:
    """A grammar without recursion but at the end of a rule, as one regular expression.

    The runtime's own reader tells nobody whether a text fits; this one does, for the grammars made
    here: right-linear rules become nested groups.
    """
    rules = dict(line.split(" ::= ", 1) for line in gbnf.splitlines())
    made: dict[str, str] = {}

    def expanded(name: str) -> str:
        if name not in made:
            parts = re.findall(
                r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[\w-]+|\{[\d,]+\}|\S', rules[name]
            )
            said = []
            for part in parts:
                if part[0] == '"':
                    said.append(f"(?:{re.escape(_plain(part[1:-1]))})")
                elif part[0] == "[":
                    body = re.escape(_plain(part[1:-1])).replace("\\-", "-")
                    said.append(f"[{body}]" if len(part) > 3 else re.escape(_plain(part[1:-1])))
                elif re.fullmatch(r"[A-Za-z][\w-]*", part):
                    # A rule that goes on with itself is a run of letters.
                    said.append("" if part == name else f"(?:{expanded(part)})")
                else:
                    said.append(part)
            text = "".join(said)
            if name in parts:  # x ::= [..] x | ""
                text = text.replace("|(?:)", "") + "*"
            made[name] = text
        return made[name]

    return re.compile(expanded("root"))


def _plain(text: str) -> str:
    return re.sub(
        r"\\x(..)|\\u(....)|\\U(........)",
        lambda m: chr(int(m[1] or m[2] or m[3], 16)),
        text,
    )


def fits(form: Form, text: str) -> bool:
    return reader(grammar(form)).fullmatch(text) is not None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Fog over the pines. #fog", "hashtag, mention or link"),
        ("Fog, says @ana, over the pines.", "hashtag, mention or link"),
        ("Fog at www.pines.com today.", "hashtag, mention or link"),
        ("Fog.", "length"),
        ("Fog and fog and pines and stones and more of all of that in one breath.", "length"),
        ("A Cheap view of the fog.", "banned word"),
        ("Fog: a last  chance to look.", "banned word"),
        ("Туман over the pines.", "language"),
        ("Fog over the pines", "ending"),
        ('Fog "over the pines.', "quotes or brackets"),
        ("Fog (over the pines.", "quotes or brackets"),
        ("Fog over the the pines.", "doubled word"),
        ("Up to the old mill and up to the old mill.", "repeated words"),
        ("Nothing to see here but the fog, as ever.", "copy of a past caption"),
        ("Fog for 3 hours.", "number, price or date"),
        ("Fog until Monday.", "number, price or date"),
    ],
)
def test_a_rule_is_named_where_it_is_broken(text: str, rule: str) -> None:
    form = Form(words=12, sentences=2, banned=("cheap", "last chance"))
    past = ["Nothing to see here but the fog, as ever. Come back at noon."]
    assert rule in RULES
    assert rule in broken(text, form, past)


def test_a_sound_caption_breaks_none() -> None:
    form = Form(
        words=12, facts=("green tea, 3 EUR",), call="Write to us", emoji=("🍵",), emoji_max=1
    )
    assert broken("Fog first. Then: green tea, 3 EUR. Write to us.", form) == ()
    assert broken("Fog first, then tea.", Form()) == ()
    assert broken("Had we known that that was it, we had had tea.", Form()) == ()


def test_facts_must_stand_word_for_word_and_once() -> None:
    form = Form(facts=("green tea, 3 EUR",))
    assert "facts" in broken("Then: green tea, 4 EUR.", form)
    assert "facts" in broken("Then: Green tea, 3 EUR.", form)
    assert "facts" in broken("Now: green tea, 3 EUR. Again: green tea, 3 EUR.", form)


@pytest.mark.parametrize(
    "text",
    [
        "Fog over the pines.",
        "Fog, then pines; then: a well-earned break. That's it!",
        "Is that all?",
        "A ready-to-go café. Yes, it's ours.",
    ],
)
def test_the_grammar_lets_sentences_through(text: str) -> None:
    assert fits(Form(words=12, sentences=2), text)


@pytest.mark.parametrize(
    "text",
    [
        "fog over the pines.", "Fog over the pines", "Fog over 3 pines.", "Fog #pines.",
        "Fog.\nPines.", 'Fog "over" pines.', "Fog @pines.", "Fog  over pines.", "Fog ,over pines.",
        "Is that all? Yes it is.", "Fog over Berlin.", "Fog (over pines).", "Туман over pines.",
        "Fog a. Fog a. Fog a.", "One, two, three, four, five, six, seven, eight, nine.",
    ],
)  # fmt: skip
def test_the_grammar_lets_nothing_else_through(text: str) -> None:
    assert not fits(Form(words=8, sentences=2), text)


def test_a_text_that_needs_more_words_breaks_off_and_is_cut() -> None:
    form = Form(words=4, sentences=2)
    assert fits(form, "Fog a. Then pines and,")
    assert not fits(form, "Fog a. Then pines and stones.")
    assert finished("Fog a. Then pines and,", form) == "Fog a."
    assert finished("Then pines and stones in,", form) == ""


@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("German", "Der Übergang ist schön, das Grün größer.", "La señora está aquí."),
        ("fr", "L'été dernier, ça sentait l'œillet.", "Der Bär grüßt."),
        ("es-MX", "¿Qué tal el café? ¡Ven mañana!", "Qué tal el café?"),
        ("Português", "Amanhã há pão, maçãs e avó.", "Der Bär grüßt."),
    ],
)
def test_each_language_has_its_letters(language: str, good: str, bad: str) -> None:
    form = Form(language=language, words=12)
    if language == "es-MX":
        good = "¡Ven mañana! ¿Qué tal el café?"  # a question stands at the end
    assert fits(form, good)
    assert "language" not in broken(good, form)
    assert not fits(form, bad)


@pytest.mark.parametrize(
    "fact",
    [
        'the "Oak" mug, 350 ml, 38 EUR', "back\\slash & <tags> [x] {y} | z", "شاي أخضر ٣ يورو",
        "コーヒー 500円", "family 👩‍👩‍👧 day, 3 May, 9:30", "#1 tea @ www.tea.com", "ok\ttab\u00a0blank",
    ],
)  # fmt: skip
def test_facts_of_any_script_stand_word_for_word(fact: str) -> None:
    form = Form(words=8, sentences=2, facts=(fact,), leads=("On the shelf",))
    assert fits(form, f"Fog first. On the shelf: {fact}.")
    assert not fits(form, "Fog first. Then the pines.")
    assert not fits(form, f"Fog first. On the shelf: {fact[:-1]}.")
    assert (
        finished(f"Fog first. On the shelf: {fact}.", form) == f"Fog first. On the shelf: {fact}."
    )


def test_a_fact_that_can_begin_a_sentence_needs_no_lead() -> None:
    free = Form(words=8, sentences=2, facts=("Oak mug", "38 EUR"))
    assert fits(free, "Oak mug, 38 EUR. Holds more than coffee.")
    assert fits(free, "Fog first. Oak mug, 38 EUR.")
    led = Form(words=8, sentences=2, facts=("oak mug, 38 EUR",))
    assert not fits(led, "Fog first. oak mug, 38 EUR.")
    assert fits(led, "Fog first. Then this: oak mug, 38 EUR.")


def test_a_call_ends_the_caption_whatever_was_sampled() -> None:
    form = Form(words=8, facts=("oak mug, 38 EUR",), call="Write to us by 5 pm")
    said = finished("Fog first. Then: oak mug, 38 EUR. Lovely and,", form)
    assert said == "Fog first. Then: oak mug, 38 EUR. Write to us by 5 pm."
    assert broken(said, form) == ()
    assert finished("Fog first. Then the oak mu", form) == ""


def test_only_the_brands_emoji_and_only_at_the_end() -> None:
    form = Form(words=8, emoji=("🌲", "👩‍🌾"), emoji_max=2)
    assert fits(form, "Fog over the pines. 🌲")
    assert fits(form, "Fog over the pines. 🌲 👩‍🌾")
    assert not fits(form, "Fog 🌲 over the pines.")
    assert not fits(form, "Fog over the pines. 🌵")
    assert not fits(form, "Fog over the pines. 🌲 🌲 🌲")
    assert finished("Fog over the pines. 🌲", form) == "Fog over the pines. 🌲"


def test_banned_words_are_left_out_in_any_case_and_joined() -> None:
    form = Form(words=8, banned=("cheap", "Fog", "café"), known=frozenset({"foggy", "cheapest"}))
    for text in ("A cheap view.", "Cheap views here.", "A fog bank.", "It's cheap.", "A cafe here.",
                 "A cheap-looking view.", "Fog's here.", "A foghorn here.", "A cheaply view."):  # fmt: skip
        assert not fits(form, text), text
    for text in (
        "A foggy view.",
        "The cheapest view.",
        "A chea view.",
        "A fo view.",
        "A caf here.",
    ):
        assert fits(form, text), text


def test_a_banned_word_that_begins_another_banned_one_is_left_out_too() -> None:
    form = Form(
        words=8, banned=("rain", "rainbow", "rainbows", "ra"), known=frozenset({"raincoat"})
    )
    for text in ("A rain day.", "A rainbow here.", "A ra here.", "A rainb here."):
        assert not fits(form, text), text
    assert fits(form, "A raincoat here.")


def test_hundreds_of_banned_words_keep_the_grammar_small() -> None:
    banned = tuple(f"{a}{b}{c}ing" for a in "bcdfghjklm" for b in "aeiou" for c in "bdlmnprst")
    made = grammar(Form(words=14, banned=banned))
    assert len(banned) == 450
    assert made.count("\n") < 1600
    form = Form(words=2, sentences=1, banned=banned)
    assert not fits(form, "No lading.")
    assert fits(form, "No laden.")


def test_phrases_stop_the_sampling_because_the_grammar_cannot_hold_them() -> None:
    form = Form(banned=("last chance", "eco-friendly", "cheap"))
    assert set(form.phrases) == {"last chance", "Last chance", "eco-friendly", "Eco-friendly"}


def test_a_vocabulary_lets_no_other_word_through() -> None:
    form = Form(
        words=8,
        vocabulary=frozenset({"fog", "over", "the", "pines", "they're", "well-earned", "cheap"}),
        further=frozenset({"osprey"}),
        names=("Ohio",),
        banned=("cheap",),
    )
    assert fits(form, "Fog over the pines.")
    assert fits(form, "The osprey, over Ohio.")
    assert fits(form, "They’re well-earned pines.")
    for text in ("Fog over the pine.", "Fog over the hills.", "A fog.", "The cheap fog."):
        assert not fits(form, text), text


# ---- sampled -----------------------------------------------------------------------------------

PROMPT = Request(
    kind="photo", niche="tea shop", voice="dry", shows=("cup", "steam"), length="short"
).prompt()  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Iterator[CaptionModel]:
    try:
        base, adapter = models.find("captions-base"), models.find("starter-lora")
    except MissingModel as error:
        pytest.skip(f"{error.message}; {error.mend}")
    with CaptionModel(base, adapter) as loaded:
        yield loaded


@pytest.mark.model
@pytest.mark.parametrize(
    "form",
    [
        Form(words=16, sentences=2),
        Form(words=16, facts=('green "tea" \\ 3 EUR ☕ شاي',), leads=("On the shelf",), call="Come by"),
        Form(words=16, banned=("cup", "tea", "the", "steam", "a"), known=frozenset({"there", "and"})),
        Form(words=16, language="German"),
        Form(words=16, emoji=("🍵",), emoji_max=1),
    ],
    ids=["plain", "facts", "banned", "German", "emoji"],
)  # fmt: skip
def test_what_is_sampled_keeps_its_form(model: CaptionModel, form: Form) -> None:
    (texts,) = model.sample(
        [PROMPT], 4, 1, grammar(form), max_tokens=form.tokens, temperature=0.7, brevity=2.0
    )
    whole = [text for drawn in texts if (text := finished(drawn, form))]
    assert len(whole) >= 3
    for text in whole:
        assert set(broken(text, form)) <= {"repeated words", "doubled word"}, text
