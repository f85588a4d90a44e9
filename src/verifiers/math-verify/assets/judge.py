"""Judges answers with Math-Verify: a JSON line {"gold", "answer"} in, a JSON line {"verdict", "answer"} out."""

import json
import logging
import sys

logging.disable(logging.CRITICAL)
from math_verify import parse, verify


def judge(gold, answer, seconds):
    marked = any(mark in gold for mark in ("$", "\\boxed", "\\(", "\\["))
    expected = parse(gold if marked else f"${gold}$", parsing_timeout=seconds) or parse(gold, parsing_timeout=seconds)
    if not expected:
        return {"verdict": "unparseable", "reason": "Math-Verify cannot read the reference"}
    found = parse(answer, parsing_timeout=seconds)
    if not found:
        return {"verdict": "unparseable", "reason": "Math-Verify finds no answer in the completion"}
    right = verify(expected, found, timeout_seconds=seconds)
    words = "equals" if right else "differs from"
    return {
        "verdict": "correct" if right else "incorrect",
        "reason": f"the answer {words} the reference, says Math-Verify",
        "answer": str(found[-1])[:500],
    }


def main():
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = judge(asked["gold"], asked["answer"], asked["seconds"])
        except Exception as error:
            said = {"verdict": "unparseable", "reason": f"Math-Verify fails with {type(error).__name__}"}
        print(json.dumps(said), flush=True)


main()
