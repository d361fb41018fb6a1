"""From media to a published post.

https://developers.facebook.com/documentation/instagram-platform/content-publishing
https://developers.facebook.com/documentation/instagram-platform/content-publishing/resumable-uploads
https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-container
https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-user/media

A picture is fetched and looked at while its container is made, and refused there; a film is fetched
behind that, and its container's status tells. Assumed: that a container that failed or is through with
answers 24/2207006 to media_publish, and that unsupported parameters are refused rather than ignored.
"""

import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from feedsmith import rules
from feedsmith.fake_instagram import inspection
from feedsmith.fake_instagram.access import inspected, own_account, permitted
from feedsmith.fake_instagram.errors import (
    BUILDER_EXPIRED,
    CAPTION_LONG,
    CAROUSEL_ITEMS,
    CONTAINER_LIMIT,
    MEDIA_TYPE,
    NO_MEDIA,
    NO_OBJECT,
    NOT_PROFESSIONAL,
    NOT_READY,
    PARAMETER,
    QUOTA,
    RESTRICTED,
    THUMB_OFFSET,
    GraphFault,
)
from feedsmith.fake_instagram.fetching import fetched
from feedsmith.fake_instagram.request import Request
from feedsmith.fake_instagram.state import FACEBOOK, Account, Container, Grant, Medium, World

DAY = 24 * 3600.0
TYPES = ("IMAGE", "VIDEO", "REELS", "STORIES", "CAROUSEL")


# ---- making ---------------------------------------------------------------------------------------


def create(world: World, grant: Grant, request: Request) -> dict[str, Any]:
    """POST /{ig-user}/media."""
    account = _publisher(world, grant, request.parts[0])
    now = world.clock.now()
    made = sum(c.created > now - DAY for c in world.made.get(account.id, ()))
    if made >= rules.CONTAINERS_A_DAY:
        raise GraphFault(CONTAINER_LIMIT)
    params = {k: v for k, v in request.params.items() if k not in ("access_token", "fields")}
    kind = params.get("media_type") or "IMAGE"
    if kind not in TYPES:
        raise GraphFault(MEDIA_TYPE)
    item = request.flag("is_carousel_item")
    _check_words(world, params, kind, item)
    film = bool(params.get("video_url")) or request.params.get("upload_type") == "resumable"
    wait = world.video_seconds if film else world.image_seconds
    container = Container(
        world.new_id("containers"), account.id, kind, now, now + wait, params, item
    )
    if kind == "CAROUSEL":
        _gather(world, container)
    elif film:
        return _film(world, container, grant, request)
    elif kind in ("IMAGE", "STORIES") and params.get("image_url"):
        _picture(world, container)
    else:
        name = "video_url" if kind in ("REELS", "VIDEO") else "image_url"
        raise GraphFault(PARAMETER, f"(#100) The parameter {name} is required.")
    world.keep(container)
    return {"id": container.id}


def _publisher(world: World, grant: Grant, number: str) -> Account:
    account = own_account(world, grant, number)
    permitted(grant, "publish")
    if account.kind == "personal":
        raise GraphFault(NOT_PROFESSIONAL)
    if account.restricted:
        raise GraphFault(RESTRICTED)
    return account


def _check_words(world: World, params: Mapping[str, str], kind: str, item: bool) -> None:
    caption = params.get("caption", "")
    hashtags = re.findall(r"(?<![\w&])#\w+", caption)
    mentions = re.findall(r"(?<![\w.])@[\w.]+", caption)
    if (
        len(caption) > rules.CAPTION_MAX
        or len(hashtags) > rules.HASHTAGS_HARD_MAX
        or len(mentions) > rules.MENTIONS_MAX
    ):
        raise GraphFault(CAPTION_LONG)
    alt = params.get("alt_text", "")
    if len(alt) > rules.ALT_TEXT_MAX:
        raise _wrong("alt_text must be at most 1,000 characters")
    if alt and kind != "IMAGE":
        raise _wrong("alt_text is for images only; reels and stories are not supported")
    if item and params.get("is_ai_generated"):
        raise _wrong("is_ai_generated must be set on the carousel container only")
    partners = inspected(params.get("collaborators", ""))
    if len(partners) > rules.COLLABORATORS_MAX:
        raise _wrong(f"at most {rules.COLLABORATORS_MAX} collaborators")
    if partners and kind == "STORIES":
        raise _wrong("collaborators are not supported for stories")
    place = params.get("location_id", "")
    if place and place not in world.places:
        raise _wrong("INSTAGRAM_PLATFORM_API__INVALID_LOCATION_ID")
    offset = params.get("thumb_offset", "0")
    if not re.fullmatch(r"\d+", offset):
        raise GraphFault(THUMB_OFFSET)


