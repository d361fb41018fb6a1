"""How near what Feedsmith makes comes to what a brand has itself: captions, and generated pictures.

    distance.py     how far two sets of captions are apart in length, emoji, punctuation, ...
    classifier.py   how often a small classifier tells generated captions from real ones, and by what
    copying.py      the longest runs of words taken from the training captions; variety
    picture.py      whether captions follow their picture: keywords named, the right caption found
    perplexity.py   how surprised a language model is by captions it has not seen
    captions.py     evaluate(): all of it for one brand, read from top to bottom
    likeness.py     how near generated pictures come to photos; whether they copy them
    images.py       evaluate(): all of it for one brand's pictures, read from top to bottom
    images_page.py  its report as one HTML file
    figures.py      what comes out, as values
    plots.py        curves, bars and ranges for a page
    page.py         the caption report as one HTML file; the frame of both

Runs on the light install. Knows captions and libraries; makes no post.
"""
