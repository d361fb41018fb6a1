"""The plain pages: what a person finds there."""

import pytest

from feedsmith.studio.settings import Config
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


def test_home_shows_the_brands_of_a_person_and_no_others() -> None:
    said = text_of(visitor("olga").get("/"))
    assert "Oak &amp; Co" in said
    assert "3 posts" in said
    assert "Elm" not in said
    assert "No brand is yours yet." in text_of(visitor("nina").get("/"))


def test_the_grid_shows_the_newest_first_and_finds_words() -> None:
    client = visitor("rita")
    page = client.get("/b/oak-co/posts").content.decode()
    places = [
        page.index(f"/{name}/")
        for name in ("03-quote-aaaaaa", "02-carousel-aaaaaa", "01-photo-aaaaaa")
    ]
    assert places == sorted(places)
    found = client.get("/b/oak-co/posts?q=THREE greens").content.decode()
    assert "02-carousel-aaaaaa" in found
    assert "01-photo-aaaaaa" not in found


def test_a_post_shows_its_pictures_words_and_origin() -> None:
    from feedsmith.studio.models import Draft

    draft = Draft.objects.get(folder="02-carousel-aaaaaa", brand__slug="oak-co")
    answer = visitor("rita").get(f"/b/oak-co/posts/{draft.pk}")
    page, said = answer.content.decode(), text_of(answer)
    assert page.count("/thumb/oak-co/960/02-carousel-aaaaaa/") == 3
    assert 'alt="Green 3."' in page
    assert "Three greens." in said
    assert "#oak" in said
    assert "Edited photo There was no photo in the library to compare it with." in said
    assert "A new cut of your photo." in said


def test_a_post_of_another_brand_is_not_found_under_ones_own() -> None:
    from feedsmith.studio.models import Draft

    theirs = Draft.objects.filter(brand__slug="elm-co").first()
    assert visitor("olga").get(f"/b/oak-co/posts/{theirs.pk}").status_code == 404


def test_a_post_whose_folder_is_gone_says_so() -> None:
    from feedsmith.studio.models import Draft

    draft = Draft.objects.get(folder="01-photo-aaaaaa", brand__slug="oak-co")
    (CONFIG.home / "posts" / draft.folder / "post.json").unlink()
    said = text_of(visitor("rita").get(f"/b/oak-co/posts/{draft.pk}"))
    assert "are not in its folder" in said


def test_generate_puts_a_job_into_the_queue() -> None:
    from feedsmith.studio.models import Job

    form = {"kind": "quote", "theme": "autumn", "count": "4", "offer_link": "https://oak.example"}
    assert visitor("edgar").post("/b/oak-co/create", form).status_code == 302
    job = Job.objects.get()
    assert (job.state, job.person.name, job.total) == ("queued", "edgar", 4)
    assert job.args["offer"] == {"link": "https://oak.example"}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"count": "0"}, "Choose how many posts"), ({"count": "x"}, "Choose how many posts"),
        ({"count": "9" * 99}, "Choose how many posts"),
        ({"count": "1", "kind": "novel"}, "Choose one of the kinds"),
        ({"count": "1", "kind": "promo"}, "Say what the post offers"),
        ({"count": "1", "theme": "x" * 999}, "at most 300 characters"),
        ({"count": "1", "offer_link": "javascript:alert(1)"}, "A link begins with"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_meant_is_answered_in_words(form: dict[str, str], said: str) -> None:
    from feedsmith.studio.models import Job

    answer = visitor("edgar").post("/b/oak-co/create", form)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not Job.objects.exists()


def test_every_answer_carries_the_headers_that_browsers_keep_to() -> None:
    client = visitor("olga")
    for address in (
        "/",
        "/sign-in",
        "/nothing",
        "/b/oak-co/posts",
        "/media/oak-co/01-photo-aaaaaa/01.jpg",
    ):
        answer = client.get(address)
        answer.close()
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_no_page_has_a_script_or_style_inside() -> None:
    from feedsmith.studio.models import Draft

    client = visitor("olga")
    number = Draft.objects.filter(brand__slug="oak-co").first().pk
    for address in (
        "/",
        "/account",
        "/b/oak-co/posts",
        f"/b/oak-co/posts/{number}",
        "/b/oak-co/create",
    ):
        page = client.get(address).content.decode()
        assert "<style" not in page
        assert " style=" not in page
        assert "<script>" not in page
        assert " onclick=" not in page


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8321", 200), ("127.0.0.1", 200), ("[::1]:8321", 200), ("192.168.1.20:8321", 200),
        ("evil.example", 400), ("localhost.evil.example", 400), ("", 400), ("127.0.0.1.evil.example", 400),
    ],
)  # fmt: skip
def test_the_studio_answers_to_its_own_names_and_to_addresses(host: str, status: int) -> None:
    assert visitor(host=host).get("/sign-in").status_code == status


def test_the_name_that_people_use_is_served_too() -> None:
    config = Config(home=CONFIG.home, public_url="https://studio.example.org/")
    assert config.serves("studio.example.org")
    assert config.secure
    assert config.url == "https://studio.example.org"


def test_the_key_is_for_its_owner_alone() -> None:
    assert (CONFIG.folder / "secret.key").stat().st_mode & 0o777 == 0o600


def test_static_files_are_named_by_content_and_kept() -> None:
    from feedsmith.studio.pages import assets

    client = visitor()
    address = assets.address("studio.css")
    assert "immutable" in client.get(address).headers["Cache-Control"]
    assert client.get("/static/0000000000/studio.css").headers["Cache-Control"] == "no-cache"
    assert client.get("/static/0000000000/../settings.py").status_code == 404
    assert client.get("/static/0000000000/settings.py").status_code == 404


def test_the_models_have_a_migration_for_everything() -> None:
    from django.core.management import call_command

    call_command("makemigrations", "studio", "--check", "--dry-run", verbosity=0)
