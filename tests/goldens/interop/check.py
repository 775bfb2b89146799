"""What PEFT and transformers make of Lorikeet's files, and reference figures of PEFT's rarer variants.

    OUT=folder python3 check.py

reads the folders beside this file (models, adapters, merged, quantized, trainer; those that are missing are left out)
and writes $OUT/results.json, and under $OUT/goldens what belongs into tests/goldens. Float32 on the CPU, seeded.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", WANDB_DISABLED="true")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, get_cosine_schedule_with_warmup

HERE = Path(__file__).resolve().parent
OUT = Path(os.environ["OUT"])
GOLDENS = OUT / "goldens"
RESULTS = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}}
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
STEPS, ACCUMULATION, ROWS, LENGTH = 24, 2, 2, 40


def load_base(name, rounded=False):
    model = AutoModelForCausalLM.from_pretrained(HERE / "models" / name, dtype=torch.float32, attn_implementation="eager")
    return (model.to(torch.bfloat16).float() if rounded else model).eval()


def inputs():
    generator = torch.Generator().manual_seed(20261125)
    ids = torch.randint(3, 320, (2, 48), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, -11:] = 0
    labels = ids.clone()
    labels[:, :10] = -100
    return ids, mask, labels.masked_fill(mask == 0, -100)


@torch.no_grad()
def outputs(model, continuations=True):
    """The tensors that `lorikeet verify --against` reads."""
    model.eval()
    device = next(model.parameters()).device
    ids, mask, labels = inputs()
    logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits.float().cpu()
    loss = cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100)
    result = {"input_ids": ids, "attention_mask": mask, "labels": labels, "logits": logits, "loss": loss.reshape(1)}
    if continuations:
        prompt = ids[:1, :12].to(device)
        options = dict(do_sample=False, pad_token_id=0, attention_mask=torch.ones_like(prompt))
        result["greedy"] = model.generate(prompt, max_new_tokens=24, **options).cpu()
        result["beam3"] = model.generate(prompt, max_new_tokens=16, num_beams=3, **options).cpu()
        pad = torch.tensor([[0] * 5 + ids[0, :7].tolist()], device=device)
        both = torch.cat([prompt, pad])
        result["batched_leftpad_greedy"] = model.generate(
            both, attention_mask=(torch.arange(12, device=device) >= torch.tensor([[0], [5]], device=device)).long(),
            max_new_tokens=16, do_sample=False, pad_token_id=0).cpu()
    return {name: value.contiguous() for name, value in result.items()}


def write(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, path)


def describe(folder):
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                part = file.get_slice(name)
                found[name] = [str(part.get_dtype()), part.get_shape()]
            found["__metadata__"] = file.metadata()
    return found


def difference(ours, theirs):
    return {
        "only_ours": sorted(ours.keys() - theirs.keys()),
        "only_theirs": sorted(theirs.keys() - ours.keys()),
        "unlike": {name: [ours[name], theirs[name]] for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]},
    }


@contextlib.contextmanager
def section(name):
    """One part; when it fails the others go on."""
    result = RESULTS.setdefault(name, {})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield result
            result["ok"] = True
        except Exception:
            result["ok"] = False
            result["error"] = traceback.format_exc()
    result["warnings"] = sorted({str(warning.message)[:300] for warning in caught})
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "results.json").write_text(json.dumps(RESULTS, indent=1, default=str))
    print(name, "ok" if result["ok"] else "FAILED\n" + result["error"], flush=True)


def check_adapter(folder):
    name = folder.parent.name
    with section(f"adapter {name}") as result:
        config = json.loads((folder / "adapter_config.json").read_text())
        model = PeftModel.from_pretrained(load_base(config["base_model_name_or_path"]), folder).eval()
        expected = outputs(model)
        write(GOLDENS / "interop" / name / "expected.safetensors", expected)
        with tempfile.TemporaryDirectory() as again:
            model.save_pretrained(again)
            result["files"] = difference(describe(folder), describe(Path(again)))
            saved = json.loads((Path(again) / "adapter_config.json").read_text())
            result["config"] = difference(config, saved)
        merged = model.merge_and_unload()
        result["merged_logits"] = float((outputs(merged, False)["logits"] - expected["logits"]).abs().max())


def check_model(folder):
    with section(f"merged {folder.name}") as result:
        model, info = AutoModelForCausalLM.from_pretrained(
            folder, dtype="auto", attn_implementation="eager", output_loading_info=True)
        result["dtype"] = str(model.dtype)
        result["info"] = {key: sorted(map(str, value)) for key, value in info.items() if value}
        write(GOLDENS / "interop_merged" / folder.name / "expected.safetensors", outputs(model.float()))
        with tempfile.TemporaryDirectory() as again:
            AutoModelForCausalLM.from_pretrained(folder, dtype="auto").save_pretrained(again)
            result["files"] = difference(describe(folder), describe(Path(again)))
            result["config"] = difference(
                json.loads((folder / "config.json").read_text()), json.loads((Path(again) / "config.json").read_text()))
        adapter = HERE / folder.name / "adapter"
        if adapter.is_dir() and model.dtype == torch.float32:
            config = json.loads((adapter / "adapter_config.json").read_text())
            theirs = PeftModel.from_pretrained(load_base(config["base_model_name_or_path"]), adapter).merge_and_unload()
            mine, state = model.state_dict(), theirs.state_dict()
            result["weights_from_peft"] = {
                key: float((mine[key].float() - state[key].float()).abs().max()) for key in mine.keys() & state.keys()}
            result["largest"] = max(result["weights_from_peft"].values())


def check_quantized(folder):
    with section(f"quantized {folder.name}") as result:
        import bitsandbytes
        result["bitsandbytes"] = bitsandbytes.__version__
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model, info = AutoModelForCausalLM.from_pretrained(folder, device_map=device, output_loading_info=True)
        result["device"] = device
        result["info"] = {key: sorted(map(str, value)) for key, value in info.items() if value}
        write(GOLDENS / "interop_quantized" / folder.name / "expected.safetensors", outputs(model, False))
        ours = json.loads((folder / "config.json").read_text())["quantization_config"]
        settings = transformers.BitsAndBytesConfig.from_dict(
            {key: value for key, value in ours.items() if key not in ("quant_method", "_load_in_4bit", "_load_in_8bit")})
        base = json.loads((folder / "base.json").read_text())
        theirs = AutoModelForCausalLM.from_pretrained(
            HERE / "models" / base, device_map=device, quantization_config=settings, dtype=model.dtype)
        with tempfile.TemporaryDirectory() as again:
            theirs.save_pretrained(again)
            result["files"] = difference(describe(folder), describe(Path(again)))
            result["config"] = difference(
                ours, json.loads((Path(again) / "config.json").read_text())["quantization_config"])
            mine, other = load_file(folder / "model.safetensors"), load_file(Path(again) / "model.safetensors")
            result["bytes_that_differ"] = {
                key: int((mine[key].reshape(-1).view(torch.uint8) != other[key].reshape(-1).view(torch.uint8)).sum())
                for key in mine.keys() & other.keys() if mine[key].shape == other[key].shape
                and mine[key].dtype == other[key].dtype and not torch.equal(mine[key], other[key])}


def check_tokenizer(folder):
    with section(f"tokenizer {folder.name}") as result:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        rows = json.loads((folder / "ours.json").read_text())
        result["class"], result["cases"] = type(tokenizer).__name__, len(rows)
        result["unlike"] = [
            [row["text"], row["ids"], ids] for row in rows if (ids := tokenizer(row["text"])["input_ids"]) != row["ids"]]
        if tokenizer.chat_template:
            result["chat"] = tokenizer.apply_chat_template(
                [{"role": "user", "content": "What is LoRA?"}], tokenize=False, add_generation_prompt=True)


# ---- transformers.Trainer -------------------------------------------------------------------------------------------

def trainer_rows():
    rows = load_file(HERE / "trainer" / "dataset.safetensors")
    return [{"input_ids": rows[str(i)].tolist(), "labels": rows[str(i)].tolist()} for i in range(len(rows))]


def collate(rows):
    longest = max(len(row["input_ids"]) for row in rows)

    def padded(key, value):
        return torch.tensor([list(row[key]) + [value] * (longest - len(row[key])) for row in rows])

    mask = [[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows]
    return {"input_ids": padded("input_ids", 0), "labels": padded("labels", -100), "attention_mask": torch.tensor(mask)}


def run_trainer(result, name, resume=None, keep=None, **more):
    output = Path(tempfile.mkdtemp())
    options = dict(
        output_dir=str(output), per_device_train_batch_size=4, gradient_accumulation_steps=2, num_train_epochs=2,
        learning_rate=2e-3, weight_decay=1e-3, max_grad_norm=0.3, lr_scheduler_type="cosine", warmup_steps=2, seed=42,
        logging_steps=1, save_steps=5, report_to=[], optim="adamw_torch", use_cpu=True, disable_tqdm=True) | more
    model = PeftModel.from_pretrained(load_base("gqa", rounded=True), HERE / "trainer" / "initial", is_trainable=True)
    trainer = transformers.Trainer(
        model=model, args=transformers.TrainingArguments(**options), train_dataset=trainer_rows(), data_collator=collate)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    target = GOLDENS / "trainer_continued" / name
    target.mkdir(parents=True, exist_ok=True)
    (target / "log_history.json").write_text(json.dumps(trainer.state.log_history, indent=1))
    model.save_pretrained(target / "final")
    if keep:
        shutil.copytree(output / f"checkpoint-{keep}", target / f"checkpoint-{keep}")
    result[name] = [entry.get("loss") for entry in trainer.state.log_history]
    shutil.rmtree(output)


def check_trainer():
    checkpoints = sorted((HERE / "trainer").glob("checkpoint-*"))
    for folder in checkpoints:
        with section(f"torch.load {folder.name}") as result:
            for file in ("optimizer.pt", "scheduler.pt"):
                state = torch.load(folder / file, weights_only=True)
                result[file] = str({key: type(value).__name__ for key, value in state.items()})
            state = torch.load(folder / "optimizer.pt", weights_only=True)
            result["entries"] = {
                key: [str(value.dtype), list(value.shape)] if torch.is_tensor(value) else repr(value)
                for key, value in state["state"][0].items()}
            result["group"] = {key: repr(value)[:60] for key, value in state["param_groups"][0].items()}
    with section("Trainer uninterrupted") as result:
        run_trainer(result, "uninterrupted", keep=5)
    for folder in checkpoints:
        if "bnb" not in folder.name:
            with section(f"Trainer from {folder.name}") as result:
                run_trainer(result, f"from_{folder.name}", resume=folder)
    by_length = ({"group_by_length": True} if "group_by_length" in transformers.TrainingArguments.__dataclass_fields__
                 else {"train_sampling_strategy": "group_by_length"})
    for name, more in (
        ("by_length", by_length),
        ("linear_half", dict(lr_scheduler_type="linear", warmup_steps=0, max_steps=7, weight_decay=0.1, adam_beta2=0.99)),
    ):
        with section(f"Trainer {name}") as result:
            run_trainer(result, name, **more)
    if torch.cuda.is_available():
        for optimizer in ("paged_adamw_32bit", "adamw_bnb_8bit"):
            with section(f"Trainer {optimizer}") as result:
                run_trainer(result, optimizer, keep=5, optim=optimizer, use_cpu=False)
        for folder in checkpoints:
            if "bnb" in folder.name:
                with section(f"Trainer from {folder.name}") as result:
                    optimizer = "paged_adamw_32bit" if "32" in folder.name else "adamw_bnb_8bit"
                    run_trainer(result, f"from_{folder.name}", resume=folder, optim=optimizer, use_cpu=False)


# ---- reference figures ----------------------------------------------------------------------------------------------

def batches(seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, 320, (STEPS * ACCUMULATION, ROWS, LENGTH), generator=generator)
    labels = ids.clone()
    for micro in range(labels.shape[0]):
        for row in range(ROWS):
            labels[micro, row, : int(torch.randint(3, 20, (1,), generator=generator))] = -100
    return ids, labels


def lora_case(name, base, seed, optimizer=None, perturb=True, **config):
    with section(f"lora {name}") as result:
        torch.manual_seed(seed)
        folder = GOLDENS / "lora" / name
        folder.mkdir(parents=True, exist_ok=True)
        original = load_base(base)
        before = {key: value.clone() for key, value in original.state_dict().items()}
        model = get_peft_model(original, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **config))
        if perturb:
            with torch.no_grad():
                for key, value in model.named_parameters():
                    if value.requires_grad and any(part in key for part in ("lora_B", "lora_embedding_A")):
                        value.normal_(0, 0.02)
        versions = {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__}
        case = {"base": base, **versions, **config}
        (folder / "case.json").write_text(json.dumps(case | ({"optimizer": optimizer} if optimizer else {}), indent=1))
        model.save_pretrained(folder / "initial", save_embedding_layers=False)
        changed = {
            key: value for key, value in model.state_dict().items()
            if key.endswith("base_layer.weight") and not torch.equal(value, before[plain(key)])}
        result["base_weights_changed_by_init"] = len(changed)
        result["unchanged_by_init"] = float((outputs(model, False)["logits"] - outputs(load_base(base), False)["logits"]).abs().max())
        write(folder / "expected_initial.safetensors", outputs(model))
        train(model, folder, seed, optimizer)
        model.save_pretrained(folder / "final", save_embedding_layers=False)
        final = outputs(model)
        write(folder / "expected_final.safetensors", final)
        again = PeftModel.from_pretrained(load_base(base), folder / "final")
        result["logits_after_reload"] = float((outputs(again, False)["logits"] - final["logits"]).abs().max())
        merged = model.merge_and_unload()
        result["logits_after_merge"] = float((outputs(merged, False)["logits"] - final["logits"]).abs().max())
        write(folder / "merged_layer1.safetensors", {
            key: value for key, value in merged.state_dict().items()
            if ".layers.1." in key or key.startswith("lm_head") or "embed_tokens" in key and "embed" in name})


def plain(key):
    return key.removeprefix("base_model.model.").replace(".base_layer", "")


def train(model, folder, seed, optimizer_settings):
    ids, labels = batches(seed)
    write(folder / "batches.safetensors", {"input_ids": ids, "labels": labels})
    settings = dict(lr=2e-3, betas=(0.9, 0.999), eps=1e-8)
    trained = [(key, value) for key, value in model.named_parameters() if value.requires_grad]
    if optimizer_settings:
        optimizer = create_loraplus_optimizer(
            model=model, optimizer_cls=torch.optim.AdamW, loraplus_weight_decay=1e-3, **settings, **optimizer_settings)
    else:
        optimizer = torch.optim.AdamW([value for _, value in trained], weight_decay=1e-3, **settings)
    schedule = get_cosine_schedule_with_warmup(optimizer, 3, STEPS)
    log = []
    model.train()
    for step in range(STEPS):
        micro = range(step * ACCUMULATION, (step + 1) * ACCUMULATION)
        targets = sum(int((labels[i][:, 1:] != -100).sum()) for i in micro)
        loss = 0.0
        for i in micro:
            logits = model(input_ids=ids[i]).logits
            part = cross_entropy(
                logits[:, :-1].reshape(-1, logits.shape[-1]), labels[i][:, 1:].reshape(-1), ignore_index=-100,
                reduction="sum") / targets
            part.backward()
            loss += float(part)
        if step == 0:
            write(folder / "first_step_grads.safetensors", {key: value.grad for key, value in trained})
        norm = float(torch.nn.utils.clip_grad_norm_([value for _, value in trained], 0.3))
        log.append({"step": step + 1, "loss": loss, "grad_norm": norm, "lr": schedule.get_last_lr()[0]})
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    (folder / "trajectory.json").write_text(json.dumps({
        "steps": STEPS, "accumulation": ACCUMULATION, "lr": 2e-3, "weight_decay": 1e-3, "betas": [0.9, 0.999],
        "eps": 1e-8, "max_grad_norm": 0.3, "scheduler": "cosine", "warmup_steps": 3, **(optimizer_settings or {}),
        "log": log}, indent=1))


def reference_cases():
    lora_case("embedding", "headdim", 101, r=4, lora_alpha=6, target_modules=["embed_tokens", "q_proj", "v_proj"])
    lora_case("embedding_tied", "mqa_tied_bias", 102, r=4, lora_alpha=8, target_modules=["embed_tokens", "q_proj"])
    lora_case("embedding_dora", "llama2", 103, r=4, lora_alpha=8, target_modules=["embed_tokens", "v_proj"], use_dora=True)
    lora_case("lora_bias", "qwen2", 104, r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], lora_bias=True)
    lora_case("bias_all", "mqa_tied_bias", 105, r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], bias="all")
    lora_case("head", "llama3", 106, r=8, lora_alpha=8, target_modules=["lm_head", "o_proj"])
    lora_case("dora_rslora", "qwen3", 107, r=8, lora_alpha=8, target_modules=LINEAR, use_dora=True, use_rslora=True)
    lora_case("olora", "qwen2", 108, perturb=False, r=8, lora_alpha=16, target_modules=LINEAR, init_lora_weights="olora")
    lora_case("olora_rslora", "headdim", 109, perturb=False, r=4, lora_alpha=4, target_modules=LINEAR, init_lora_weights="olora",
              use_rslora=True)
    lora_case("orthogonal", "llama2", 110, perturb=False, r=8, lora_alpha=16, target_modules=LINEAR,
              init_lora_weights="orthogonal")
    lora_case("pissa_llama2", "llama2", 111, perturb=False, r=8, lora_alpha=16, target_modules=LINEAR, init_lora_weights="pissa")
    lora_case("loraplus", "llama2", 112, r=8, lora_alpha=16, target_modules=LINEAR, modules_to_save=["lm_head"],
              optimizer={"loraplus_lr_ratio": 4.0})
    lora_case("loraplus_embedding", "headdim", 113, r=4, lora_alpha=8, target_modules=["embed_tokens", "q_proj"],
              optimizer={"loraplus_lr_ratio": 4.0, "loraplus_lr_embedding": 1e-4})


def conversions():
    """An adapter whose base gave up a part, saved as plain LoRA by PEFT itself."""
    for kind, base in (("pissa", "llama2"), ("olora", "qwen2")):
        with section(f"conversion {kind}") as result:
            torch.manual_seed(7)
            model = get_peft_model(load_base(base), LoraConfig(
                task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=kind))
            folder = GOLDENS / "lora_converted" / kind
            model.peft_config["default"].init_lora_weights = True
            model.save_pretrained(folder / "start")
            model.peft_config["default"].init_lora_weights = kind
            with torch.no_grad():
                for key, value in model.named_parameters():
                    if "lora_" in key:
                        value.add_(torch.randn_like(value) * 0.02)
            expected = outputs(model)
            model.save_pretrained(folder / "trained")
            write(folder / "expected.safetensors", expected)
            model.save_pretrained(folder / "plain", path_initial_model_for_weight_conversion=str(folder / "start"))
            plain_model = PeftModel.from_pretrained(load_base(base), folder / "plain")
            result["plain"] = float((outputs(plain_model, False)["logits"] - expected["logits"]).abs().max())


def combinations():
    base, root = "llama2", GOLDENS / "lora_combined"
    with section("combined adapters") as result:
        for index, (name, rank, alpha) in enumerate((("a", 4, 8), ("b", 4, 6), ("c", 2, 8))):
            torch.manual_seed(200 + index)
            model = get_peft_model(
                load_base(base), LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=alpha, target_modules=["q_proj", "v_proj", "down_proj"]))
            with torch.no_grad():
                for key, value in model.named_parameters():
                    if "lora_B" in key:
                        value.normal_(0, 0.05)
            model.save_pretrained(root / name)
        cases = [
            ("linear", "ab", [1.0, 0.5], {}), ("cat", "ab", [1.0, 0.5], {}), ("svd", "ab", [0.7, 0.3], {}),
            ("svd", "abc", [0.7, 0.3, 0.5], {"svd_rank": 6}), ("cat", "abc", [0.7, 0.3, 1.5], {}),
            ("linear", "ab", [1.0, -0.5], {}), ("cat", "ab", [1.0, -0.5], {}), ("svd", "ab", [1.0, -0.5], {}),
            ("ties", "ab", [1.0, 0.5], {"density": 0.5}),
            ("ties", "ab", [1.0, 0.5], {"density": 0.5, "majority_sign_method": "frequency"}),
            ("magnitude_prune", "ab", [1.0, 0.5], {"density": 0.5}),
            ("ties_svd", "abc", [1.0, 0.5, 0.8], {"density": 0.5, "svd_rank": 4}),
            ("magnitude_prune_svd", "abc", [1.0, 0.5, 0.8], {"density": 0.5, "svd_rank": 4}),
        ]
        described = []
        for index, (kind, names, weights, more) in enumerate(cases):
            case = {"file": f"{index:02d}_{kind}", "base": base, "adapters": list(names), "weights": weights, "combination_type": kind, **more}
            try:
                model = PeftModel.from_pretrained(load_base(base), root / names[0], adapter_name=names[0])
                for name in names[1:]:
                    model.load_adapter(root / name, adapter_name=name)
                model.add_weighted_adapter(list(names), weights, "sum", combination_type=kind, **more)
                model.set_adapter("sum")
                write(root / f"{case['file']}.safetensors", outputs(model))
                model.save_pretrained(root / "written" / case["file"], selected_adapters=["sum"])
            except Exception as fault:
                case["error"] = f"{type(fault).__name__}: {fault}"
            described.append(case)
        (root / "cases.json").write_text(json.dumps(described, indent=1))
        result["cases"] = described


def forget_paths():
    """No golden names a folder of the machine that made it."""
    for path in GOLDENS.rglob("adapter_config.json"):
        config = json.loads(path.read_text())
        path.write_text(json.dumps(config | {"base_model_name_or_path": None}, indent=2) + "\n")
        (path.parent / "README.md").unlink(missing_ok=True)


def main():
    torch.set_num_threads(4)
    for folder in sorted(path.parent for path in HERE.glob("*/adapter/adapter_config.json")):
        check_adapter(folder)
    for kind, check in (("merged", check_model), ("quantized", check_quantized), ("tokenizers", check_tokenizer)):
        for folder in sorted((HERE / kind).glob("*")):
            check(folder)
    reference_cases()
    conversions()
    combinations()
    check_trainer()
    forget_paths()
    failed = [name for name, result in RESULTS.items() if result.get("ok") is False]
    print("failed:", failed or "nothing")


if __name__ == "__main__":
    sys.exit(main())
