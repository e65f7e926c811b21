"""``python -m gateway`` is the ``yidi`` command."""

from gateway.cli import main

main(prog_name="yidi")
