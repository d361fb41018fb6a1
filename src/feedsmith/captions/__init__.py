"""Captions: prompts, the small language model, and (beside it) the writer that ranks them."""
