"""`python -m tests.faults` is `make faults`."""

import sys

from tests.faults.run import main

sys.exit(main())
