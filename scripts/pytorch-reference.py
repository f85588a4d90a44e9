"""Writes test/engines/pytorch: tiny random models as transformers saves them, with what PyTorch computes of
them in float64 (norms and angles in float32, as transformers has them).

  pip install torch==2.13.0 transformers==5.24.0 && python scripts/pytorch-reference.py [NAME…]

Without names it makes all models. Those whose expected.json names older releases have older forms of config.json, which
many checkpoints still have.

For each model: log-probabilities of a sequence at two temperatures, what greedy decoding gives, and the losses, gradient
norms and log-probabilities of three training steps on the clipped policy loss with a k3 penalty, AdamW and gradient clipping.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from transformers import Gemma2Config, Gemma2ForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, GenerationConfig
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM
from transformers import Qwen3Config, Qwen3ForCausalLM

ROOT = Path(__file__).parent.parent / "test/engines/pytorch"
TINY = dict(
    hidden_size=16,
    num_hidden_layers=2,
    intermediate_size=24,
    vocab_size=32,
    max_position_embeddings=512,
    bos_token_id=0,
    eos_token_id=1,
    # torch gives the embedding of a padding token no gradient from where it is read.
    pad_token_id=None,
)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64
)
MODELS = {
    # name: (class, config, type of the saved weights, largest shard)
    "llama": (
        LlamaForCausalLM,
        LlamaConfig(
            **TINY,
            num_attention_heads=4,
            num_key_value_heads=2,
            rms_norm_eps=1e-5,
            rope_theta=500000.0,
            rope_scaling=LLAMA3,
            tie_word_embeddings=True,
        ),
        torch.bfloat16,
        "4KB",
    ),
    "llama-biases": (
        LlamaForCausalLM,
        LlamaConfig(
            **TINY, num_attention_heads=4, num_key_value_heads=4, attention_bias=True, tie_word_embeddings=False
        ),
        torch.float32,
        "1GB",
    ),
    "qwen2": (
        Qwen2ForCausalLM,
        Qwen2Config(
            **TINY, num_attention_heads=4, num_key_value_heads=1, rope_theta=1000000.0, tie_word_embeddings=True
        ),
        torch.bfloat16,
        "1GB",
    ),
    "qwen3": (
        Qwen3ForCausalLM,
        Qwen3Config(
            **TINY,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            rope_theta=1000000.0,
            tie_word_embeddings=False,
        ),
        torch.float16,
        "6KB",
    ),
    "mistral": (
        MistralForCausalLM,
        MistralConfig(
            **TINY,
            num_attention_heads=4,
            num_key_value_heads=2,
            sliding_window=9,
            rope_parameters=dict(rope_type="dynamic", factor=2.0, rope_theta=10000.0),
        ),
        torch.bfloat16,
        "1GB",
    ),
    "qwen2-windows": (
        Qwen2ForCausalLM,
        Qwen2Config(
            **TINY,
            num_attention_heads=4,
            num_key_value_heads=2,
            use_sliding_window=True,
            sliding_window=5,
            max_window_layers=1,
            rope_parameters=dict(
                rope_type="yarn", factor=4.0, original_max_position_embeddings=128, rope_theta=1000000.0
            ),
            tie_word_embeddings=True,
        ),
        torch.bfloat16,
        "1GB",
    ),
    "gemma2": (
        Gemma2ForCausalLM,
        Gemma2Config(
            **TINY,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            query_pre_attn_scalar=12,
            sliding_window=11,
            attn_logit_softcapping=10.0,
            final_logit_softcapping=12.0,
        ),
        torch.bfloat16,
        "1GB",
    ),
    "gemma3": (
        Gemma3ForCausalLM,
        Gemma3TextConfig(
            **TINY | dict(num_hidden_layers=3),
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=8,
            query_pre_attn_scalar=8,
            sliding_window=6,
            sliding_window_pattern=3,
            rope_parameters=dict(
                full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1000000.0),
                sliding_attention=dict(rope_type="default", rope_theta=10000.0),
            ),
        ),
        torch.bfloat16,
        "1GB",
    ),
}
LR, BETAS, EPS, DECAY, CLIP, KL, MAX_NORM = 1e-2, (0.9, 0.99), 1e-8, 0.1, (0.2, 0.28), 0.05, 0.5


def logprobs(model, tokens, temperature=1.0):
    """log p(tokens[t + 1] | tokens[..t]) for each t."""
    row = torch.tensor([tokens])
    scores = torch.log_softmax(model(row).logits[0] / temperature, dim=-1)
    return scores[:-1].gather(1, row[0, 1:, None])[:, 0]


def samples_of(model, generator):
    """Three completions; what they were sampled with lies near what the model gives, so that some ratios clip."""
    made = []
    for prompt, completion in ((3, 5), (2, 7), (5, 4)):
        tokens = torch.randint(0, 32, (prompt + completion,), generator=generator).tolist()
        with torch.no_grad():
            now = logprobs(model, tokens, 0.8)[prompt - 1 :]
        made.append(
            dict(
                promptTokens=tokens[:prompt],
                completionTokens=tokens[prompt:],
                mask=[0 if t == 1 else 1 for t in range(completion)],
                samplingLogprobs=(now + 0.3 * torch.randn(completion, generator=generator).double()).float().tolist(),
                tokenAdvantages=torch.randn(completion, generator=generator).float().tolist(),
                temperature=0.8,
            )
        )
    return made


def train(model, samples):
    """Three steps on the same samples: the mean over trained tokens, as docs/algorithms.md defines the loss."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, betas=BETAS, eps=EPS, weight_decay=DECAY)
    scored = lambda s: logprobs(model, s["promptTokens"] + s["completionTokens"], s["temperature"])[
        len(s["promptTokens"]) - 1 :
    ]
    with torch.no_grad():
        reference = [scored(s) for s in samples]
    steps = []
    for _ in range(3):
        losses = []
        for sample, ref in zip(samples, reference):
            now = scored(sample)
            ratio = torch.exp(now - torch.tensor(sample["samplingLogprobs"]).double())
            advantage = torch.tensor(sample["tokenAdvantages"]).double()
            surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP[0], 1 + CLIP[1]) * advantage)
            k3 = torch.exp(ref - now) - (ref - now) - 1
            losses.append((-surrogate + KL * k3)[torch.tensor(sample["mask"]) == 1])
        loss = torch.cat(losses).mean()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        steps.append(dict(loss=loss.item(), gradientNorm=norm.item()))
    return steps


