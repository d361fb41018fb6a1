"""Files for the library, piece by piece: begin, go on, import. In JSON, for the page's script; whole
files in one form for browsers without it.
"""

from collections.abc import Callable
from functools import wraps

from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST

from feedsmith.errors import FeedsmithError
from feedsmith.studio import asked, imports
from feedsmith.studio.models import Brand, Upload
from feedsmith.studio.models.uploads import FILES_MAX, PIECE, Missed
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.errors import of_database
from feedsmith.studio.pages.notices import say

View = Callable[..., HttpResponse]


def in_json(view: View) -> View:
    """A view that says a full or busy database as its other refusals, for the page's script."""

    @wraps(view)
    def said(request: HttpRequest, *args: object, **more: object) -> HttpResponse:
        try:
            return view(request, *args, **more)
        except OperationalError as error:
            if "text/html" in request.headers.get("Accept", ""):  # a button, not the script
                raise
            message, mend = of_database(error)
            return _refused(FeedsmithError(message, mend=mend), 503)

    return said


@in_json
@for_members("editor")
@require_POST
def begin(request: HttpRequest, brand: Brand) -> HttpResponse:
    """`name`, `size`, `mark` of a file -> its key, and how much of it is here already."""
    size = asked.number(request.POST.get("size", ""))
    if size is None:
        return _refused(FeedsmithError("the size of the file was not said"))
    try:
        upload = Upload.begin(
            brand,
            request.user,
            request.POST.get("name", ""),
            size,
            request.POST.get("mark", ""),
        )
    except FeedsmithError as error:
        return _refused(error)
    return JsonResponse({"key": upload.key, "have": upload.have, "piece": PIECE})


@in_json
@for_members("editor")
@require_http_methods(["GET", "POST"])
def piece(request: HttpRequest, brand: Brand, key: str) -> HttpResponse:
    """A piece that begins at byte ?from=; 409 says where to go on instead. GET says how much is here."""
    upload = _of(request, brand, key)
    if request.method == "GET":
        return JsonResponse({"have": upload.have, "size": upload.size})
    start = asked.number(request.GET.get("from", ""))
    if start is None:
        return _refused(FeedsmithError("it was not said where the piece begins"))
    try:
        return JsonResponse({"have": upload.add(start, request)})
    except Missed as missed:
        return JsonResponse({"have": missed.have}, status=409)
    except FeedsmithError as error:
        return _refused(error)


@for_members("editor")
@require_POST
def drop(request: HttpRequest, brand: Brand, key: str) -> HttpResponse:
    _of(request, brand, key).drop()
    return to_library(brand)


@in_json
@for_members("editor")
@require_POST
def take_in(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Import the uploads `key`, which are whole, together."""
    try:
        waiting = imports.whole(brand, request.POST.getlist("key"))
    except FeedsmithError as error:
        return _refused(error)
    imports.begin(brand, request.user, waiting)
    if "text/html" in request.headers.get("Accept", ""):  # the button, not the script
        return to_library(brand)
    return JsonResponse({"files": len(waiting)})


@for_members("editor")
@require_POST
def files(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Whole files of a form, where no script runs."""
    arrived = request.FILES.getlist("files")[:FILES_MAX]
    if not arrived:
        raise FeedsmithError("no file was chosen", mend="choose a zip, photos or a CSV")
    uploads = [arrived_whole(request, brand, file, "form") for file in arrived]
    imports.begin(brand, request.user, uploads)
    say(request, f"{len(uploads)} file{'s' * (len(uploads) != 1)} arrived and will be taken in.")
    return to_library(brand)


def arrived_whole(request: HttpRequest, brand: Brand, file: UploadedFile, mark: str) -> Upload:
    """A file of a form as an upload that is here as a whole. Raises FeedsmithError as Upload does."""
    upload = Upload.begin(brand, request.user, file.name, file.size, mark)
    while not upload.whole:
        file.seek(upload.have)
        upload.add(upload.have, _Piece(file))  # type: ignore[arg-type]
    return upload


class _Piece:
    """A file's next piece."""

    def __init__(self, file: object) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        data: bytes = self._file.read(min(size, PIECE))  # type: ignore[attr-defined]
        return data


def _of(request: HttpRequest, brand: Brand, key: str) -> Upload:
    """Somebody's own upload into this brand; nobody else goes on with it."""
    upload = get_object_or_404(Upload, brand=brand, key=key, person=request.user)
    if upload.job_id is not None:
        raise Http404
    return upload


def _refused(error: FeedsmithError, status: int = 422) -> HttpResponse:
    said = f"{error.message[:1].upper()}{error.message[1:]}. {error.mend.capitalize()}".strip(" ")
    return JsonResponse({"said": said.rstrip(".") + "."}, status=status)


def to_library(brand: Brand) -> HttpResponse:
    response = HttpResponseRedirect(f"/b/{brand.slug}/library")
    response.status_code = 303
    return response
