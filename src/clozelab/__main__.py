"""`python -m clozelab` is the command `clozelab`."""

import sys

from clozelab.cli import main

sys.exit(main())
