"""The API: REST for what the pages do, under /api/v1, for programs that hold a person's token.

Thin: it says who may (door), what goes in and out (shapes, shown) and what went wrong (refusals); what
happens is the models' work, as for the pages.
"""
