"""Small tokenizers built as those of well-known models are, and what the tokenizers library makes of random text.

    npm install tokenizers@0.23.2 && python3 make.py

Vocabularies are learned from assets/facts, so that nothing of the models themselves is in the repository.
"""
import gzip
import json
import random
import re
import subprocess
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[3] / "assets" / "facts-qa" / "train.jsonl"
NODE = """
const {Tokenizer} = require('tokenizers'); const fs = require('fs');
(async () => {
  const tokenizer = Tokenizer.fromFile(process.argv[1]);
  for (const line of fs.readFileSync(process.argv[2], 'utf8').trim().split('\\n')) {
    const text = JSON.parse(line);
    const whole = await tokenizer.encode(text, null, {addSpecialTokens: true});
    const plain = await tokenizer.encode(text, null, {addSpecialTokens: false});
    console.log(JSON.stringify({text, ids: whole.getIds(), ids_plain: plain.getIds(), offsets: plain.getOffsets(),
      decoded: await tokenizer.decode(plain.getIds(), false), decoded_skip: await tokenizer.decode(plain.getIds(), true)}));
  }
})();
"""
# GPT-2's split of words, close enough to learn merges from.
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+(?!\S)|\s+")


def byte_letters():
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def learn(words, count):
    """Merges by the most frequent pair, ties by text."""
    words = {word: (list(word), number) for word, number in words.items()}
    merges = []
    for _ in range(count):
        pairs = Counter()
        for symbols, number in words.values():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += number
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(list(best))
        for symbols, _ in words.values():
            i = 0
            while i + 1 < len(symbols):
                if (symbols[i], symbols[i + 1]) == best:
                    symbols[i:i + 2] = ["".join(best)]
                i += 1
    return merges


def added(contents, first=0, **more):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return [{"id": first + i, "content": content, **flags, **more} for i, content in enumerate(contents)]


def tokenizer(**parts):
    empty = dict.fromkeys(["truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"])
    return {"version": "1.0", **empty, **parts}


def model(vocabulary, merges, **more):
    settings = {"dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                "fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return {"type": "BPE", **settings, **more, "vocab": {token: i for i, token in enumerate(vocabulary)}, "merges": merges}


def byte_level(text, pre_tokenizer, special):
    letters = byte_letters()
    words = Counter("".join(letters[byte] for byte in word.encode()) for word in WORDS.findall(text))
    merges = learn(words, 500)
    vocabulary = [*special, *sorted(letters.values()), *("".join(merge) for merge in merges)]
    levels = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return tokenizer(
        added_tokens=added(special), pre_tokenizer=pre_tokenizer(levels), post_processor=levels, decoder=levels,
        model=model(vocabulary, merges))


def gemma(text):
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    runs = ["\n" * n for n in range(2, 8)] + ["▁" * n for n in range(2, 8)] + ["<table>", "<h1>"]
    words = Counter(re.findall(r"[^ ]+ ?| ", text))
    merges = learn(Counter({word.replace(" ", "▁"): number for word, number in words.items()}), 500)
    merges += [[("▁" * n), "▁"] for n in range(1, 7)] + [[("\n" * n), "\n"] for n in range(1, 7)]
    letters = sorted(set(text.replace(" ", "▁")) | {"▁", "\n"})
    pieces = ["".join(merge) for merge in merges]
    vocabulary = list(dict.fromkeys([*special, *runs, *(f"<0x{byte:02X}>" for byte in range(256)), *letters, *pieces]))
    bos = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    return tokenizer(
        added_tokens=added(special) + added(runs, len(special), special=False),
        normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        post_processor={"type": "TemplateProcessing", "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
                        "pair": [bos, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                        "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}},
        decoder={"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
        model=model(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))


def strings(text, special, seed):
    draw = random.Random(seed)
    ranges = [(0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x6FF), (0x900, 0xDFF), (0x1E00, 0x1EFF),
              (0x2000, 0x206F), (0x2100, 0x2BFF), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF),
              (0x10000, 0x1FFFF), (0, 0x1F)]
    fixed = [" ", "  ", "\n", "\n\n", "\t", "   \n ", "\r\n", "\u00a0", "don't", "I'LL", "1234567", "3.14", "½", "...", "👨‍👩‍👧",
             "e\u0301", "ﬁ", "▁", "<0x41>", *special]

    def part():
        kind = draw.random()
        if kind < 0.3:
            first, last = draw.choice(ranges)
            return "".join(chr(draw.randint(first, last)) for _ in range(draw.randint(1, 6)))
        if kind < 0.7:
            start = draw.randrange(len(text))
            return text[start:start + draw.randint(1, 25)]
        return draw.choice(fixed)

    return ["", *fixed, *("".join(part() for _ in range(draw.randint(1, 9))) for _ in range(500))]


def main():
    rows = [json.loads(line) for line in CORPUS.read_text().splitlines()[:1500]]
    text = "\n".join(row["text"] for row in rows)
    digits = {"type": "Digits", "individual_digits": True}
    kinds = {
        "gpt2": byte_level(text, lambda levels: levels, ["<|endoftext|>"]),
        "smollm": byte_level(
            text, lambda levels: {"type": "Sequence", "pretokenizers": [digits, levels]},
            ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>"]),
        "gemma": gemma(text),
    }
    for seed, (name, definition) in enumerate(kinds.items()):
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_text(json.dumps(definition, ensure_ascii=False))
        cases = HERE / "strings.txt"
        special = [token["content"] for token in definition["added_tokens"]]
        cases.write_text("".join(json.dumps(case) + "\n" for case in strings(text, special, seed)))
        lines = subprocess.run(
            ["node", "-e", NODE, folder / "tokenizer.json", cases], capture_output=True, text=True, check=True).stdout
        cases.unlink()
        with gzip.GzipFile(HERE.parent / f"{name}_kind.tokenizer_json.jsonl.gz", "wb", mtime=0) as file:
            file.write(lines.encode())


if __name__ == "__main__":
    main()
