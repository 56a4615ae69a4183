"""The web app: ``streamlit run app.py``."""

import sys
from pathlib import Path

# `pip install -r requirements.txt` installs what buysignal needs and not buysignal itself, because pip's
# hash checking admits no local folder. From a clone the package is therefore read from src/.
SOURCES = str(Path(__file__).parent / "src")
if SOURCES not in sys.path:
    sys.path.insert(0, SOURCES)

from buysignal.app.main import main  # noqa: E402  (after the path above)

main()
