"""Who may come in: the people of a brand, its review links, and the tokens of a person."""

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Status

from feedsmith.studio import members
from feedsmith.studio.api import shapes, shown
from feedsmith.studio.api.operations import made, needs
from feedsmith.studio.models import Membership, ReviewLink, Token
from feedsmith.studio.models.people import INVITE_HOURS

router = Router(tags=["people"])
PEOPLE = "/brands/{slug:brand}/people"
MEMBER = PEOPLE + "/{int:number}"
LINKS = "/brands/{slug:brand}/review-links"
TOKENS = "/tokens"


# ---- members -------------------------------------------------------------------------------------


@router.get(PEOPLE, **needs("read", "owner", list[shapes.Member]))
def list_people(request: HttpRequest, brand: str) -> list[shapes.Member]:
    """Who is in the brand, in which role."""
    rows = Membership.objects.filter(brand=request.brand).select_related("person")
    return [shapes.Member(**_member(row)) for row in rows.order_by("person__name")]


@router.post(PEOPLE, **needs("manage", "owner", shapes.LetIn, status=201))
def let_in(request: HttpRequest, brand: str, new: shapes.NewMember) -> Status:
    """Let somebody in. The link that signs them in is in this answer, and in no other."""
    row, link = members.let_in(request.brand, new.name, new.role, by=request.user)
    return made(shapes.LetIn(**_member(row), sign_in_link=link or None))


@router.patch(MEMBER, **needs("manage", "owner", shapes.Member))
def change_role(
    request: HttpRequest, brand: str, number: int, wanted: shapes.NewRole
) -> shapes.Member:
    """Another role. The only owner stays one."""
    row = members.set_role(request.brand, _one(request, number), wanted.role, by=request.user)
    return shapes.Member(**_member(row))


@router.delete(MEMBER, **needs("manage", "owner", None, status=204))
def take_out(request: HttpRequest, brand: str, number: int) -> Status:
    """Take somebody out of the brand."""
    members.take_out(request.brand, _one(request, number), by=request.user)
    return Status(204, None)


@router.post(MEMBER + "/link", **needs("manage", "owner", shapes.SignInLink, status=201))
def sign_in_link(request: HttpRequest, brand: str, number: int) -> Status:
    """A new link that signs a member in once; not for who is in brands of others."""
    link = members.new_link(request.brand, _one(request, number), by=request.user)
    return made(shapes.SignInLink(link=link, hours=INVITE_HOURS))


def _one(request: HttpRequest, number: int) -> Membership:
    rows = Membership.objects.select_related("person")
    return get_object_or_404(rows, brand=request.brand, pk=number)


def _member(row: Membership) -> dict[str, object]:
    return {
        "id": row.pk, "name": row.person.name, "role": row.role,
        "last_sign_in": row.person.last_login,
    }  # fmt: skip


# ---- review links --------------------------------------------------------------------------------


@router.get(LINKS, **needs("read", "editor", list[shapes.ReviewLink]))
def list_review_links(request: HttpRequest, brand: str) -> list[shapes.ReviewLink]:
    """Links by which somebody without a login comments and approves, the newest first."""
    rows = request.brand.review_links.select_related("person").prefetch_related("chosen")
    return [_link(request, row) for row in rows.annotate(said=Count("acts"))[: shapes.PAGE_MAX]]


@router.post(LINKS, **needs("approve", "editor", shapes.ReviewLink, status=201))
def make_review_link(request: HttpRequest, brand: str, new: shapes.NewReviewLink) -> Status:
    """Make one. Whoever opens it may approve, so that the scope approve is needed."""
    row = ReviewLink.make(
        request.brand, request.user, title=new.title.strip(), days=new.days, chosen=new.posts,
        show=new.show, kind=new.kind, words=new.words.strip(),
    )  # fmt: skip
    return made(_link(request, row))


@router.delete(LINKS + "/{int:number}", **needs("approve", "editor", None, status=204))
def close_review_link(request: HttpRequest, brand: str, number: int) -> Status:
    """Close one: whoever opens it is told so."""
    get_object_or_404(ReviewLink, brand=request.brand, pk=number).revoke(request.user)
    return Status(204, None)


def _link(request: HttpRequest, row: ReviewLink) -> shapes.ReviewLink:
    opens = "approve" in request.auth.scopes
    said = getattr(row, "said", None)
    return shapes.ReviewLink(
        id=row.pk, title=row.title, by=shown.name(row.person), made_at=row.made_at,
        expires=row.expires, opened_at=row.opened_at, open=row.open,
        posts=sorted(draft.pk for draft in row.chosen.all()), show=row.show, kind=row.kind,
        words=row.words, answers=row.acts.count() if said is None else said,
        address=f"{settings.STUDIO.url}/r/{row.token}" if opens else None,
    )  # fmt: skip


# ---- tokens --------------------------------------------------------------------------------------


@router.get(TOKENS, **needs("manage", None, list[shapes.Token]))
def list_tokens(request: HttpRequest) -> list[shapes.Token]:
    """The tokens of this token's person that were not revoked."""
    rows = Token.objects.filter(person=request.user, revoked_at=None)
    return [shapes.Token(**_token(row)) for row in rows]


@router.post(TOKENS, **needs("manage", None, shapes.SecretToken, status=201))
def make_token(request: HttpRequest, new: shapes.NewToken) -> Status:
    """A token that can do no more than this one, and ends with it. It is in this answer only."""
    row, words = Token.make(request.user, new.name, new.scopes, new.days, maker=request.auth)
    return made(shapes.SecretToken(**_token(row), token=words))


@router.delete(TOKENS + "/{int:number}", **needs("manage", None, None, status=204))
def revoke_token(request: HttpRequest, number: int) -> Status:
    """It opens nothing from now on, nor does any that was made by it."""
    get_object_or_404(Token, person=request.user, pk=number).revoke()
    return Status(204, None)


def _token(row: Token) -> dict[str, object]:
    return {
        "id": row.pk, "name": row.name, "scopes": row.scopes, "created_at": row.created_at,
        "expires": row.expires, "used_at": row.used_at, "made_by": row.maker_id,
    }  # fmt: skip
