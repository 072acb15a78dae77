#!/usr/bin/env python3
"""Proves that Testudo and the original programs read each other's files. README.md beside it says how to run it.

Prints one line a check, with its numbers; ends with 1 when one failed.
"""
import argparse
import array
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import torch
import yaml

import original_ui
import run_dlas

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent.parent
VOICE = "tone"
LINES = ["a low bell rang twice in the fog.", "she counted the boats on the river.", "bread and salt lay on the table.",
         "no one had asked about the key.", "the tall clock ran five minutes slow.", "we walked home along the wall."]
FULL = {"layers": 30, "model_dim": 1024, "heads": 16}
NANO = {"layers": 4, "model_dim": 192, "heads": 3}
NANO_DVAE = {"hidden_dim": 96, "codebook_dim": 64, "num_tokens": 256}

failures = []


def check(what, passed, numbers=""):
    print(f"{'ok    ' if passed else 'FAILED'} {what}{': ' + numbers if numbers else ''}", flush=True)
    if not passed:
        failures.append(what)


def skip(what, why):
    print(f"skip   {what}: {why}", flush=True)


# ---- The workspace: a nano model, its DVAE and clips short enough that no crop of them is random. ----


def write_clip(path, seed):
    rng = random.Random(seed)
    rate, seconds, pitch = 22050, 1.2 + 0.1 * seed, 110 * 1.2 ** seed
    samples = array.array("h")
    for i in range(int(rate * seconds)):
        t = i / rate
        voice = sum(math.sin(2 * math.pi * pitch * k * t) / k for k in range(1, 9))
        loud = 0.5 + 0.5 * math.sin(2 * math.pi * (2 + seed % 3) * t)
        samples.append(int(4000 * loud * voice + rng.gauss(0, 200)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())


def mel_norms():
    """The 80 numbers of TorToiSe's mel_norms.pth, which the reference data hold."""
    with open(SOURCES / "tests" / "golden" / "ar" / "mel.safetensors", "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        begin, end = header["mel_norms"]["data_offsets"]
        file.seek(begin, 1)
        return torch.frombuffer(bytearray(file.read(end - begin)), dtype=torch.float32)


class Workspace:
    def __init__(self, root, testudo):
        self.root, self.testudo_program = root, testudo
        self.voice = root / "training" / VOICE
        self.models, self.states = (self.voice / "finetune" / name for name in ("models", "training_state"))

    def testudo(self, *arguments):
        done = subprocess.run([self.testudo_program, "--workspace", self.root, *map(str, arguments)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"testudo {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout + done.stderr

    def dlas(self, checkout, last_iteration, *flags, file="train.yaml"):
        report = self.root / "report.pt"
        report.unlink(missing_ok=True)
        done = subprocess.run([sys.executable, HERE / "run_dlas.py", checkout, f"./training/{VOICE}/{file}",
                               str(last_iteration), report, *flags], cwd=self.root, capture_output=True, text=True)
        if done.returncode != 0 or not report.exists():
            raise RuntimeError(f"DLAS ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return torch.load(report, weights_only=False)

    def copied(self, name):
        copy = Workspace(self.root.parent / name, self.testudo_program)
        shutil.copytree(self.root, copy.root)
        return copy

    def metrics(self):
        """Of the steps, by iteration, the last time each was done."""
        lines = (self.voice / "finetune" / "events.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        return {e["it"]: e for e in events if e["type"] == "metric" and "mode" not in e}


def make_workspace(root, testudo, size):
    workspace = Workspace(root, testudo)
    (workspace.voice / "audio").mkdir(parents=True)
    for i, text in enumerate(LINES):
        write_clip(workspace.voice / "audio" / f"{i}.wav", i)
    listed = [f"audio/{i}.wav|{text}\n" for i, text in enumerate(LINES)]
    (workspace.voice / "train.txt").write_text("".join(listed))
    (workspace.voice / "validation.txt").write_text("".join(listed[:2]))
    workspace.testudo("models", "init", "--size", size, "--name", "autoregressive")
    tortoise = root / "models" / "tortoise"
    (tortoise / "autoregressive_dvae.pth").rename(tortoise / "dvae.pth")

    # Where the web UI keeps what DLAS reads beside the YAML.
    data = root / "modules" / "tortoise-tts" / "tortoise" / "data"
    data.mkdir(parents=True)
    shutil.copy(SOURCES / "data" / "tokenizers" / "bpe_lowercase_asr_256.json", data / "tokenizer.json")
    torch.save(mel_norms(), data / "mel_norms.pth")
    kwargs = {"channels": 80, "kernel_size": 3, "num_layers": 2, "num_resnet_blocks": 3, "positional_dims": 1,
              "use_transposed_convs": False, **NANO_DVAE}
    (tortoise / "train_diffusion_vocoder_22k_level.yml").write_text(yaml.safe_dump({
        "path": {"pretrain_model_dvae": "./models/tortoise/dvae.pth", "strict_load": True},
        "networks": {"dvae": {"type": "generator", "which_model_G": "lucidrains_dvae", "kwargs": kwargs}}}))
    return workspace


# ---- What is compared ----


def moments(optimizer):
    """Entry -> (first, second moment, step) in 32 bits, of a state dict of torch's or bitsandbytes' AdamW."""
    found = {}
    for index, entry in optimizer["state"].items():
        entry = {**entry, **entry.get("__bnb_optimizer_quant_state__", {})}

        def moment(torch_key, number):
            if torch_key in entry:
                return entry[torch_key].double()
            held = entry[f"state{number}"]
            if held.dtype != torch.uint8:
                return held.double()
            scale = entry[f"absmax{number}"].double()
            values = entry[f"qmap{number}"].double()[held.long()].flatten()
            return (values * scale.repeat_interleave(-(-held.numel() // scale.numel() // 256) * 256)
                    [:held.numel()]).reshape(held.shape)

        found[index] = moment("exp_avg", 1), moment("exp_avg_sq", 2), int(entry["step"])
    return found


def tensors_of(value, place=""):
    if isinstance(value, torch.Tensor):
        yield place, value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from tensors_of(entry, f"{place}/{key}")


def same_state(held, saved):
    """Whether each tensor of a saved optimizer entry lies in the optimizer, bit for bit; how many there are."""
    flat = {place.replace("/__bnb_optimizer_quant_state__", ""): tensor for place, tensor in tensors_of(held["state"])}
    there = list(tensors_of(saved["state"]))
    equal = [place for place, tensor in there
             if place in flat and flat[place].shape == tensor.shape and torch.equal(flat[place].to(tensor), tensor)]
    return len(equal) == len(there), f"{len(equal)} of {len(there)} tensors equal"


def distance(a, b):
    """|a - b| / |b| over many tensors."""
    over = sum(float((x.double() - y.double()).square().sum()) for x, y in zip(a, b))
    return math.sqrt(over / sum(float(y.double().square().sum()) for y in b))


def weights(file):
    loaded = torch.load(file, weights_only=True)
    return {name: tensor for name, tensor in loaded.items() if tensor.is_floating_point() and "masked" not in name}


def compare_courses(what, ours, theirs, start, end, tolerance):
    """Both went from the weights of `start` to `end`: the same way?"""
    begin = weights(ours.models / f"{start}_gpt.pth")
    one, other = (weights(w.models / f"{end}_gpt.pth") for w in (ours, theirs))
    way = distance([one[name] - begin[name] for name in begin], [other[name] - begin[name] for name in begin])
    one, other = (weights(w.models / f"{end}_gpt_ema.pth") for w in (ours, theirs))
    averages = distance([one[name] for name in begin], [other[name] for name in begin])
    states = [moments(torch.load(w.states / f"{end}.state", weights_only=True)["optimizers"][0])
              for w in (ours, theirs)]
    first, second = (distance([states[0][i][k] for i in states[1]], [states[1][i][k] for i in states[1]]) for k in (0, 1))
    steps = {entry[2] for state in states for entry in state.values()}
    check(f"{what}: iterations {start + 1} to {end} agree",
          way < tolerance and averages < 1e-6 and max(first, second) < 0.01 and len(steps) == 1,
          f"the way of the weights differs by {way:.1e} of its length (at most {tolerance}), their averages by "
          f"{averages:.1e} of their size (1e-06), first moments by {first:.1e}, second by {second:.1e} (0.01); steps "
          f"{sorted(steps)}")


def compare_losses(what, metrics, report, tolerance):
    for step in report["steps"]:
        ours = metrics[step["iteration"]]
        pairs = [(ours["loss_text_ce"], step["text_ce"]), (ours["loss_mel_ce"], step["mel_ce"])]
        off = max(abs(a - b) / b for a, b in pairs)
        rate = abs(ours["lr"] / step["lr"] - 1)
        check(f"{what}: losses and rate of iteration {step['iteration']}", off < tolerance and rate < 1e-9,
              f"text {pairs[0][0]:.5f} here, {pairs[0][1]:.5f} in DLAS; mel {pairs[1][0]:.5f}, {pairs[1][1]:.5f}; "
              f"lr {ours['lr']:.4e}, {step['lr']:.4e}")


# ---- The checks ----


def original_yaml_trains(here, ui, sizes, **settings):
    file = original_ui.save_training_settings(ui, here.root, VOICE, **settings)
    text = file.read_text()
    for key, size in sizes.items():  # its template knows one size only; users of other models edit these lines
        text = text.replace(f"{key}: {FULL[key]} ", f"{key}: {size} ")
    file.write_text(text)
    here.testudo("train", VOICE, "--yaml", file)
    written = yaml.safe_load(text)
    metrics, iterations = here.metrics(), written["train"]["niter"]
    chosen = ", ".join(f"{key} {value}" for key, value in settings.items())
    what = f"the web UI's YAML ({sizes['layers']}x{sizes['model_dim']}, {chosen})"
    check(f"{what} trains in Testudo", max(metrics) == iterations and (here.states / f"{iterations}.state").exists(),
          f"{iterations} iterations, total loss {metrics[1]['loss_gpt_total']:.3f} to "
          f"{metrics[iterations]['loss_gpt_total']:.3f}, lr "
          + ", ".join(f"{metrics[i]['lr']:.3g}" for i in sorted(metrics)))


CONFIGURE = ["--objective", "dlas", "--dropout", "0", "--batch-size", len(LINES), "--gradient-accumulation-size", 1,
             "--epochs", 9, "--save-rate", 1, "--validation-rate", 3, "--learning-rate", 1e-4, "--text-lr-weight", 0.5,
             "--ema"]
SCHEMES = {
    "MultiStepLR": ["--learning-rate-scheme", "MultiStepLR", "--learning-rate-schedule", "2,5"],
    "CosineAnnealingLR_Restart": ["--learning-rate-scheme", "CosineAnnealingLR_Restart", "--learning-rate-restarts", 3],
}


def resumed(workspace, state):
    """The configuration as the web UI writes it to go on from a state."""
    file = workspace.voice / "resume.yaml"
    options = yaml.safe_load((workspace.voice / "train.yaml").read_text())
    options["path"] = {"strict_load": True, "resume_state": f"./training/{VOICE}/finetune/training_state/{state}.state"}
    file.write_text(yaml.safe_dump(options, sort_keys=False))  # DLAS runs injectors in their order
    return file


def both_ways(workspace, checkout, name, scheme, eight_bit):
    bits = "8-bit" if eight_bit else "32-bit"
    # bitsandbytes' quantiser for CPUs is coarser than its others and ours: no second moment becomes 0.
    tolerance = 0.2 if eight_bit else 0.01
    ours = workspace.copied(f"{name}-ours")
    ours.testudo("configure", VOICE, *CONFIGURE, *SCHEMES[scheme], *(["--bitsandbytes"] if eight_bit else []))
    theirs = ours.copied(f"{name}-theirs")

    # Begun here, gone on with there.
    ours.testudo("train", VOICE, "--epochs", 3)
    there = ours.copied(f"{name}-there")
    state = torch.load(ours.states / "3.state", weights_only=True)
    check(f"{name}, {bits}: our state is read with weights_only", state["iter"] == 3,
          f"{len(state['optimizers'][0]['state'])} entries")
    resumed(there, 3)
    report = there.dlas(checkout, 5, "--no-dropout", file="resume.yaml")
    saved = state["optimizers"][0]
    check(f"{name}, {bits}: DLAS resumes our state", report["iteration"] == 3 and report["epoch"] == state["epoch"],
          f"{report['optimizer_class']}, iteration {report['iteration']}, epoch {report['epoch']}")
    check(f"{name}, {bits}: learning rate as saved", report["lr"] == [g["lr"] for g in saved["param_groups"]],
          f"{report['lr']}")
    check(f"{name}, {bits}: moments as saved", *same_state(report["optimizer"], saved))
    model = torch.load(ours.models / "3_gpt.pth", weights_only=True)
    equal = sum(torch.equal(report["weights"][key], model[key]) for key in model)
    check(f"{name}: our model loads strictly in DLAS", equal == len(model) == len(report["weights"]),
          f"{equal} of {len(report['weights'])} tensors equal")
    ours.testudo("resume", VOICE, "--epochs", 5)
    compare_losses(f"{name}, {bits}, begun here", ours.metrics(), report, 1e-3)
    compare_courses(f"{name}, {bits}, begun here", ours, there, 3, 5, tolerance)

    # Begun there, gone on with here.
    report = theirs.dlas(checkout, 3, "--no-dropout")
    check(f"{name}, {bits}: our train.yaml trains in DLAS", [s["iteration"] for s in report["steps"]] == [1, 2, 3],
          ", ".join(f"{s['mel_ce']:.4f}" for s in report["steps"]) + " mel loss")
    here = theirs.copied(f"{name}-here")
    here.testudo("train", VOICE, "--yaml", resumed(here, 3), "--epochs", 5)
    resumed(theirs, 3)
    report = theirs.dlas(checkout, 5, "--no-dropout", file="resume.yaml")
    metrics = here.metrics()
    check(f"{name}, {bits}: Testudo resumes a state of DLAS", min(metrics) == 4, f"goes on at iteration {min(metrics)}")
    compare_losses(f"{name}, {bits}, begun in DLAS", metrics, report, 1e-3)
    compare_courses(f"{name}, {bits}, begun in DLAS", here, theirs, 3, 5, tolerance)
    return ours.models / "5_gpt.pth"


def loads_in_tortoise(checkout, model_file):
    sys.path.insert(0, str(checkout))
    run_dlas.import_torchaudio()
    from tortoise.models.autoregressive import UnifiedVoice
    # As TextToSpeech makes it, but for the size.
    network = UnifiedVoice(max_mel_tokens=604, max_text_tokens=402, max_conditioning_inputs=2, **NANO,
                           number_text_tokens=255, start_text_token=255, checkpointing=False, train_solo_embeddings=False)
    saved = torch.load(model_file, weights_only=True)
    missing, unexpected = network.load_state_dict(saved, strict=False)
    check("our model loads strictly in TorToiSe", not missing and not unexpected,
          f"{len(saved)} tensors, missing {missing}, unexpected {unexpected}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dlas", type=Path, action="append", required=True, help="a checkout of DLAS; may be repeated")
    parser.add_argument("--ui", type=Path, help="a checkout of the original web UI")
    parser.add_argument("--tortoise", type=Path, help="a checkout of TorToiSe")
    parser.add_argument("--full", action="store_true", help="also train the web UI's YAML at its own size")
    parser.add_argument("--testudo", type=Path, default=SOURCES / "build" / "testudo")
    parser.add_argument("--keep", type=Path, help="make the workspaces in this folder and keep them")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="testudo-compat-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        testudo = given.testudo.resolve()
        workspace = make_workspace(folder / "fresh", testudo, "nano")
        if given.ui:
            ui = given.ui.resolve()
            original_yaml_trains(workspace.copied("original-steps"), ui, NANO, learning_rate_scheme="Multistep")
            original_yaml_trains(workspace.copied("original-arcs"), ui, NANO, learning_rate_scheme="Cos. Annealing",
                                 bitsandbytes=True)
            if given.full:
                full = make_workspace(folder / "full", testudo, "full")
                original_yaml_trains(full, ui, FULL, bitsandbytes=True, epochs=1)
        else:
            skip("the web UI's YAML", "no --ui")
        try:
            import bitsandbytes
            eight_bit = f"bitsandbytes {bitsandbytes.__version__}"
        except ImportError:
            eight_bit = ""
        for checkout in given.dlas:
            name = checkout.resolve().name
            model = both_ways(workspace, checkout.resolve(), name, "MultiStepLR", False)
            if eight_bit:
                both_ways(workspace, checkout.resolve(), f"{name}-8", "CosineAnnealingLR_Restart", True)
            else:
                skip(f"{name}: 8-bit states", "bitsandbytes is not installed")
        if given.tortoise:
            loads_in_tortoise(given.tortoise.resolve(), model)
        else:
            skip("our model in TorToiSe", "no --tortoise")
    finally:
        if not given.keep:
            shutil.rmtree(folder)
    print(f"{len(failures)} checks failed" if failures else "all checks passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