def _wrong(why: str) -> GraphFault:
    return GraphFault(PARAMETER, f"{PARAMETER.message}: {why}")


def _picture(world: World, container: Container) -> None:
    data = fetched(container.params["image_url"], rules.IMAGE_BYTES_MAX)
    seen = inspection.picture(data, story=container.type == "STORIES")
    _hold(world, container, data, seen)


def _hold(world: World, container: Container, data: bytes, seen: inspection.Seen) -> None:
    container.blob, container.mime = world.put(data), seen.mime
    container.width, container.height, container.seconds = seen.width, seen.height, seen.seconds
    container.notes = list(seen.notes)


def _gather(world: World, container: Container) -> None:
    children = inspected(container.params.get("children", ""))
    if not rules.CAROUSEL_MIN <= len(children) <= rules.CAROUSEL_MAX:
        raise GraphFault(CAROUSEL_ITEMS)
    parts = []
    for number in children:
        part = world.containers.get(number)
        if part is None or part.account != container.account or not part.item or part.media:
            raise GraphFault(NO_MEDIA, NO_MEDIA.message.format(id=number))
        parts.append(part)
    container.children = children
    container.ready_at = max(container.ready_at, *(part.ready_at for part in parts))
    first = parts[0]
    for place, part in enumerate(parts[1:], 2):
        if part.width * first.height != part.height * first.width:
            container.notes.append(f"picture {place} cropped to the first one's ratio")


def _film(world: World, container: Container, grant: Grant, request: Request) -> dict[str, Any]:
    if container.type not in ("REELS", "STORIES") and not (
        container.type == "VIDEO" and container.item
    ):
        raise _wrong(
            "The VIDEO value for media_type is no longer supported. Use the REELS media type"
        )
    if cover := container.params.get("cover_url", ""):
        # "If you specify both cover_url and thumb_offset, we use cover_url and ignore thumb_offset."
        data = fetched(cover, rules.IMAGE_BYTES_MAX)
        inspection.picture(data, story=True)
        container.cover = world.put(data)
    if container.resumable:
        if grant.login != FACEBOOK:
            # "This is available only for apps that have implemented Facebook Login for Business."
            raise _wrong("upload_type resumable needs Facebook Login for Business")
        world.keep(container)
        where = f"{request.base}/rupload.facebook.com/ig-api-upload/{rules.GRAPH_VERSION}/{container.id}"
        return {"id": container.id, "uri": where}
    most = rules.FILMS["story" if container.type == "STORIES" else "reel"].bytes_max

    def fetch() -> None:
        try:
            arrived(world, container, fetched(container.params["video_url"], most))
        except GraphFault as fault:
            failed(world, container, fault)
        finally:
            world.pending.pop(container.id, None)

    with world.lock:
        world.keep(container)
        world.pending[container.id] = thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    return {"id": container.id}


def arrived(world: World, container: Container, data: bytes) -> None:
    """A film is here. Raises GraphFault where it does not fit."""
    seen = inspection.film(data, story=container.type == "STORIES")
    offset = int(container.params.get("thumb_offset", "0"))
    if not container.cover and offset >= seen.seconds * 1000:
        raise GraphFault(THUMB_OFFSET)
    _hold(world, container, data, seen)
    world.keep(container)


