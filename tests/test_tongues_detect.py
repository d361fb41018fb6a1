"""Telling languages: real captions of many, short ones that cannot be told, and the gate."""

import pytest

from feedsmith.captions.tongues import detect, lexicon
from feedsmith.captions.tongues.tongue import speak


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The bread is out at seven and so are we. Come in, it is warm.", "en"),
        ("Das Brot ist um sieben fertig und wir auch. Kommt rein, es ist warm.", "de"),
        ("Le pain est prêt à sept heures et nous aussi, dans la boutique.", "fr"),
        ("El pan está listo a las siete y nosotros también, en la tienda.", "es"),
        ("Chleb jest gotowy o siódmej i my też. Nie ma za co, to dla was.", "pl"),
        ("焼きたてのパンは七時からです。お待ちしています。", "ja"),
        ("خبز طازج كل صباح. تعالوا وتذوقوا.", "ar"),
        ("Свежий хлеб каждое утро, приходите к нам.", "ru"),
        ("Свіжий хліб щоранку, приходьте до нас.", "uk"),
        ("Bread! 🍞", ""),
        ("Lorem ipsum dolor sit amet consectetur adipiscing", ""),
    ],
)
def test_a_language_is_told_only_where_it_can_be(text: str, code: str) -> None:
    assert detect.of_one(text) == code


def test_most_captions_decide_the_language() -> None:
    found = detect.of(["Das ist der Laden und wir sind auch da."] * 3 + ["Hi!", ""])
    assert (found.code, found.counted) == ("de", 3)


REAL = {  # photographers' own words, from openly licensed pictures
    "de": (
        "Blick vom Alten Bessin über den Vitter Bodden und Grieben auf den Leuchtturm auf dem Dornbusch.",
        "Blick von der Jannowitzbrücke spreeabwärts, aufgenommen morgens auf dem Weg zur Arbeit",
    ),
    "es": (
        "en una tranquila tarde de un veraniego viernes irrumpen unas nubes y se deja caer una copiosa "
        "lluvia acompañada de furiosos rayos y truenos.",
        "Es la primera vez que saco fotos con el fuelle de extensión que compré hace casi un año.",
        "En el recinto de las pirámides de Giza y esfinge.",
    ),
    "fr": (
        "Le Monastère Brancoveanu est situé dans le village de Sambata de Sus. Il comprend environ 40 personnes.",
        "Moi aussi je sais faire des panning !",
    ),
    "it": (
        "Tra un paese e l'altro nei quali si respira l'antica vita contadina di oltre un secolo fa "
        "perfettamente integrata con la natura.",
    ),
    "sv": ("Vykort med motiv över Bünsowska tjärnen och Gustav Adolfs kyrka i bakgrunden.",),
    "nl": ("Gezicht op de Brouwersgracht te Amsterdam ter hoogte van de Lindengracht.",),
    "ru": ("Иркутский трамвай",),
    "pt": ("Os mais apreciados na nossa loja, com muito carinho para você.",),
}


@pytest.mark.parametrize(("code", "text"), [(c, t) for c, texts in REAL.items() for t in texts])
def test_real_descriptions_are_told(code: str, text: str) -> None:
    assert detect.of_one(text) == code


@pytest.mark.parametrize(
    "text",
    ["Place de la Concorde", "Disneyland 011", "Bistro, Café, Bar", "🌲🌲🌲", "La furia", ""],
)
def test_what_could_be_two_languages_or_none_is_unsure(text: str) -> None:
    assert detect.of_one(text) == ""


@pytest.mark.parametrize("code", ["de", "fr", "es", "pt"])
def test_every_longer_sentence_of_a_language_is_told_or_unsure_but_never_another(code: str) -> None:
    tongue = speak(code)
    assert tongue is not None
    said = [
        line.text for line in tongue.lines(formal=False, singular=False) if "{" not in line.text
    ]
    found = [detect.of_one(text) for text in said if len(text.split()) >= 8]
    assert len(found) > 60
    assert set(found) <= {code, ""}
    assert found.count(code) > 0.7 * len(found)


GATE = {
    "de": ("Steine am Ufer, und kein Handy weit und breit.", "Ruhe am See.", "Kaffee am Fenster."),
    "fr": (
        "Des pierres au bord de l'eau et pas un bruit.",
        "Café au soleil.",
        "La forêt, ce matin.",
    ),
    "es": ("Piedras en la orilla y ni un ruido.", "Café con sol.", "El bosque, esta mañana."),
    "pt": ("Pedras na margem e nenhum barulho.", "Café ao sol.", "A floresta, hoje de manhã."),
}


@pytest.mark.parametrize("code", GATE)
def test_only_captions_of_its_language_pass_the_gate(code: str) -> None:
    nouns = {form for form in lexicon.lexicon(code).forms if " " not in form}
    for own in GATE[code]:
        assert detect.is_in(own, code, nouns), own
    others = [text for other, texts in GATE.items() if other != code for text in texts[:1]]
    for text in (
        *others,
        "Rocks at the lake. Nothing else to do.",
        "Rocky shore.",
        "🌲",
        "Oak leaves, looking for a neighbour.",
    ):
        assert not detect.is_in(text, code, nouns), text
