"""What works, as a page: the report as it was made last, the figures, and what is to be done where there are none."""

import shutil

import pytest

import small_outcomes
from small_publishing import Day
from small_studio import CONFIG, text_of, visitor
from test_studio_figures import nothing_known, read  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("studio")
PAGE = "/b/oak-co/works"


def known(count: int, **likings: float) -> None:
    """So many posts with figures, and the report on them, made as the worker makes it."""
    from feedsmith import outcomes
    from feedsmith.studio.models import Brand, Job
    from feedsmith.studio.worker.work import WORK

    for outcome in small_outcomes.season(count, likings):
        outcomes.record(CONFIG.home, [outcome.published, *outcome.readings])
    brand = Brand.objects.get(slug="oak-co")
    job = Job.objects.create(brand=brand, kind="study")
    WORK["study"](job, lambda *_: None)
    job.end("done")


@pytest.fixture(autouse=True)
def no_reports() -> None:
    shutil.rmtree(CONFIG.home / "reports", ignore_errors=True)


def test_without_an_account_it_says_how_figures_come() -> None:
    said = text_of(visitor("olga").get(PAGE))
    assert "Connect your account" in said
    assert "feedsmith collect oak --own" in said
    said = text_of(visitor("rita").get(PAGE))
    assert "When an owner connects the account" in said
    assert "feedsmith collect" not in said


def test_with_an_account_it_says_when_the_first_figures_come(day: Day) -> None:
    assert "Nothing has gone out yet" in text_of(visitor("rita").get(PAGE))
    from feedsmith.studio.models import Look

    day.scheduled()
    day.run()
    Look.plan(day.now)
    assert "The first figures are on their way" in text_of(visitor("rita").get(PAGE))


def test_few_posts_are_told_as_few() -> None:
    known(7)
    said = text_of(visitor("rita").get(PAGE))
    assert "7 posts with figures are too few to say anything: 12 are needed" in said


def test_what_stands_out_comes_first_with_its_range_and_the_rest_is_said_to_be_chance() -> None:
    known(90, reel=0.9)
    page = visitor("rita").get(PAGE).content.decode()
    said = " ".join(text_of(visitor("rita").get(PAGE)).split())
    assert "90 posts from 5 Jan 2026" in said
    assert "Better than chance explains: reel (kind of post)" in said
    assert page.index("Kind of post</h2>") < page.index("Theme</h2>")
    assert page.count('<details class="shown-all" open') == 1
    assert 'class="best"' in page
    assert "style=" not in page  # the page's policy allows none
    assert "(90 so far)" in said


def test_a_switch_that_is_on_says_from_when_it_works() -> None:
    file = CONFIG.home / "brand.toml"
    before = file.read_text("utf-8")
    known(20)
    file.write_text(
        before.replace("[learning]", "[learning]\non = true", 1).replace("\non = false", "", 1)
    )
    said = text_of(visitor("rita").get(PAGE))
    file.write_text(before)
    assert "New posts lean on it from 30 posts with figures on; there are 20." in said


def test_the_figures_of_a_post_stand_on_its_page_and_here(day: Day) -> None:
    draft = day.scheduled()
    day.run()
    read(day, 24 * 4)
    said = text_of(visitor("rita").get(PAGE))
    assert "The latest figures" in said
    assert "3 days" in said
    said = text_of(visitor("rita").get(f"/b/oak-co/posts/{draft.pk}"))
    assert "How it did after 3 days" in said


def test_looking_again_is_one_job_and_not_for_reviewers() -> None:
    from feedsmith.studio.models import Job

    known(15)
    assert visitor("rita").post(f"{PAGE}/again").status_code == 403
    for _ in range(2):
        assert visitor("edgar").post(f"{PAGE}/again").status_code == 302
    assert Job.objects.filter(kind="study", state="queued").count() == 1
    assert "Looking at what became of your posts" in text_of(visitor("edgar").get(PAGE))


def test_a_damaged_report_is_as_none() -> None:
    (CONFIG.home / "reports").mkdir()
    (CONFIG.home / "reports" / "learn.json").write_text("{", "utf-8")
    assert visitor("rita").get(PAGE).status_code == 200
