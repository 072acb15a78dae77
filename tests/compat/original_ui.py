"""What the original web UI writes when its "Save Training Configuration" is pressed, by its own code.

src/utils.py of a checkout of ai-voice-cloning imports the whole studio; only the few functions that write train.yaml and
train.json are taken out of it and run.
"""
import ast
import json
import math
import os
import types

FUNCTIONS = {"calc_iterations", "schedule_learning_rate", "save_training_settings", "get_tokenizer_jsons"}
CONSTANTS = {"LEARNING_RATE_SCHEMES", "LEARNING_RATE_SCHEDULE"}

# Its page's values for what a small machine trains.
SETTINGS = {
    "epochs": 2, "learning_rate": 1e-4, "text_lr_weight": 0.01, "mel_lr_weight": 1, "learning_rate_scheme": "Multistep",
    "learning_rate_schedule": "[ 1, 2, 4 ]", "learning_rate_restarts": 2, "batch_size": 4,
    "gradient_accumulation_size": 2, "save_rate": 1, "validation_rate": 1, "half_p": False, "bitsandbytes": False,
    "validation_enabled": True, "workers": 2, "gpus": 1, "source_model": "auto", "resume_state": None,
}


def save_training_settings(checkout, workspace, voice, **changes):
    """Writes training/VOICE/train.yaml and train.json in the workspace."""
    tree = ast.parse((checkout / "src" / "utils.py").read_text(encoding="utf-8"))
    kept = [node for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS
            or isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in CONSTANTS]
    scope = {"json": json, "math": math, "os": os, "relative_paths": lambda paths: paths,
             "get_device_count": lambda: 1, "args": types.SimpleNamespace(tokenizer_json=None, tts_backend="tortoise")}
    exec(compile(ast.Module(kept, []), "utils.py", "exec"), scope)
    template = workspace / "models" / ".template.dlas.yaml"
    template.write_bytes((checkout / "models" / ".template.dlas.yaml").read_bytes())
    before = os.getcwd()
    os.chdir(workspace)
    try:
        scope["save_training_settings"](**{**SETTINGS, "voice": voice, **changes})
    finally:
        os.chdir(before)
    return workspace / "training" / voice / "train.yaml"
