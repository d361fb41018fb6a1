"""Addresses: which page answers where."""

from django.urls import path, re_path

from feedsmith.studio.pages import (
    account,
    assets,
    create,
    errors,
    home,
    media,
    post,
    posts,
    sign_in,
)

FILE = r"(?P<folder>[\w-][\w.-]*)/(?P<file>[\w-][\w.-]*)"

urlpatterns = [
    path("", home.home),
    path("sign-in", sign_in.sign_in),
    path("sign-in/link/<str:token>", sign_in.link),
    path("sign-out", sign_in.sign_out),
    path("account", account.account),
    path("static/<str:digest>/<str:name>", assets.asset),
    path("b/<slug:slug>/", home.brand),
    path("b/<slug:slug>/posts", posts.posts),
    path("b/<slug:slug>/posts/<int:number>", post.post),
    path("b/<slug:slug>/create", create.create),
    re_path(rf"^media/(?P<slug>[\w-]+)/{FILE}$", media.medium),
    re_path(rf"^thumb/(?P<slug>[\w-]+)/(?P<width>\d{{2,4}})/{FILE}$", media.thumbnail),
]

handler400, handler403, handler404, handler500 = (
    errors.bad, errors.forbidden, errors.not_found, errors.broken,
)  # fmt: skip
