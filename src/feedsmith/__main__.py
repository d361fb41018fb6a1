"""`python -m feedsmith`: the command line, where no script is on the path (torchrun -m)."""

from feedsmith.cli import main

main()
