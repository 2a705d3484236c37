#!/usr/bin/env python3
"""Fail unless a service of this container is well: `healthy PORT`."""

import sys
import urllib.request

urllib.request.urlopen(f"http://127.0.0.1:{int(sys.argv[1])}/health", timeout=5)
