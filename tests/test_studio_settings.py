"""What brand.toml says, on a page: to all members in words, to owners with where it lies."""

import pytest

from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")
HERE = "/b/oak-co/settings"


def write(more: str) -> None:
    (CONFIG.home / "brand.toml").write_text(
        f'name = "Oak & Co"\ntime_zone = "Europe/Berlin"\n{more}', "utf-8"
    )


def test_the_page_says_what_the_file_says() -> None:
    write(
        'handle = "oak.co"\nvoice = "dry"\nbanned_words = ["cheap"]\n[hashtags]\nlimit = 4\n'
        'always = ["oak"]\n[palette]\naccent = "#aa5500"\n'
    )
    said = text_of(visitor("rita").get(HERE))
    for words in ("@oak.co", "dry", "cheap", "at most 4", "#oak", "#aa5500", "Europe/Berlin"):
        assert words in said


def test_only_owners_are_told_where_the_file_lies_and_of_what_is_theirs() -> None:
    owner, editor = text_of(visitor("olga").get(HERE)), text_of(visitor("edgar").get(HERE))
    assert f"{CONFIG.home}/brand.toml" in owner
    assert f"feedsmith backup out.zip {CONFIG.home}" in owner
    assert str(CONFIG.home) not in editor
    assert "feedsmith backup" not in editor
    assert "Webhooks" in owner
    assert "Webhooks" not in editor
    assert "Review links" in editor
    assert "Review links" not in text_of(visitor("rita").get(HERE))


def test_a_name_and_a_password_in_an_address_are_not_shown() -> None:
    write('[writer]\nurl = "http://me:hunter2@models.lan:11434/v1"\nmodel = "llama"\n')
    page = visitor("olga").get(HERE).content.decode()
    assert "llama at models.lan:11434" in page
    assert "hunter2" not in page


def test_a_broken_file_is_said_in_words_and_its_place_to_owners_only() -> None:
    write("emoji_max = 99\n")
    owner, editor = visitor("olga").get(HERE), visitor("edgar").get(HERE)
    assert (owner.status_code, editor.status_code) == (200, 200)
    assert "emoji_max" in text_of(owner)
    assert "emoji_max" in text_of(editor)
    assert str(CONFIG.home) not in text_of(editor)
