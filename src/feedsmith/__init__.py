"""Feedsmith: a brand's own posts go in, new on-brand Instagram posts come out."""

__version__ = "0.1.0"