def failed(world: World, container: Container, fault: GraphFault) -> None:
    container.subcode, container.why = fault.what.subcode, fault.message
    world.keep(container)


# ---- uploading ------------------------------------------------------------------------------------


class UploadFault(Exception):
    """rupload has an envelope of its own; assumed: its exact shape."""

    def __init__(self, message: str, *, again: bool = False, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.again, self.status = message, again, status

    def envelope(self) -> dict[str, Any]:
        kind = "ServiceUnavailable" if self.again else "ProcessingFailedError"
        return {"debug_info": {"retriable": self.again, "type": kind, "message": self.message}}


def begin_upload(world: World, number: str, offset: str, size: str) -> Container:
    """POST rupload.facebook.com/ig-api-upload/{version}/{container}, before its bytes are read. Raises
    UploadFault where the bytes would not fit behind those that are here."""
    container = world.containers.get(number)
    if container is None or not container.resumable or container.blob or container.subcode:
        raise UploadFault("The upload session does not exist or is over")
    if not offset.isdigit() or not size.isdigit() or not int(size):
        raise UploadFault("The headers offset and file_size are required")
    if container.size and container.size != int(size):
        raise UploadFault(f"file_size was {container.size} before")
    if int(offset) > container.received:
        raise UploadFault(f"Only {container.received} bytes are here: offset must not be {offset}")
    container.size, container.received = int(size), int(offset)
    world.keep(container)
    return container


def end_upload(world: World, container: Container) -> dict[str, Any]:
    """All that was sent has been read."""
    if container.received < container.size:
        raise UploadFault("The upload was interrupted", again=True, status=500)
    try:
        arrived(world, container, world.upload(container))
    except GraphFault as fault:
        failed(world, container, fault)
    container.ready_at = world.clock.now() + world.video_seconds
    world.keep(container)
    return {"success": True, "message": "Upload successful."}


# ---- status ---------------------------------------------------------------------------------------


def status_of(world: World, container: Container) -> str:
    """EXPIRED, ERROR, FINISHED, IN_PROGRESS or PUBLISHED."""
    now = world.clock.now()
    if container.media:
        return "PUBLISHED"
    if now - container.created >= rules.CONTAINER_SECONDS:
        return "EXPIRED"
    if now < container.ready_at:
        return "IN_PROGRESS"
    # The clock may have been moved past the time that the film takes in truth.
    if (thread := world.pending.get(container.id)) is not None:
        thread.join(30)
    if container.subcode:
        return "ERROR"
    parts = [status_of(world, world.containers[number]) for number in container.children]
    for bad in ("ERROR", "EXPIRED", "IN_PROGRESS"):
        if bad in parts:
            return bad
    return "FINISHED" if container.blob or container.children else "IN_PROGRESS"


def shown(world: World, container: Container, request: Request) -> dict[str, Any]:
    """GET /{container}?fields=..."""
    state = status_of(world, container)
    said: dict[str, Any] = {"id": container.id}
    for name in request.fields("id,status_code"):
        if name == "status_code":
            said[name] = state
        elif name == "status":
            said[name] = _status_words(world, container, state)
        elif name == "copyright_check_status":
            said[name] = {"status": "completed", "matches_found": False}
        elif name == "video_status" and container.resumable:
            whole = bool(container.size) and container.received >= container.size
            phase = {
                "status": "complete" if whole else "in_progress",
                "bytes_transferred": container.received,
            }
            done = "complete" if state == "FINISHED" else "not_started"
            said[name] = {"uploading_phase": phase, "processing_phase": {"status": done}}
        elif name != "id":
            raise GraphFault(PARAMETER, f"(#100) Tried accessing nonexisting field ({name})")
    return said


def _status_words(world: World, container: Container, state: str) -> str:
    words = {
        "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
        "IN_PROGRESS": "In Progress: Media is still being processed.",
        "PUBLISHED": "Published: Media has been published.",
        "EXPIRED": "Expired: The container was not published within 24 hours.",
    }
    if state in words:
        return words[state]
    bad = next(
        (world.containers[n] for n in container.children if world.containers[n].subcode), container
    )
    return f"Error: Media upload has failed with error code {bad.subcode}. {bad.why}".strip()


# ---- publishing -----------------------------------------------------------------------------------


def publish(world: World, grant: Grant, request: Request) -> dict[str, Any]:
    """POST /{ig-user}/media_publish. Each container once; there is no idempotency key."""
    account = _publisher(world, grant, request.parts[0])
    number = request.need("creation_id")
    container = world.containers.get(number)
    if container is None or container.account != account.id:
        raise GraphFault(NO_MEDIA, NO_MEDIA.message.format(id=number))
    status_of(world, container)  # waits for a film without the lock
    with world.lock:
        state = status_of(world, container)
        if state == "IN_PROGRESS":
            raise GraphFault(NOT_READY)
        if state == "EXPIRED":
            raise GraphFault(BUILDER_EXPIRED)
        if state != "FINISHED" or container.item:
            raise GraphFault(NO_MEDIA, NO_MEDIA.message.format(id=number))
        since = world.clock.now() - DAY
        if world.published_since(account.id, since) >= world.posts_a_day:
            raise GraphFault(QUOTA)
        return {"id": _published(world, container).id}


def _published(world: World, container: Container) -> Medium:
    params = container.params
    kind, product = {
        "CAROUSEL": ("CAROUSEL_ALBUM", "FEED"), "REELS": ("VIDEO", "REELS"), "IMAGE": ("IMAGE", "FEED"),
        "STORIES": ("VIDEO" if container.mime.startswith("video/") else "IMAGE", "STORY"),
    }[container.type]  # fmt: skip
    medium = _medium(world, container, kind, product)
    medium.caption = params.get("caption", "")
    medium.location = world.places.get(params.get("location_id", ""), "")
    medium.collaborators = inspected(params.get("collaborators", ""))
    medium.ai = params.get("is_ai_generated", "").lower() in ("true", "1")
    parts = [world.containers[number] for number in container.children]
    children = []
    for part in parts:
        kind = "VIDEO" if part.mime.startswith("video/") else "IMAGE"
        child = _medium(world, part, kind, "FEED")
        child.parent, part.media = medium.id, child.id
        children.append(child)
    medium.children = [child.id for child in children]
    if children:
        medium.blob, medium.mime = children[0].blob, children[0].mime
        medium.width, medium.height = children[0].width, children[0].height
    container.media = medium.id
    world.keep(medium, *children, container, *parts)
    return medium


def _medium(world: World, container: Container, kind: str, product: str) -> Medium:
    return Medium(
        world.new_id("media"), container.account, kind, product, secrets.token_urlsafe(8).replace("-", "x"),
        world.clock.now(), alt=container.params.get("alt_text", ""), blob=container.blob,
        cover=container.cover, offset=int(container.params.get("thumb_offset", "0")),
        mime=container.mime, width=container.width, height=container.height, container=container.id,
        notes=list(container.notes),
    )  # fmt: skip


def limit(world: World, grant: Grant, request: Request) -> dict[str, Any]:
    """GET /{ig-user}/content_publishing_limit."""
    account = own_account(world, grant, request.parts[0])
    permitted(grant, "publish")
    given = request.params.get("since", "")
    since = float(given) if given.isdigit() else world.clock.now() - DAY
    said: dict[str, Any] = {}
    for name in request.fields("quota_usage"):
        if name == "quota_usage":
            said[name] = world.published_since(account.id, since)
        elif name == "config":
            said[name] = {"quota_total": world.posts_a_day, "quota_duration": int(DAY)}
        else:
            raise GraphFault(PARAMETER, f"(#100) Tried accessing nonexisting field ({name})")
    return {"data": [said]}


def found(world: World, grant: Grant, number: str) -> Container:
    """A container that the token may see. Raises GraphFault."""
    container = world.containers.get(number)
    if container is None or container.account not in grant.accounts:
        raise GraphFault(NO_OBJECT, NO_OBJECT.message.format(id=number))
    return container