def rounded(value):
    """Floats to nine digits, which is what float32 can tell apart."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


def main():
    transformers.utils.logging.set_verbosity_error()
    wanted = sys.argv[1:] or list(MODELS)
    for seed, (name, (kind, config, dtype, shard)) in enumerate(MODELS.items()):
        if name not in wanted:
            continue
        shutil.rmtree(ROOT / name, ignore_errors=True)
        generator = torch.Generator().manual_seed(seed)
        model = kind(config)
        for weight in model.parameters():
            # Large enough that every part of the model matters.
            noise = torch.randn(weight.shape, generator=generator)
            offset = 0 if name.startswith("gemma") else 1
            weight.data = offset + 0.3 * noise if weight.dim() == 1 else 1.2 * noise / weight.shape[1] ** 0.5
        model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=[1, 2])
        folder = ROOT / name
        model.to(dtype).save_pretrained(folder, max_shard_size=shard)
        model = kind.from_pretrained(folder, torch_dtype=dtype, attn_implementation="eager").double().eval()
        tokens = torch.randint(0, 32, (300,), generator=generator).tolist()
        prompt = tokens[:6]
        with torch.no_grad():
            scores = {t: logprobs(model, tokens, float(t)).tolist() for t in ("1", "0.7")}
            greedy = model.generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False, pad_token_id=1)[
                0, 6:
            ].tolist()
        samples = samples_of(model, generator)
        settings = dict(lr=LR, betas=BETAS, eps=EPS, weightDecay=DECAY, clip=CLIP, kl=KL, maxGradNorm=MAX_NORM)
        steps = train(model, samples)
        with torch.no_grad():
            after = logprobs(model, tokens).tolist()
        expected = dict(
            madeBy=f"torch {torch.__version__}, transformers {transformers.__version__}",
            tokens=tokens,
            logprobs=scores,
            greedy=dict(prompt=prompt, completion=greedy),
            training=dict(settings=settings, samples=samples, steps=steps, logprobsAfter=after),
        )
        (folder / "expected.json").write_text(json.dumps(rounded(expected)) + "\n")
        print(name, sorted(path.name for path in folder.iterdir()))


main()
