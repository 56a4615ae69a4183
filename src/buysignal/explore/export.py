"""A chart's data as CSV, as every other file that a spreadsheet may open."""

from __future__ import annotations

import io

import pyarrow as pa

from buysignal.explore.chart import Chart
from buysignal.spreadsheet import write_csv


def chart_csv(chart: Chart) -> bytes:
    """Return what the chart is drawn from as UTF-8 CSV, cells that would run as formulas neutralised.

    Proxies and simulated data keep their labels: a column ``note`` says so in every row.
    """
    data = chart.data.assign(note="; ".join(chart.marks)) if chart.marks else chart.data
    for name in data.columns[data.dtypes == "category"]:
        data = data.assign(**{name: data[name].astype(str)})
    if chart.x_format == "date":
        data = data.assign(**{chart.x: data[chart.x].dt.strftime("%Y-%m-%d")})
    buffer = io.BytesIO()
    write_csv(pa.Table.from_pandas(data, preserve_index=False), buffer)
    return buffer.getvalue()
