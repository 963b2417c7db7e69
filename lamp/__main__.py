"""`python -m lamp`: train, predict and evaluate without the studio."""

import sys

from lamp.cli import main

sys.exit(main())
