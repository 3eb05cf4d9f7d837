"""``python -m fixgw`` is the ``fixgw`` command."""

from fixgw.cli.app import main

main()
