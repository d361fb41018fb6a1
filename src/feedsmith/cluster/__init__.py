"""Stages spread over the processors of one machine or of many.

    pool.py      Pool: jobs in, results out; Here: the pool of this process
    nodes.py     the pool of a Ray cluster; the only module that imports ray
    posts.py     generate, in blocks
    photos.py    prepare, from a disk or a bucket
    judging.py   evaluate, the networks' part
    training.py  train images, by Ray Train

Each of these calls the stage's own functions, so that any number of workers gives what one process gives,
to the byte. A stage knows nothing of pools; they are handed in.
"""
