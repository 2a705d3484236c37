"""Try an app as a worker would run it: twice, offline, without a chain.

`locate_app` finds what to run, `try_app` runs it, `render` and `as_document` show the report.
"""

from poco.apptest.comparison import Difference
from poco.apptest.judgement import Attempt, Report
from poco.apptest.rendering import as_document, render
from poco.apptest.subject import locate_app, no_app
from poco.apptest.trial import Trial, try_app

__all__ = [
    "Attempt",
    "Difference",
    "Report",
    "Trial",
    "as_document",
    "locate_app",
    "no_app",
    "render",
    "try_app",
]
