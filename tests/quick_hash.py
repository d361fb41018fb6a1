"""Passwords hashed as in the studio, with so few rounds that a test may try dozens of them."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHash(PBKDF2PasswordHasher):
    """A million rounds, Django's number, take a third of a second a try."""

    iterations = 1000
