"""Webhooks: which addresses are told of a post's state, and what became of each message."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Status

from feedsmith.errors import FeedsmithError
from feedsmith.studio.api import cursor as cursors
from feedsmith.studio.api import shapes, shown
from feedsmith.studio.api.operations import made, needs
from feedsmith.studio.api.refusals import Unfit
from feedsmith.studio.delivery import check_address
from feedsmith.studio.models import Delivery, Hook

router = Router(tags=["webhooks"])
HOOKS = "/brands/{slug:brand}/webhooks"
ONE = HOOKS + "/{int:number}"


def _one(request: HttpRequest, number: int) -> Hook:
    return get_object_or_404(Hook, brand=request.brand, pk=number)


@router.get(HOOKS, **needs("read", "owner", list[shapes.Hook]))
def list_webhooks(request: HttpRequest, brand: str) -> list[shapes.Hook]:
    """The brand's webhooks."""
    rows = Hook.objects.filter(brand=request.brand).select_related("person")
    return [shapes.Hook(**shown.hook(row)) for row in rows]


@router.post(HOOKS, **needs("write", "owner", shapes.SecretHook, status=201))
def add_webhook(request: HttpRequest, brand: str, new: shapes.NewHook) -> Status:
    """Have an address told of every change of state. Messages are signed with the secret, which is
    in this answer and in no other."""
    try:
        check_address(new.url)
    except FeedsmithError as error:
        raise Unfit(error.message, error.mend) from error
    hook = Hook.make(request.brand, new.url, request.user)
    return made(shapes.SecretHook(**shown.hook(hook), secret=hook.secret))


@router.delete(ONE, **needs("write", "owner", None, status=204))
def remove_webhook(request: HttpRequest, brand: str, number: int) -> Status:
    """Tell this address nothing more, and forget what was told."""
    _one(request, number).delete()
    return Status(204, None)


@router.post(ONE + "/resume", **needs("write", "owner", shapes.Hook))
def resume_webhook(request: HttpRequest, brand: str, number: int) -> shapes.Hook:
    """Go on telling an address that was given up."""
    _one(request, number).go_on()
    return shapes.Hook(**shown.hook(_one(request, number)))


@router.post(ONE + "/test", **needs("write", "owner", shapes.Delivery, status=201))
def test_webhook(request: HttpRequest, brand: str, number: int) -> Status:
    """Send a message of type webhook.test, to see whether it arrives."""
    return made(shown.delivery(_one(request, number).test()))


@router.get(ONE + "/deliveries", **needs("read", "owner", shapes.Deliveries))
def list_deliveries(
    request: HttpRequest, brand: str, number: int, cursor: cursors.Cursor = "",
    limit: shapes.Limit = shapes.PAGE,
) -> shapes.Deliveries:  # fmt: skip
    """What was sent and what still is to be, the newest first."""
    rows = Delivery.objects.filter(hook=_one(request, number))
    found, follows = cursors.newest_first(rows, cursor, limit)
    return shapes.Deliveries(deliveries=[shown.delivery(row) for row in found], next=follows)


@router.post(ONE + "/deliveries/{int:delivery}/again", **needs("write", "owner", shapes.Delivery))
def send_again(request: HttpRequest, brand: str, number: int, delivery: int) -> shapes.Delivery:
    """Send a message once more, under the same id."""
    row = get_object_or_404(Delivery, hook=_one(request, number), pk=delivery)
    row.again()
    return shown.delivery(row)
