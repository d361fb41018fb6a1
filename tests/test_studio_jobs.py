"""The queue: who may run now, what becomes of a job whose worker is gone."""

import pytest

pytestmark = pytest.mark.usefixtures("studio")


def brand(slug: str):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Brand

    return Brand.objects.get(slug=slug)


def job(slug: str = "oak-co", **more: object):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Job

    return Job.objects.create(brand=brand(slug), kind="generate", total=3, **more)


def claim(at_once: int = 1):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Job

    return Job.claim("worker-1", at_once)


def test_jobs_are_taken_in_the_order_they_were_asked_for() -> None:
    first, second = job(), job()
    assert claim() == first
    first.end("done")
    assert claim() == second


def test_never_more_run_than_the_studio_allows() -> None:
    job("oak-co"), job("elm-co"), job("elm-co")
    assert claim(1) is not None
    assert claim(1) is None


def test_two_jobs_of_one_brand_never_run_at_once_as_they_would_write_one_folder() -> None:
    first, _, other = job("oak-co"), job("oak-co"), job("elm-co")
    assert [claim(5), claim(5), claim(5)] == [first, other, None]


def test_could_run_counts_what_a_claim_would_give() -> None:
    from feedsmith.studio.models import Job

    job("oak-co"), job("oak-co"), job("elm-co")
    assert [Job.could_run(n) for n in (1, 2, 5)] == [1, 2, 2]
    claim(2)
    assert [Job.could_run(n) for n in (1, 2, 5)] == [0, 1, 1]


def test_a_job_whose_worker_died_waits_again_and_says_why() -> None:
    from feedsmith.studio.models import Job

    taken = job()
    claim()
    assert Job.lost("worker-1", "the worker was killed from outside (signal 9)") == 1
    taken.refresh_from_db()
    assert (taken.state, taken.worker) == ("queued", "")
    assert taken.words == "the worker was killed from outside (signal 9); it goes on where it was"


def test_a_job_that_kills_its_worker_each_time_is_given_up() -> None:
    from feedsmith.studio.models import Job

    taken = job()
    for _ in range(3):
        assert claim() is not None
        Job.lost("worker-1", "the worker used more than its 512 MB", "allow more")
    assert claim() is None
    taken.refresh_from_db()
    assert (taken.state, taken.mend) == ("failed", "allow more")
    assert "3 times" in taken.error


def test_closing_the_studio_costs_a_job_no_attempt() -> None:
    from feedsmith.studio.models import Job

    taken = job()
    for _ in range(5):
        claim()
        Job.lost("worker-1", "the studio was closed in between", forgiven=True)
    taken.refresh_from_db()
    assert (taken.state, taken.attempts) == ("queued", 0)


def test_a_stopped_job_whose_worker_died_stays_stopped() -> None:
    from feedsmith.studio.models import Job

    taken = job()
    claim()
    taken.stop()
    Job.lost("worker-1", "the worker ended unexpectedly")
    taken.refresh_from_db()
    assert taken.state == "stopped"


def test_a_waiting_job_is_stopped_at_once_and_a_running_one_is_told() -> None:
    running, waiting = job(), job()
    claim()
    running.stop(), waiting.stop()
    running.refresh_from_db(), waiting.refresh_from_db()
    assert (running.state, running.stop_wanted, waiting.state) == ("running", True, "stopped")


def test_how_a_job_ended_is_written_once() -> None:
    taken = job()
    claim()
    taken.end("stopped")
    taken.end("done")
    assert taken.state == "stopped"


def test_a_post_gets_one_draft_however_often_it_is_told_of() -> None:
    from feedsmith.studio.models import Draft

    oak = brand("oak-co")
    made = Draft.objects.filter(brand=oak).first().post
    assert Draft.of(oak, made) == (Draft.objects.get(brand=oak, folder=made.id), False)
    assert Draft.objects.filter(brand=oak).count() == 3


def test_posts_made_elsewhere_are_adopted_in_the_order_they_were_made() -> None:
    import small_studio
    from feedsmith.studio.models.drafts import adopt

    oak = brand("oak-co")
    small_studio.post(oak.home, "01-photo-bbbbbb")
    small_studio.post(oak.home, "00-photo-cccccc")
    (oak.home.posts / "half-made").mkdir()
    assert [draft.folder for draft in adopt(oak)] == ["01-photo-bbbbbb", "00-photo-cccccc"]
    assert adopt(oak) == []


def test_the_time_left_is_told_from_the_start_where_such_a_job_was_done_before() -> None:
    from feedsmith.studio.worker.running import usual

    job(args={"kind": "reel"}, state="done", result={"seconds_each": 40.0})
    job(args={"kind": "quote"}, state="done", result={"seconds_each": 5.0})
    job("elm-co", args={"kind": "quote"}, state="done", result={"seconds_each": 90.0})
    assert usual(job(args={"kind": "quote"})) == 5.0
    assert usual(job(args={"kind": "reel"})) == 40.0
    assert usual(job(args={"kind": "story"})) is None


