#!/bin/sh
# Installs Confluent's client for Python, for the tests that need it, in a virtual environment outside the clone.
set -e
folder="$HOME/.cache/rlsd-streams/kafka-python"
"$folder/bin/python" -c 'import confluent_kafka.schema_registry.avro' 2>/dev/null && exit
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet 'confluent-kafka[avro,schemaregistry]==2.16.1'
