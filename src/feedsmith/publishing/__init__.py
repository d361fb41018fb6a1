"""Publishing to Instagram through its official API, and reading back what became of it.

codes.py    the API's errors in plain words, each with its mend
pace.py     how long to wait, by what an answer says of usage
graph.py    the client: one request a call, typed answers, typed errors
tokens.py   connected accounts, and their tokens under lock
connect.py  signing in, refreshing, revoking, and what is wrong in words
"""
