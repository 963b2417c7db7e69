"""What a Hugging Face Space and `python app.py` run; the program itself is app/main.py."""

import sys

from app.main import main

if __name__ == "__main__":
    sys.exit(main())
