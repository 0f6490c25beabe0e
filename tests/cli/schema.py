"""As much of JSON Schema as docs/schema/run-1.json uses; an unknown keyword is an error."""

import json
from pathlib import Path

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "schema" / "run-1.json").read_text())

TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}
SILENT = {"$schema", "$id", "$defs", "title", "description"}


def check(value, schema=SCHEMA, where="$"):
    for key, wanted in schema.items():
        if key in SILENT:
            continue
        if key == "$ref":
            check(value, SCHEMA["$defs"][wanted.removeprefix("#/$defs/")], where)
        elif key == "type":
            names = wanted if isinstance(wanted, list) else [wanted]
            assert any(TYPES[name](value) for name in names), f"{where}: {value!r} is no {wanted}"
        elif key == "const":
            assert value == wanted, f"{where}: {value!r}"
        elif key == "enum":
            assert value in wanted, f"{where}: {value!r}"
        elif key == "minimum":
            assert value is None or value >= wanted, f"{where}: {value!r}"
        elif key == "maximum":
            assert value is None or value <= wanted, f"{where}: {value!r}"
        elif key == "required":
            assert not isinstance(value, dict) or not set(wanted) - set(value), where
        elif key == "properties":
            for name in wanted if isinstance(value, dict) else ():
                if name in value:
                    check(value[name], wanted[name], f"{where}.{name}")
        elif key == "additionalProperties":
            assert wanted is False
            assert not isinstance(value, dict) or not set(value) - set(schema["properties"]), where
        elif key == "items":
            for i, item in enumerate(value if isinstance(value, list) else ()):
                check(item, wanted, f"{where}[{i}]")
        elif key == "minItems":
            assert not isinstance(value, list) or len(value) >= wanted, where
        elif key == "maxItems":
            assert not isinstance(value, list) or len(value) <= wanted, where
        else:
            raise AssertionError(f"schema.py does not know {key}")
