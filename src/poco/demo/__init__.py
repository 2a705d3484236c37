"""A whole market told as a story on a chain of its own; every claim it makes is checked.

`story` says what happens, `pool` and `processes` have it happen in processes as users start them,
`witness` and `ledger` look at the chain, and `narrator` tells what was seen.
"""
