"""What transformers makes of a checkpoint, for scripts/compare-checkpoint.mjs: reads {folder, prompts, tokens} and writes,
for each prompt, its token ids, the greedy completion, the log-probability of each of its tokens and how far it is ahead of
the next, in float32."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

BATCH = 25

with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
tokenizer = AutoTokenizer.from_pretrained(request["folder"], padding_side="left")
model = AutoModelForCausalLM.from_pretrained(request["folder"], dtype=torch.float32).eval()
ends = model.generation_config.eos_token_id
ends = ends if isinstance(ends, list) else [ends]
settings = GenerationConfig(
    do_sample=False, max_new_tokens=request["tokens"], eos_token_id=ends, pad_token_id=ends[0], bos_token_id=None
)
prompts = [
    tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True
    )["input_ids"]
    for text in request["prompts"]
]
results = []
for first in range(0, len(prompts), BATCH):
    batch = prompts[first : first + BATCH]
    width = max(map(len, batch))
    ids = torch.tensor([[ends[0]] * (width - len(row)) + row for row in batch])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in batch])
    with torch.no_grad():
        made = model.generate(
            ids,
            attention_mask=mask,
            generation_config=settings,
            return_dict_in_generate=True,
            output_logits=True,
        )
    tops = [torch.log_softmax(step, dim=-1).topk(2) for step in made.logits]
    for i, prompt in enumerate(batch):
        tokens = made.sequences[i, width:].tolist()
        stop = next((t + 1 for t, token in enumerate(tokens) if token in ends), len(tokens))
        results.append(
            {
                "prompt": prompt,
                "tokens": tokens[:stop],
                "logprobs": [float(top.values[i, 0]) for top in tops[:stop]],
                "gaps": [float(top.values[i, 0] - top.values[i, 1]) for top in tops[:stop]],
            }
        )
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(results, file)
