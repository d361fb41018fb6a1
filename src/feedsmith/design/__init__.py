"""Designed posts: words and pictures set into templates, as finished RGB pictures.

Knows nothing of brands' folders, captions' origin or where pictures came from.
"""
