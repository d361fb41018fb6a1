"""A fake Instagram: one server that behaves as the documented Graph API does, and shows what it received.

    clock.py        time that can be moved
    errors.py       errors in Meta's words and codes
    state.py        what is remembered: accounts, tokens, containers, posts; in memory or in a folder
    fetching.py     getting media from the address they are said to be at
    inspection.py   what a picture or a film is, against the limits
    access.py       signing in, tokens, permissions
    containers.py   from media to a published post
    reading.py      accounts, posts, insights, hashtags
    usage.py        how much was asked, and the headers that say so
    faults.py       what goes wrong on demand
    switchboard.py  time, faults and accounts, changed by tests
    pages.py        consent, profile and post pages for people
    server.py       HTTP: which address is which, and the envelope of errors

It knows nothing of the client that it is asked by (feedsmith.publishing): each was written after the
documentation, so that they can be wrong in different ways only.
"""

from feedsmith.fake_instagram.server import APP_ID, APP_SECRET, FakeInstagram, running

__all__ = ["APP_ID", "APP_SECRET", "FakeInstagram", "running"]
