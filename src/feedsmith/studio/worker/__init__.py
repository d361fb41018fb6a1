"""The worker: a process of its own that does the jobs, so that the server stays small and answers.

The server starts it (supervisor), watches its memory, and starts it again when it dies; the database
says what there is to do. `work` alone knows the stages.
"""
