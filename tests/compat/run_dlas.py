"""Runs a DLAS checkout of either fork on a CPU: trains what a YAML says and writes down what it held.

    python run_dlas.py DLAS_CHECKOUT YAML LAST_ITERATION REPORT [--no-dropout]

Called by dlas.py, in the workspace. REPORT is written by torch.save: of the moment before the first step the iteration,
epoch, learning rates, optimizer state and weights; then the losses and learning rates of each step.
"""
import argparse
import copy
import importlib
import importlib.abc
import importlib.machinery
import os
import sys
import types
from pathlib import Path

import torch
import yaml


class Reached(Exception):
    """The last iteration asked for is done."""


# ---- Help that DLAS needs here: no CUDA device, a new torch, and none of the packages of its other tasks. ----

# Imported by modules that this training passes through, used by none of its functions.
UNUSED_PACKAGES = ["cv2", "paramiko", "scp", "lion_pytorch", "torchvision", "kornia", "librosa", "pytorch_ssim",
                   "x_clip", "mup", "vector_quantize_pytorch", "linear_attention_transformer",
                   "axial_positional_embedding", "rotary_embedding_torch", "g_mlp_pytorch", "lambda_networks",
                   "omegaconf", "pytorch_fid", "jiwer", "pyworld", "tgt", "soundfile", "sklearn", "audio2numpy"]


class Placeholder(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class PlaceholderFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Last in the line: only for what is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in UNUSED_PACKAGES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Placeholder(spec.name)

    def exec_module(self, module):
        pass


def import_torchaudio():
    """Also one built for CUDA, beside a torch without: what DLAS uses of it is written in Python."""
    try:
        import torchaudio
    except OSError:
        extension = types.ModuleType("torchaudio._extension")
        extension._IS_TORCHAUDIO_EXT_AVAILABLE = False
        extension.fail_if_no_align = lambda function: function
        sys.modules[extension.__name__] = extension
        import torchaudio


def restore_torch_1():
    """152334H's fork was written for it."""
    six = types.ModuleType("torch._six")
    six.inf = torch.inf
    sys.modules.setdefault(six.__name__, six)


def pretend_cuda_is_cpu():
    torch.cuda.current_device = lambda: torch.device("cpu")
    torch.cuda.set_device = lambda device: None


def only_networks_of_the_voice(fork):
    """DLAS imports every network and injector it has in order to find one; those of pictures and music stay out."""
    networks, inject = fork("trainer.networks"), fork("trainer.inject")

    def models(base_path="models"):
        found = {}
        for name in ("models.audio.tts.unified_voice2", "models.audio.tts.lucidrains_dvae"):
            for function in vars(fork(name)).values():
                if hasattr(function, "_dlas_registered_model"):
                    found[function._dlas_model_name] = function
        return found

    def injectors(base_path="trainer/injectors"):
        audio, base = fork("trainer.injectors.audio_injectors"), fork("trainer.injectors.base_injectors")
        return {"torch_mel_spectrogram": audio.TorchMelSpectrogramInjector, "for_each": base.ForEachInjector,
                "discrete_token": audio.DiscreteTokenInjector, "generator": base.GeneratorInjector}

    networks.find_registered_model_fns = models
    inject.find_registered_injectors = injectors
    audio = fork("trainer.injectors.audio_injectors")
    load = audio.load_model_from_config
    audio.load_model_from_config = lambda cfg, name, device=None: load(cfg, name, device="cpu")


# ---- The run ----


def finder_of(checkout):
    """The fork as a function from a module's name to the module. The web UI's fork is a package, the other is not."""
    packaged = (checkout / "dlas").is_dir()
    sys.path.insert(0, str(checkout if packaged else checkout / "codes"))
    return packaged, lambda name: importlib.import_module(f"dlas.{name}" if packaged else name)


def parsed_options(fork, packaged, yaml_file):
    if packaged:  # as the web UI's src/train.py does
        with open(yaml_file) as file:
            if not yaml.safe_load(file).get("bitsandbytes", True):
                for what in ("LINEAR", "EMBEDDING", "ADAM", "ADAMW"):
                    os.environ[f"BITSANDBYTES_OVERRIDE_{what}"] = "0"
    options = fork("utils.options").parse(yaml_file, is_train=True)
    # 152334H's fork writes into its own checkout; here both write where the web UI's does.
    finetune = Path("training") / options["name"] / "finetune"
    options["path"].update(experiments_root=str(finetune), log=str(finetune), models=str(finetune / "models"),
                           training_state=str(finetune / "training_state"))
    options["dist"] = False
    return options


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", type=Path)
    parser.add_argument("yaml")
    parser.add_argument("last_iteration", type=int)
    parser.add_argument("report")
    parser.add_argument("--no-dropout", action="store_true")
    given = parser.parse_args()

    sys.meta_path.append(PlaceholderFinder())
    import_torchaudio()
    restore_torch_1()
    pretend_cuda_is_cpu()
    packaged, fork = finder_of(given.checkout)
    options = parsed_options(fork, packaged, given.yaml)
    train = fork("train")
    only_networks_of_the_voice(fork)

    trainer = train.Trainer()
    trainer.rank = -1
    trainer.init(given.yaml, options, "none", *([""] if packaged else []))
    model = trainer.model
    network = model.networks["gpt"].module
    if given.no_dropout:
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    report = {"iteration": trainer.current_step, "epoch": trainer.start_epoch,
              "lr": model.get_current_learning_rate(), "optimizer_class": type(model.optimizers[0]).__name__,
              "optimizer": copy.deepcopy(model.optimizers[0].state_dict()),
              "weights": {name: value.clone() for name, value in network.state_dict().items()}, "steps": []}

    losses = {}
    accumulator = type(model.steps[0].loss_accumulator)
    add_loss, do_step = accumulator.add_loss, train.Trainer.do_step

    def noted_loss(self, name, tensor):
        losses.setdefault(name, []).append(float(tensor))
        add_loss(self, name, tensor)

    def counted_step(self, data):
        losses.clear()
        result = do_step(self, data)
        report["steps"].append({"iteration": self.current_step, "lr": self.model.get_current_learning_rate()[0],
                                **{name: sum(values) / len(values) for name, values in losses.items()}})
        if self.current_step >= given.last_iteration:
            raise Reached
        return result

    accumulator.add_loss, train.Trainer.do_step = noted_loss, counted_step
    try:
        trainer.do_training()
    except Reached:
        pass
    torch.save(report, given.report)


if __name__ == "__main__":
    main()
