"""The studio: a face in the browser. Knows stages and people; no stage knows it.

Nothing here is imported by any command but `feedsmith studio`; the server process imports no model and
no stage that makes pictures: that is the worker's work, in a process of its own.
"""
