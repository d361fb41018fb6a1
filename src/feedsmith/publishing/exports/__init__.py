"""Exports: posts for other places than Instagram's API.

api        what a publisher is given and gives back (the protocol)
installed  which publishers there are: ours and strangers', by the same entry points
folder     a folder, or a zip, with files, words and a page to post from by hand
sheets     CSV for Buffer and for Later
calendar   iCalendar
feed       RSS 2.0 with Media RSS
"""
