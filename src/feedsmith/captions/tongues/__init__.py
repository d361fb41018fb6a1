"""Tongues: captions in languages other than English, of sentences people wrote in them.

German, French, Spanish and Portuguese. Keywords stay English inside the writer; a tongue reads them
from the brand's own words, names them in its language, and fills its own sentences with the right
articles, endings and contractions. `tongue.speak` is the way in; everything else is a value.
"""
