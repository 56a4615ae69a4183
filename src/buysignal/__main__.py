"""``python -m buysignal`` is the command line."""

from buysignal.cli import main

if __name__ == "__main__":
    main()
