"""Learning: what became of earlier posts says what works, and leans the next ones towards it.

`factors` (outcomes -> a table), `additive` (the model), `works` (the report), `findings` (what it says, as values), `page` (its page), `bandit`
(what the next posts lean towards), `ab` (two variants set against each other on purpose). Knows
outcomes as values and a brand's settings; asks no network and makes no posts.
"""
