"""`python -m hpobench.cli` is the program `hpobench`."""

import sys

from hpobench.cli.parser import main

sys.exit(main())
