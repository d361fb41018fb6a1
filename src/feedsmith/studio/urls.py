"""Addresses: which page answers where."""

from django.urls import path, re_path

from feedsmith.studio.api import api
from feedsmith.studio.pages import (
    account,
    assets,
    create,
    design,
    editing,
    errors,
    events,
    home,
    media,
    photos,
    post,
    posts,
    sign_in,
    tokens,
    webhooks,
)

FILE = r"(?P<folder>[\w-][\w.-]*)/(?P<file>[\w-][\w.-]*)"

urlpatterns = [
    path("", home.home),
    path("sign-in", sign_in.sign_in),
    path("sign-in/link/<str:token>", sign_in.link),
    path("sign-out", sign_in.sign_out),
    path("account", account.account),
    path("design", design.design),
    path("theme", design.theme),
    path("static/<str:digest>/<str:name>", assets.asset),
    path("account/tokens", tokens.tokens),
    path("account/tokens/<int:number>/revoke", tokens.revoke),
    re_path(r"^api(?:/.*)?$", api),
    path("b/<slug:slug>/", home.brand),
    path("b/<slug:slug>/posts", posts.posts),
    path("b/<slug:slug>/posts/order", posts.order),
    path("b/<slug:slug>/posts/bulk", posts.bulk),
    path("b/<slug:slug>/posts/<int:number>", post.post),
    path("b/<slug:slug>/posts/<int:number>/beside", post.beside),
    path("b/<slug:slug>/posts/<int:number>/edit", editing.edit),
    path("b/<slug:slug>/posts/<int:number>/undo", editing.undo),
    path("b/<slug:slug>/posts/<int:number>/redo", editing.redo),
    path("b/<slug:slug>/posts/<int:number>/restore", editing.restore),
    path("b/<slug:slug>/posts/<int:number>/favourite", editing.favourite),
    path("b/<slug:slug>/posts/<int:number>/state", editing.state),
    path("b/<slug:slug>/posts/<int:number>/comments", editing.comment),
    path("b/<slug:slug>/posts/<int:number>/comments/<int:comment>", editing.resolve),
    path("b/<slug:slug>/posts/<int:number>/duplicate", editing.duplicate),
    path("b/<slug:slug>/posts/<int:number>/another", editing.another),
    path("b/<slug:slug>/create", create.create),
    path("b/<slug:slug>/webhooks", webhooks.webhooks),
    path("b/<slug:slug>/webhooks/<int:number>", webhooks.change),
    path("b/<slug:slug>/create/jobs", create.jobs),
    path("b/<slug:slug>/create/made", create.made),
    path("b/<slug:slug>/jobs/<int:number>/stop", create.stop),
    path("b/<slug:slug>/events", events.events),
    re_path(rf"^media/(?P<slug>[\w-]+)/{FILE}$", media.medium),
    re_path(rf"^thumb/(?P<slug>[\w-]+)/(?P<width>\d{{2,4}})/{FILE}$", media.thumbnail),
    re_path(
        r"^photo/(?P<slug>[\w-]+)/(?P<width>\d{2,4})/(?P<photo_id>[0-9a-f]{16})$", photos.photo
    ),
]

handler400, handler403, handler404, handler500 = (
    errors.bad, errors.forbidden, errors.not_found, errors.broken,
)  # fmt: skip
