"""Judges answers with Math-Verify: a JSON line {"gold", "answer"} in, a JSON line {"verdict", "answer"} out."""

import json
import logging
import signal
import sys

logging.disable(logging.CRITICAL)
from math_verify import parse, verify


class TooSlow(BaseException):
    """No Exception, so that Math-Verify does not take it for an answer that it cannot read."""


def too_slow(*_):
    raise TooSlow


def judge(gold, answer):
    marked = any(mark in gold for mark in ("$", "\\boxed", "\\(", "\\["))
    # Math-Verify's own limits are wall clock, and an answer that exceeds them differs from the reference.
    expected = parse(gold if marked else f"${gold}$", parsing_timeout=None) or parse(gold, parsing_timeout=None)
    if not expected:
        return {"verdict": "unparseable", "reason": "Math-Verify cannot read the reference"}
    found = parse(answer, parsing_timeout=None)
    if not found:
        return {"verdict": "unparseable", "reason": "Math-Verify finds no answer in the completion"}
    right = verify(expected, found, timeout_seconds=None)
    words = "equals" if right else "differs from"
    return {
        "verdict": "correct" if right else "incorrect",
        "reason": f"the answer {words} the reference, says Math-Verify",
        "answer": str(found[-1])[:500],
    }


def main():
    signal.signal(signal.SIGPROF, too_slow)
    judge("$x^2+1$", "\\boxed{x^2+1}")  # loads what is loaded on first use, which no answer should pay for
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            try:
                signal.setitimer(signal.ITIMER_PROF, asked["seconds"])
                said = judge(asked["gold"], asked["answer"])
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        except TooSlow:
            said = {"verdict": "timeout", "reason": f"Math-Verify takes longer than {asked['seconds']} s"}
        except Exception as error:
            said = {"verdict": "unparseable", "reason": f"Math-Verify fails with {type(error).__name__}"}
        print(json.dumps(said), flush=True)


main()
