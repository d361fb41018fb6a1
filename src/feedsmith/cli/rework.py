"""`feedsmith rework`: a finished post with one thing changed. Parses, calls, prints."""

import itertools
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from feedsmith.brand import Home
from feedsmith.cli.screen import next_step, out, showing_progress
from feedsmith.errors import FeedsmithError
from feedsmith.post import Crop, Post
from feedsmith.runs import Folder


def rework(
    post: Annotated[
        Path, typer.Argument(metavar="POST", help="The post's folder, e.g. mybrand/posts/02-quote-6e34ae.")
    ],
    crop: Annotated[
        str,
        typer.Option(metavar="X,Y,ZOOM", help="Cut the picture anew: left and upper edge in percent, and how "
                     "many times to zoom in, e.g. 10,0,1.3."),
    ] = "",
    template: Annotated[
        str,
        typer.Option(help='Another template: its name, with ":" and its colours, e.g. quote-card:ink. "?" lists '
                     "those that fit."),
    ] = "",
    photo: Annotated[str, typer.Option(help="Another photo of the library, by name or id.")] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Another picture from the same photos.")
    ] = False,
    words: Annotated[
        int | None,
        typer.Option(min=0, help="Other words: 0 shows three, 1 to 3 takes one of them."),
    ] = None,
    picture: Annotated[
        int, typer.Option(min=1, help="Which picture of a carousel, collage or reel.")
    ] = 1,
    home: Annotated[
        Path | None, typer.Option(help="The brand's folder (default: two above the post's).")
    ] = None,
) -> None:  # fmt: skip
    """Make a finished post anew with one thing changed, in a folder beside it; the old one stays."""
    from feedsmith import rework as stage

    place, root = Home(home or post.resolve().parent.parent), post.resolve().parent
    if not place.brand_file.is_file():
        raise FeedsmithError(
            f"{place.root}: there is no brand.toml here", mend="name the brand's folder with --home"
        )
    made = Folder(root).post(post.resolve().name)
    if made is None:
        raise FeedsmithError(
            f"{post}: there is no finished post here", mend="name the folder that has the post.json"
        )
    with showing_progress() as report:
        if template == "?":
            for name, scheme in stage.offer_layouts(place, made, root=root, report=report):
                out.print(f"{name}:{scheme}")
            return
        found = (
            stage.offer_words(place, made, root=root, report=report) if words is not None else []
        )
        if words == 0:
            for number, said in enumerate(found, start=1):
                out.print(f"{number}. {escape(said.caption)}")
            next_step(f"feedsmith rework {post} --words 1")
            return
        if words is not None and words > len(found):
            raise FeedsmithError(
                f"{len(found)} wordings were found", mend=f"take one from 1 to {len(found)}"
            )
        name, _, scheme = template.partition(":")
        change = stage.Change(
            picture=picture, template=name, scheme=scheme, photo=photo, again=again,
            crop=_crop(crop, made, picture, place, post.resolve()) if crop else None,
            words=found[words - 1] if words else None,
        )  # fmt: skip
        told = stage.rework(place, made, change, name=_free(root, made), root=root, report=report)
    for note in told.notes:
        out.print(escape(note), style="dim")
    out.print(f"Made {escape(str(post.parent / told.post.id))}; {escape(post.name)} is as it was.")


def _crop(text: str, made: Post, picture: int, home: Home, folder: Path) -> Crop:
    """The part that is meant, in the shape of the picture."""
    from feedsmith import rework as stage

    making = stage.changeable(made, "crop")
    try:
        x, y, zoom = (float(part) for part in text.split(","))
        if zoom < 1 or not (0 <= x <= 100 and 0 <= y <= 100):
            raise ValueError(text)
    except ValueError as error:
        raise FeedsmithError(
            f'--crop "{text}" cannot be read',
            mend="say left and upper edge and zoom: --crop 10,0,1.3",
        ) from error
    if picture > len(making.shots):
        raise FeedsmithError(
            f"this post has no picture {picture}", mend=f"choose one from 1 to {len(making.shots)}"
        )
    shot = making.shots[picture - 1]
    wide, high = stage.base_size(shot, home, folder)
    ratio = shot.width / shot.height
    width, height = min(1.0, high * ratio / wide) / zoom, min(1.0, wide / ratio / high) / zoom
    return Crop(x=min(x / 100, 1 - width), y=min(y / 100, 1 - height), width=width, height=height)


def _free(root: Path, made: Post) -> str:
    first = made.version_of or made.id
    names = (f"{first}-v{n}" for n in itertools.count(2))
    return next(name for name in names if not (root / name).exists())
