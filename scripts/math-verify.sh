#!/bin/sh
# Installs Math-Verify, for the tests that need it, in a virtual environment outside the clone.
set -e
folder="$HOME/.cache/rlsd-streams/math-verify"
"$folder/bin/python" -c 'import math_verify' 2>/dev/null && exit
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet math-verify==0.9.0
