"""The scheduler of a workerpool: finds its deals, admits workers, finalises; see docs/scheduler.md.

Import from the modules: `protocol` is what workers need, `client` speaks it over HTTP.
"""
