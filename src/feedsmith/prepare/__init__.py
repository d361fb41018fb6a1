"""Prepare: a library, or a folder of photos, becomes a data set to train a picture model on.

origin   which photos there are, with words, faces and what draws the eye
square   the square that is cut from a photo, and its pixels
alike    photos that show the same; who is held out
account  what came out: figures, advice, contact sheet
stage    all of it, in parallel, stopped and gone on with at any moment
"""

from feedsmith.prepare.account import LeftOut, Prepared
from feedsmith.prepare.stage import CROPS, SIZES, Settings, prepare

__all__ = ["CROPS", "SIZES", "LeftOut", "Prepared", "Settings", "prepare"]
