"""Tongues: which language a text is in."""
