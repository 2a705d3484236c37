"""``python -m poco`` is the command `poco`."""

from poco.cli.main import main

main()
