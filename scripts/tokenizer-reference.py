"""Writes test/models/tokenizers: small tokenizers built as those of each family are, with the ids that Hugging Face's
tokenizers gives to texts.

  pip install tokenizers==0.23.3 && python scripts/tokenizer-reference.py

The vocabularies are trained on a guide of this repository. scripts/compare-tokenizers.mjs compares whole tokenizers.
"""

import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

ROOT = Path(__file__).parent.parent
OUT = ROOT / "test/models/tokenizers"
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = [
    "The engine samples, scores and trains.",
    "  two  spaces   three\n\n\nlines \n\t tabs\r\n",
    "12345 3.14 2024-11-30 ½ Ⅷ ٣٤ 二 1,000,000",
    "don't I'LL we'Ve IT'S they'ſ 'tis",
    "fooBar HTTPServer x_1 a+b==c; return {k: [1, 2]}",
    "naïve Straße œuvre ﬁn e\u0301 ñ か\u3099 각 İ ǅ",
    "你好，世界。 Привет мир! مرحبا שלום नमस्ते",
    "👩‍👩‍👧 🏳️‍🌈 👍🏽 🇵🇹 𝔸",
    "\u00a0no\u3000break\u2028line\u200bzeromark\u0085next\x00\x07",
    "<s>not</s> <unk> <|end|> <|end|><|end|> x<|end|>y <|en d|>",
    "▁low ▁ Ġbyte Ġ <0x41> <0xE2>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + " " * 17 + "b",
    " ",
    "\n",
    "'",
]

# White space in Unicode alone, and in JavaScript alone. Byte fallback in JavaScript leaves the second out of decoded text
# where it is no token.
BYTE_LEVEL_TEXTS = ["a\u0085\r\n\u0085 b", "a \ufeff b\r\n\ufeff  c"]


def byte_level(split, digits=None, normalizer=None, **bpe):
    tokenizer = Tokenizer(models.BPE(**bpe))
    if normalizer:
        tokenizer.normalizer = normalizer
    first = digits or pre_tokenizers.Split(Regex(split), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [first, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=digits is not None)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, dict(
        vocab_size=360, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|end|>"]
    )


def byte_fallback(normalizer, split, decoder):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizer
    if split:
        tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *decoder]
    )
    specials = ["<unk>", "<s>", "</s>", "<|end|>"]
    specials += [f"<0x{byte:02X}>" for byte in range(256)]
    return tokenizer, dict(vocab_size=420, limit_alphabet=60, special_tokens=specials)


FAMILIES = {
    "llama2": byte_fallback(
        normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
        None,
        [decoders.Strip(" ", 1, 0)],
    ),
    "llama3": byte_level(WORDS % "{1,3}", ignore_merges=True),
    "smollm2": byte_level("", pre_tokenizers.Digits(individual_digits=True)),
    "qwen": byte_level(WORDS % "", normalizer=normalizers.NFC()),
    "gemma": byte_fallback(
        normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"), []
    ),
}


def main():
    OUT.mkdir(exist_ok=True)
    guide = (ROOT / "docs/engines.md").read_text(encoding="utf-8")
    # In lines: without a pre-tokenizer the whole text would be one word.
    lines = [word for line in guide.splitlines() for word in line.split("  ")]
    # Merges that show where words end.
    lines += ["a ° ± · ¡ ¿ § ¶ « a\r\n\r\n"] * 200
    for name, (tokenizer, settings) in FAMILIES.items():
        tokenizer.train_from_iterator(lines, trainers.BpeTrainer(**settings, show_progress=False))
        definition = json.loads(tokenizer.to_str())
        definition["added_tokens"] = [
            token for token in definition["added_tokens"] if not token["content"].startswith("<0x")
        ]
        tokenizer = Tokenizer.from_str(json.dumps(definition))
        texts = TEXTS + ([] if definition["model"]["byte_fallback"] else BYTE_LEVEL_TEXTS)
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        cases = [
            dict(text=text, ids=row, decoded=tokenizer.decode(row, skip_special_tokens=False))
            for text, row in zip(texts, ids)
        ]
        content = json.dumps(dict(definition=definition, cases=cases), ensure_ascii=False)
        (OUT / f"{name}.json").write_text(content + "\n", encoding="utf-8")
        print(name, len(definition["model"]["vocab"]), len(content))


main()
