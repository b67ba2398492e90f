"""The crash points of core/disk/fault_points.def."""

import pathlib
import re

_table = pathlib.Path(__file__).resolve().parents[2] / "core/disk/fault_points.def"
POINTS = re.findall(r"^FAULT_POINT\((\w+)", _table.read_text(), flags=re.M)
