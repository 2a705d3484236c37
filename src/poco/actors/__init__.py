"""The roles of a market, each as a process of its own: what ``ape run <role>`` does.

`stage` connects a role, `sellers`, `servants` and `buyer` play it, `options` are those of the
command line. Nothing is imported here, so that ``ape run --help`` stays quick.
"""
