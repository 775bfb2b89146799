#!/bin/sh
# Planned beside measured memory, one JSON object a configuration: sh bench/plan-memory.sh [cpu|cuda] > lines.jsonl
# On a GPU, measured is the most that the driver's pool had in use (peak_memory_gb) and held (peak_reserved_gb); the
# context, about 0.5 GB, is in neither, nor in what plan calls free. On a CPU it is the most that the process held, all
# of it.
set -u
program=${LORIKEET:-./lorikeet}

measure() {
    "$program" bench train "$@" --device "$device" --json | tr -d '\n'
    echo
}

device=${1:-cuda}
if [ "$device" = cpu ]; then
    measure --shape tinyllama-1.1b --quant nf4 --batch 2 --length 128 --steps 1
    measure --shape tinyllama-1.1b --batch 1 --length 1024 --steps 1
    measure --shape llama3.2-1b --batch 1 --length 256 --checkpointing true --steps 1
    measure --shape llama3.2-1b --targets full --optimized false --batch 1 --length 64 --steps 1
    exit
fi

measure --shape llama2-7b --batch 4 --length 1024 --steps 3
measure --shape llama2-7b --quant nf4 --batch 4 --length 1024 --dropout 0.1 --targets qv --rank 64 --steps 3
measure --shape llama2-7b --quant nf4 --batch 4 --length 1024 --checkpointing true --steps 3
measure --shape llama3-8b --quant nf4 --rank 32 --batch 1 --length 16384 --checkpointing true --steps 2
measure --shape llama3-8b --quant nf4 --rank 32 --batch 1 --length 81920 --checkpointing true \
    --activation_offloading --steps 2
measure --shape llama3-8b --quant nf4 --batch 2 --length 2048 --checkpointing auto --memory_limit 12 --steps 3
measure --shape llama2-13b --quant nf4 --batch 2 --length 1024 --offload_layers 20 --checkpointing true --steps 3
measure --shape llama3.2-1b --batch 8 --length 512 --steps 3
measure --shape tinyllama-1.1b --targets full --optimized false --batch 4 --length 512 --steps 3
measure --shape tinyllama-1.1b --targets full --optimized false --batch 4 --length 512 --checkpointing true --steps 3
