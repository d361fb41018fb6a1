"""Publishing: from an approved post to where people see it.

outgoing    a post as it goes out: the person's words, and the files
preflight   is it fit to go out? what could be mended was, and is said (captioning, pictures, films, probe)
hosting     where Instagram fetches the files from (sigv4)
exports     elsewhere: folder, zip, other schedulers, calendar, feed; plugins by entry point

Stages: they know posts and files, no database and no page.
"""
