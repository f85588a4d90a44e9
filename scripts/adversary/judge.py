"""Independent judges: a JSON line per question on stdin, true, false or null (no opinion) per line on stdout."""

import json
import sys
from decimal import Decimal, InvalidOperation


def sql(question):
    """Whether two queries have the same result in SQLite: as a multiset, or by the reference's order keys."""
    import sqlite3

    for script in question["databases"]:
        connection = sqlite3.connect(":memory:")
        connection.executescript(script)
        connection.execute("PRAGMA case_sensitive_like = ON")
        steps = 0

        def enough():
            nonlocal steps
            steps += 1
            return steps > 2000

        connection.set_progress_handler(enough, 1000)
        try:
            expected, width = table(connection.execute(question["reference"]))
            found, found_width = table(connection.execute(question["query"]))
        except (sqlite3.Error, sqlite3.Warning, UnicodeError):
            return None
        finally:
            connection.close()
        if found_width != width or not same_rows(found, expected):
            return False
        order = question.get("order")
        if order is not None:
            # Under another order than the reference's, the order of rows that it leaves open is luck.
            if last_order(question["query"]) != last_order(question["reference"]):
                return None
            for one, other in zip(found, expected):
                if [cell_key(one[i]) for i in order] != [cell_key(other[i]) for i in order]:
                    return False
    return True


def last_order(query):
    return "".join(query.lower().rpartition("order by")[2].rstrip("; \n").split())


def table(cursor):
    return cursor.fetchall(), len(cursor.description or [])


def cell_key(cell):
    if cell is None:
        return (0, 0)
    if isinstance(cell, (int, float)):
        return (1, round(float(cell), 6))
    return (2, str(cell))


def same_rows(found, expected):
    if len(found) != len(expected):
        return False
    key = lambda row: [cell_key(cell) for cell in row]
    return sorted(map(key, found)) == sorted(map(key, expected))


def not_json(text):
    raise ValueError(text)


class Checkers:
    """Validators of jsonschema, with numbers as written."""

    known = {}

    @classmethod
    def of(cls, draft):
        if draft not in cls.known:
            import jsonschema

            base = {
                "draft-07": jsonschema.Draft7Validator,
                "2019-09": jsonschema.Draft201909Validator,
                "2020-12": jsonschema.Draft202012Validator,
            }[draft]
            whole = lambda _, value: (
                not isinstance(value, bool)
                and (isinstance(value, int) or (isinstance(value, Decimal) and value == value.to_integral_value()))
            )
            number = lambda _, value: not isinstance(value, bool) and isinstance(value, (int, Decimal))
            types = base.TYPE_CHECKER.redefine("integer", whole).redefine("number", number)
            cls.known[draft] = jsonschema.validators.extend(base, type_checker=types), base.FORMAT_CHECKER
        return cls.known[draft]


def beyond_doubles(value):
    if isinstance(value, (int, Decimal)):
        return Decimal(value).copy_abs() > Decimal("1.8e308")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(beyond_doubles, inner))


def json_schema(question):
    """Whether a JSON text is valid under a schema, by Python's jsonschema."""
    read = lambda text: json.loads(text, parse_float=Decimal, parse_constant=not_json)
    try:
        value = read(question["json"])
    except (ValueError, RecursionError):
        return False
    except InvalidOperation:  # an exponent of too many digits
        return None
    # The verifier takes what no double comes near for wrong; `email` is any text with an @ for jsonschema.
    if beyond_doubles(value) or '"email"' in question["schema"]:
        return None
    schema = read(question["schema"])
    validator, formats = Checkers.of(question.get("draft", "2020-12"))
    try:
        return validator(schema, format_checker=formats).is_valid(value)
    except Exception:
        return None


def math(question):
    """Whether Math-Verify calls an answer right."""
    from math_verify import parse, verify

    try:
        gold = parse(question["gold"], parsing_timeout=5)
        found = parse(question["answer"], parsing_timeout=5)
        if not gold or not found:
            return None
        return bool(verify(gold, found, timeout_seconds=5))
    except Exception:
        return None


def main():
    import decimal

    decimal.getcontext().prec = 2000
    judge = {"sql": sql, "json-schema": json_schema, "math": math}.get(sys.argv[1], lambda question: None)
    for line in sys.stdin:
        print(json.dumps(judge(json.loads(line))), flush=True)


main()
