#include "training/dlas_template.h"

#include "core/yaml.h"

namespace testudo::training {

namespace {

constexpr const char* whole = R"(
name: voice
model: extensibletrainer
scale: 1
gpu_ids: [0]
start_step: 0
checkpointing_enabled: true
fp16: false
bitsandbytes: false
use_8bit: false
use_tb_logger: true
gpus: 1
datasets: {}
steps:
  gpt_train:
    training: gpt
    loss_log_buffer: 500
    optimizer: adamw
    optimizer_params: {lr: 1.0e-05, weight_decay: 0.01, beta1: 0.9, beta2: 0.96}
    clip_grad_eps: 4
    injectors:
      paired_to_mel:
        type: torch_mel_spectrogram
        mel_norm_file: ./modules/tortoise-tts/tortoise/data/mel_norms.pth
        in: wav
        out: paired_mel
      paired_cond_to_mel:
        type: for_each
        subtype: torch_mel_spectrogram
        mel_norm_file: ./modules/tortoise-tts/tortoise/data/mel_norms.pth
        in: conditioning
        out: paired_conditioning_mel
      to_codes:
        type: discrete_token
        in: paired_mel
        out: paired_mel_codes
        dvae_config: ./models/tortoise/train_diffusion_vocoder_22k_level.yml
      paired_fwd_text:
        type: generator
        generator: gpt
        in: [paired_conditioning_mel, padded_text, text_lengths, paired_mel_codes, wav_lengths]
        out: [loss_text_ce, loss_mel_ce, logits]
    losses:
      text_ce: {type: direct, weight: 0.01, key: loss_text_ce}
      mel_ce: {type: direct, weight: 1.0, key: loss_mel_ce}
networks:
  gpt:
    type: generator
    which_model_G: unified_voice2
    kwargs:
      layers: 30
      model_dim: 1024
      heads: 16
      max_text_tokens: 402
      max_mel_tokens: 604
      max_conditioning_inputs: 2
      mel_length_compression: 1024
      number_text_tokens: 256
      number_mel_codes: 8194
      start_mel_token: 8192
      stop_mel_token: 8193
      start_text_token: 255
      train_solo_embeddings: false
      use_mel_codes_as_input: true
      checkpointing: true
      tortoise_compat: true
path:
  strict_load: true
train:
  niter: 0
  warmup_iter: -1
  mega_batch_factor: 1
  val_freq: 0
  ema_enabled: false
eval:
  pure: false
  output_state: gen
logger:
  print_freq: 1
  save_checkpoint_freq: 0
  disable_state_saving: false
  visuals: [gen, mel]
  visual_debug_rate: 0
  is_mel_spectrogram: true
upgrades:
  number_of_checkpoints_to_save: 0
  number_of_states_to_save: 0
)";

constexpr const char* dataset = R"(
name: training
n_workers: 2
batch_size: 1
mode: paired_voice_audio
path: ''
fetcher_mode: [lj]
phase: train
max_wav_length: 255995
max_text_length: 200
sample_rate: 22050
load_conditioning: true
num_conditioning_candidates: 2
conditioning_length: 44000
use_bpe_tokenizer: true
tokenizer_vocab: ''
load_aligned_codes: false
)";

}  // namespace

YAML::Node dlas_template() {
    YAML::Node node = parse_yaml(whole, "the template");
    node["datasets"]["train"] = parse_yaml(dataset, "the template");
    node["datasets"]["val"] = parse_yaml(dataset, "the template");
    node["datasets"]["val"]["name"] = "validation";
    node["datasets"]["val"]["phase"] = "val";
    node["datasets"].SetStyle(YAML::EmitterStyle::Block);
    return node;
}

}  // namespace testudo::training
