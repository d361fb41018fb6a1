"""Publishing: from an approved post to where people see it, and reading back what became of it.

outgoing    a post as it goes out: the person's words, and the files
preflight   is it fit to go out? what could be mended was, and is said (captioning, pictures, films, probe)
hosting     where Instagram fetches the files from (sigv4)
graph       the client of Instagram's API: one request a call, typed answers, typed errors (codes, pace)
tokens      connected accounts, and their tokens under lock
connect     signing in, refreshing, revoking, and what is wrong in words (callback)
publisher   an attempt, one step further at a time, never twice (attempt)
exports     elsewhere: folder, zip, other schedulers, calendar, feed; plugins by entry point

Stages: they know posts and files, no database and no page.
"""
