#!/bin/sh
# Installs the programs that exported metrics are read with, for the tests that need them, outside the clone.
set -e
folder="$HOME/.cache/rlsd-streams/trackers"
"$folder/bin/python" -c 'import mlflow, tensorboard, wandb' 2>/dev/null && exit
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet mlflow-skinny==3.17.2 'setuptools<81' tensorboard==2.21.0 wandb==0.31.0
