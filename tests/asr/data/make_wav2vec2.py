"""Makes the two wav2vec 2.0 references beside this file; see README.md. Run once with each library:

    python make_wav2vec2.py torchaudio     torchaudio 2.11
    python make_wav2vec2.py transformers   transformers 5
"""
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(20)
wave = torch.randn(6000) * 0.1
channels, dim, feed_forward, labels = 8, 64, 16, 12

if sys.argv[1] == "torchaudio":  # a base model: group norm, norms after each block
    from torchaudio.models import wav2vec2_model

    layers = [(channels, k, s) for k, s in zip((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2))]
    model = wav2vec2_model(
        "group_norm", layers, False, encoder_embed_dim=dim, encoder_projection_dropout=0.0, encoder_pos_conv_kernel=16,
        encoder_pos_conv_groups=4, encoder_num_layers=2, encoder_num_heads=1, encoder_attention_dropout=0.0,
        encoder_ff_interm_features=feed_forward, encoder_ff_interm_dropout=0.0, encoder_dropout=0.0,
        encoder_layer_norm_first=False, encoder_layer_drop=0.0, aux_num_out=labels)
    run = lambda x: model(x)[0]
else:  # a large one: layer norms everywhere, norms before each block
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    model = Wav2Vec2ForCTC(Wav2Vec2Config(
        vocab_size=labels, hidden_size=dim, num_hidden_layers=2, num_attention_heads=1, intermediate_size=feed_forward,
        conv_dim=(channels,) * 7, conv_bias=True, feat_extract_norm="layer", do_stable_layer_norm=True,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, attn_implementation="eager"))
    run = lambda x: model(x).logits

model.eval()
with torch.no_grad():
    for parameter in model.parameters():  # untrained norms and biases would hide mistakes; halves keep the file small
        parameter.copy_((parameter + 0.1 * torch.randn_like(parameter)).half().float())
    scores = run(wave[None])[0]
weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
save_file({**weights, "reference.wave": wave, "reference.scores": scores.float()}, f"wav2vec2_{sys.argv[1]}.safetensors")
