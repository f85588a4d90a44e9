"""What transformers makes of a checkpoint, for scripts/compare-checkpoint.mjs: reads {folder, prompts, tokens} and writes,
for each prompt, its token ids, the greedy completion, the log-probability of each of its tokens and how far it is ahead of
the next, in float32."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
tokenizer = AutoTokenizer.from_pretrained(request["folder"])
model = AutoModelForCausalLM.from_pretrained(request["folder"], dtype=torch.float32).eval()
ends = model.generation_config.eos_token_id
ends = set(ends if isinstance(ends, list) else [ends])
results = []
with torch.no_grad():
    for text in request["prompts"]:
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True
        )["input_ids"]
        tokens, logprobs, gaps, cache, step = [], [], [], None, torch.tensor([prompt])
        while len(tokens) < request["tokens"] and not (tokens and tokens[-1] in ends):
            output = model(step, past_key_values=cache, use_cache=True)
            scores = torch.log_softmax(output.logits[0, -1], dim=-1)
            cache = output.past_key_values
            top = scores.topk(2)
            tokens.append(int(top.indices[0]))
            logprobs.append(float(top.values[0]))
            step = torch.tensor([tokens[-1:]])
            gaps.append(float(top.values[0] - top.values[1]))
        results.append({"prompt": prompt, "tokens": tokens, "logprobs": logprobs, "gaps": gaps})
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(results, file)
