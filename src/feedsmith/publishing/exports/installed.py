"""Which publisher a person wants, and calling it: ours and strangers' by the same entry points."""

from collections.abc import Sequence
from importlib.metadata import entry_points

from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, no_room
from feedsmith.publishing.exports.api import GROUP, Delivered, Delivery, Publisher
from feedsmith.publishing.outgoing import Outgoing


def names() -> list[str]:
    return sorted({point.name for point in entry_points(group=GROUP)})


def load(name: str) -> Publisher:
    """The publisher of that name. Raises FeedsmithError where there is none, or it cannot be loaded."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        raise FeedsmithError(
            f'there is no publisher "{name}"',
            mend=f"installed are: {', '.join(sorted(found)) or 'none; install Feedsmith again'}",
        )
    try:
        publisher: Publisher = found[name].load()()
    except FeedsmithError:
        raise
    except Exception as error:  # a stranger's code
        raise FeedsmithError(
            f'the publisher "{name}" cannot be loaded: {_said(error)}',
            mend="install its package again, or tell its author",
        ) from error
    if not callable(getattr(publisher, "publish", None)):
        raise FeedsmithError(
            f'the publisher "{name}" cannot publish: it has no method publish',
            mend="tell its author; docs/exports.md says what one needs",
        )
    return publisher


def publish(name: str, posts: Sequence[Outgoing], to: Delivery) -> Delivered:
    """Send posts out by a publisher. Raises FeedsmithError, whatever goes wrong in it."""
    if not posts and not to.planned:
        raise FeedsmithError(
            f"{to.home / 'posts'}: there are no posts to export",
            mend=f"make some: feedsmith generate {to.home}",
        )
    for post in posts:
        for part in post.parts:
            if not part.path.is_file():
                raise FeedsmithError(
                    f"{part.path}: the file of a post is not there",
                    mend="bring it back, or name the posts to export without this one",
                )
    publisher = load(name)
    try:
        told = publisher.publish(posts, to)
    except FeedsmithError:
        raise
    except OSError as error:
        if full_disk(error):
            raise no_room(to.target, "nothing half-written was left behind") from error
        raise FeedsmithError(
            f"{to.target}: cannot be written ({(error.strerror or str(error)).lower()})",
            mend="check the folder's permissions, or name another place with --out",
        ) from error
    except Exception as error:  # a stranger's code
        raise FeedsmithError(
            f'the publisher "{name}" stumbled: {_said(error)}',
            mend="nothing of yours was changed; tell its author",
        ) from error
    if not isinstance(told, Delivered):
        raise FeedsmithError(
            f'the publisher "{name}" did not say what became of the posts',
            mend="tell its author: publish must return a Delivered",
        )
    return told


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
