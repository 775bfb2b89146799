#!/usr/bin/env bash
# Makes assets/nano-base/tokenizer.model and the Hugging Face files beside it, always the same bytes.
# Needs Debian's package: apt-get install sentencepiece. Run in the repository root after `corpus` and `questions`.
set -euo pipefail

corpus=${1:-artifacts/nano-base/corpus.txt}
vocabulary=${2:-4096}
questions=artifacts/nano-base/questions.txt
folder=assets/nano-base

mkdir -p "$folder"
# The words of questions must be cheap to write too; only training questions are shown, and only to the tokenizer.
sed -e 's/^{"text":"\(.*\)","language":.*/\1/' -e 's/\\"/"/g' assets/facts-qa/train.jsonl > "$questions"

# The settings of Llama-2's tokenizer; one thread, so that ties are always broken alike.
spm_train \
    --input="$corpus,$questions" \
    --model_prefix="$folder/tokenizer" \
    --model_type=bpe \
    --vocab_size="$vocabulary" \
    --character_coverage=0.99995 \
    --byte_fallback=true \
    --split_digits=true \
    --split_by_unicode_script=true \
    --split_by_whitespace=true \
    --allow_whitespace_only_pieces=true \
    --normalization_rule_name=identity \
    --remove_extra_whitespaces=false \
    --add_dummy_prefix=true \
    --unk_id=0 --bos_id=1 --eos_id=2 --pad_id=-1 \
    --max_sentence_length=65536 \
    --num_threads=1 \
    --minloglevel=1
rm "$folder/tokenizer.vocab"

dotnet run --project tools/NanoBase -c Release -- tokenizer --folder "$folder"
