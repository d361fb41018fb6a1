"""The one Django app of the studio."""

from django.apps import AppConfig


class Studio(AppConfig):
    name = "feedsmith.studio"
    label = "studio"
    verbose_name = "Studio"
