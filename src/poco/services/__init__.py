"""Services that markets share: results and secrets.

Each is a package with a store, an HTTP application and a client, so that it can run as a process of
its own or inside another one.
"""
