"""Writes test/engines/peft: adapters as PEFT saves them over models of test/engines/pytorch, with what it computes in
float64.

  pip install torch==2.13.0 transformers==5.24.0 peft==0.21.2 numpy && python scripts/peft-reference.py

For each adapter: log-probabilities of a sequence, gradients of the first and losses and gradient norms of three training
steps on the clipped policy loss with AdamW and gradient clipping, and the adapter after them.

  python scripts/peft-reference.py BASE ADAPTER TOKENS

prints the log-probabilities that PEFT gives a sequence, a JSON list of ids, under an adapter made elsewhere.
"""

import json
import shutil
import sys
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

TESTS = Path(__file__).parent.parent / "test/engines"
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTERS = {
    # name: (base, settings)
    "all": ("llama-biases", dict(r=3, lora_alpha=6, target_modules=ALL)),
    "rslora": ("qwen3", dict(r=4, lora_alpha=2, use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"])),
}
LR, BETAS, EPS, DECAY, CLIP, MAX_NORM = 1e-2, (0.9, 0.99), 1e-8, 0.1, (0.2, 0.28), 0.5


def base_model(name):
    return AutoModelForCausalLM.from_pretrained(name, dtype=torch.float64).eval()


def logprobs(model, tokens):
    """log p(tokens[t + 1] | tokens[..t]) for each t."""
    row = torch.tensor([tokens])
    scores = torch.log_softmax(model(row).logits[0], dim=-1)
    return scores[:-1].gather(1, row[0, 1:, None])[:, 0]


def train(model, samples):
    """Three steps on the same samples of the clipped policy loss, the mean over all tokens."""
    named = {n.replace(".default", ""): p for n, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(named.values(), lr=LR, betas=BETAS, eps=EPS, weight_decay=DECAY)
    steps, first = [], {}
    for _ in range(3):
        losses = []
        for s in samples:
            now = logprobs(model, s["promptTokens"] + s["completionTokens"])[len(s["promptTokens"]) - 1 :]
            ratio = torch.exp(now - torch.tensor(s["samplingLogprobs"]).double())
            advantage = torch.tensor(s["tokenAdvantages"]).double()
            losses.append(-torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP[0], 1 + CLIP[1]) * advantage))
        loss = torch.cat(losses).mean()
        optimizer.zero_grad()
        loss.backward()
        first = first or {name: p.grad.float().clone() for name, p in named.items()}
        norm = torch.nn.utils.clip_grad_norm_(named.values(), MAX_NORM)
        optimizer.step()
        steps.append(dict(loss=loss.item(), gradientNorm=norm.item()))
    return steps, first, {name: p.detach().float() for name, p in named.items()}


def main():
    shutil.rmtree(TESTS / "peft", ignore_errors=True)
    for seed, (name, (base, settings)) in enumerate(ADAPTERS.items()):
        generator = torch.Generator().manual_seed(seed)
        folder = TESTS / "peft" / name
        model = get_peft_model(base_model(TESTS / "pytorch" / base), LoraConfig(task_type="CAUSAL_LM", **settings))
        for weight in model.parameters():
            if weight.requires_grad:
                # Large enough that every part of the adapter matters; of float32, as it is saved.
                noise = torch.randn(weight.shape, generator=generator)
                weight.data = (0.5 * noise / weight.shape[1] ** 0.5).double()
        model.peft_config["default"].base_model_name_or_path = base
        model.to(torch.float32).save_pretrained(folder)
        (folder / "README.md").unlink()
        model.to(torch.float64)
        tokens = torch.randint(0, 32, (100,), generator=generator).tolist()
        samples = []
        with torch.no_grad():
            scores = logprobs(model, tokens).tolist()
            for prompt, completion in ((3, 5), (2, 7), (5, 4)):
                row = torch.randint(0, 32, (prompt + completion,), generator=generator).tolist()
                samples.append(
                    dict(
                        promptTokens=row[:prompt],
                        completionTokens=row[prompt:],
                        samplingLogprobs=logprobs(model, row)[prompt - 1 :].float().tolist(),
                        tokenAdvantages=torch.randn(completion, generator=generator).float().tolist(),
                    )
                )
        steps, gradients, after = train(model, samples)
        with torch.no_grad():
            scores_after = logprobs(model, tokens).tolist()
        save_file(gradients, folder / "gradients.safetensors")
        save_file(after, folder / "after.safetensors")
        expected = dict(
            madeBy=f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}",
            base=base,
            tokens=tokens,
            logprobs=scores,
            settings=dict(lr=LR, betas=BETAS, eps=EPS, weightDecay=DECAY, maxGradNorm=MAX_NORM),
            samples=samples,
            steps=steps,
            logprobsAfter=scores_after,
        )
        (folder / "expected.json").write_text(json.dumps(expected) + "\n")
        print(name, sorted(path.name for path in folder.iterdir()))


if len(sys.argv) > 1:
    base, adapter, tokens = sys.argv[1:]
    with torch.no_grad():
        print(json.dumps(logprobs(PeftModel.from_pretrained(base_model(base), adapter), json.loads(tokens)).tolist()))
else:
    main()
