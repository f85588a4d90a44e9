"""Writes what transformers renders for each case of test/support/jinja/cases.json into its `expected`.

A case whose rendering fails there has `expected: null`. Needs Python with transformers and jinja2:
    pip install transformers jinja2 numpy && python scripts/jinja-cases.py
"""

import datetime
import json
import pathlib

from transformers.utils import chat_template_utils

FILE = pathlib.Path(__file__).parent.parent / "test/support/jinja/cases.json"


class RecordedDate(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 5)


chat_template_utils.datetime = RecordedDate
document = json.loads(FILE.read_text(encoding="utf-8"))
for case in document["cases"]:
    values = {**document["values"], **case.get("values", {})}
    try:
        case["expected"] = chat_template_utils._compile_jinja_template(case["template"]).render(**values)
    except Exception:
        case["expected"] = None
lines = ",\n    ".join(json.dumps(case, ensure_ascii=False) for case in document["cases"])
values = json.dumps(document["values"], ensure_ascii=False)
FILE.write_text(f'{{\n  "values": {values},\n  "cases": [\n    {lines}\n  ]\n}}\n', encoding="utf-8")
