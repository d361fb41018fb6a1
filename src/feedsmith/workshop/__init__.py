"""The workshop: one post at a time, from its brief to its folder.

order     what one post is to be
pictures  which pictures it is made of
designs   words set on them: pages, or a film
media     files: JPEG, film, provenance
workshop  the whole way, with everything that making posts needs at hand
"""

from feedsmith.workshop.order import Order
from feedsmith.workshop.workshop import Workshop

__all__ = ["Order", "Workshop"]
