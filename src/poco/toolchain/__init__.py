"""Tools of a source checkout: compiler, local chain, build guard and exported artifacts.

Nothing of the running product imports this package; it needs the extra ``contracts`` (Ape) for
compiling and nothing but the standard library to be imported.
"""