def test_a_post_adopted_after_a_kill_belongs_to_its_job_again() -> None:
    from feedsmith.studio.models import Draft

    oak, asked = brand("oak-co"), job()
    adopted = Draft.objects.filter(brand=oak).first()
    assert Draft.of(oak, adopted.post, asked) == (adopted, False)
    adopted.refresh_from_db()
    assert (adopted.job, adopted.version) == (asked, 1)


def test_a_number_with_many_noughts_in_front_is_no_way_to_millions_of_posts() -> None:
    from feedsmith.studio.models import Job
    from small_studio import visitor

    answer = visitor("edgar").post("/b/oak-co/create", {"kind": "photo", "count": "000005000000"})
    assert answer.status_code == 422
    assert not Job.objects.exists()


def test_every_page_of_a_brand_says_what_is_being_made_for_it() -> None:
    from feedsmith.studio.models import Brand, Job
    from small_studio import text_of, visitor

    oak = Brand.objects.get(slug="oak-co")
    assert "Making" not in text_of(visitor("edgar").get("/b/oak-co/posts"))
    Job.objects.create(brand=oak, kind="generate", state="running", done=2, total=7)
    assert "Making 3 of 7" in text_of(visitor("edgar").get("/b/oak-co/posts"))
    assert "Making" not in text_of(visitor("otto").get("/b/elm-co/posts"))
    assert "Making" not in text_of(visitor("rita").get("/b/oak-co/posts"))


def test_a_worker_elsewhere_is_given_up_for_its_silence_alone() -> None:
    """The server cannot see processes of other machines: of those it hears the heart-beat."""
    from datetime import timedelta

    from django.utils import timezone

    from feedsmith.studio.models import Job

    here, there, silent = job("oak-co"), job("elm-co"), job("elm-co")
    now = timezone.now()
    for row, name, beat in ((here, "worker-1", now), (there, "extra-worker-2", now),
                            (silent, "extra-worker-3", now - timedelta(minutes=3))):  # fmt: skip
        Job.objects.filter(pk=row.pk).update(state="running", worker=name, heart_beat=beat)

    Job.lost(None, "the studio was ended in between", but="extra-")
    states = dict(Job.objects.values_list("pk", "state"))
    assert states == {here.pk: "queued", there.pk: "running", silent.pk: "running"}

    Job.lost(None, "the worker fell silent", silent=timedelta(seconds=90))
    assert Job.objects.get(pk=there.pk).state == "running"
    row = Job.objects.get(pk=silent.pk)
    assert (row.state, row.words) == ("queued", "the worker fell silent; it goes on where it was")


def brands(count: int):  # type: ignore[no-untyped-def]
    """So many more brands, of which only the rows are there."""
    from feedsmith.studio.models import Brand

    return [Brand.objects.create(slug=f"b{n}", root=f"/nowhere/{n}") for n in range(count)]


def test_a_brand_with_hundreds_of_waiting_jobs_holds_up_no_other_for_longer_than_one() -> None:
    many = [job("oak-co") for _ in range(200)]
    late = job("elm-co")
    first = claim()
    assert first == many[0]
    first.end("done")
    assert claim() == late
    late.refresh_from_db()
    late.end("done")
    assert claim() == many[1]


def test_who_was_served_longest_ago_has_the_next_turn() -> None:
    from feedsmith.studio.models import Job

    rows = brands(3)
    for _ in range(3):
        for brand in rows:
            Job.objects.create(brand=brand, kind="generate")
    order = []
    while (taken := claim()) is not None:
        order.append(taken.brand.slug)
        taken.end("done")
    assert order == ["b0", "b1", "b2"] * 3


def test_what_is_told_of_a_place_in_the_queue_comes_true() -> None:
    from feedsmith.studio.models import Job

    rows = brands(4)
    for number, brand in enumerate(rows):
        for _ in range((number * 3) % 5 + 1):
            Job.objects.create(brand=brand, kind="generate")
    for row in (rows[0], rows[2]):
        Job.objects.create(brand=row, kind="generate")
    claim().end("done")
    claim()
    told = {row.pk: row.before for row in Job.objects.filter(state="queued")}
    order = []
    while Job.objects.filter(state__in=("queued", "running")).exists():
        for running in Job.objects.filter(state="running"):
            running.end("done")
            order.append(running.pk)
        claim()
    assert {pk: order.index(pk) for pk in told} == told


def test_a_job_that_was_taken_while_somebody_looks_at_it_has_nobody_before_it() -> None:
    from feedsmith.studio.models import Brand, Job

    job = Job.objects.create(brand=Brand.objects.get(slug="oak-co"), kind="generate")
    Job.objects.filter(pk=job.pk).update(state="running")
    assert job.state == "queued", "the row in hand does not know it yet"
    assert job.before_of_others(0) == 0


def test_the_create_page_says_after_how_many_of_other_brands_the_first_one_comes() -> None:
    from small_studio import text_of, visitor

    for _ in range(5):
        job("elm-co")
    job("oak-co"), job("oak-co")
    said = text_of(visitor("edgar").get("/b/oak-co/create"))
    assert "2 waiting, after 1 of other brands" in said
    claim().end("done")
    said = text_of(visitor("edgar").get("/b/oak-co/create"))
    assert "2 waiting" in said
    assert "of other brands" not in said
