"""Ids and decoded texts by Hugging Face's tokenizers, for scripts/compare-tokenizers.mjs: reads {folder, texts}, writes
[[ids, decoded], …]."""

import json
import sys

from tokenizers import Tokenizer

with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
tokenizer = Tokenizer.from_file(request["folder"] + "/tokenizer.json")
encoded = [one.ids for one in tokenizer.encode_batch(request["texts"], add_special_tokens=False)]
decoded = tokenizer.decode_batch(encoded, skip_special_tokens=False)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(list(zip(encoded, decoded)), file)
