"""Writes what the chart knows of its own values, from its ``values.yaml`` and the table of settings.

``python -m hubkiln.chart`` in a checkout; a test fails when a file is old.
"""

from __future__ import annotations

from pathlib import Path

from hubkiln.chart.schema import written

if __name__ == "__main__":
    folder = Path(__file__).parents[3] / "charts/hubkiln"
    for name, text in written((folder / "values.yaml").read_text()).items():
        (folder / name).write_text(text)
