#pragma once
// What is done to the logits of the next code before one is drawn, in the order of tortoise-tts (which is
// that of transformers 4.31): repetition penalty, typical, temperature, top-k, top-p. All take and give
// [rows, codes]; a removed code is -inf.
#include <ATen/ATen.h>

namespace testudo::synthesis {

struct ProcessorOptions {
    double repetition_penalty = 2.0;  // 1: off; > 0
    double typical_mass = 0;          // 0: off; else in (0, 1)
    double temperature = 0.8;         // > 0; 1: off
    int top_k = 50;                   // 0: off. 50 is the silent default of the reference
    double top_p = 0.8;               // in [0, 1]; 1: off
};

// Every code that occurs in `history` ([rows, n], int64) once: positive logits divided, negative multiplied.
at::Tensor penalise_repetition(const at::Tensor& logits, const at::Tensor& history, double penalty);
// Locally typical sampling (Meister et al. 2022).
at::Tensor keep_typical(const at::Tensor& logits, double mass);
at::Tensor keep_top_k(const at::Tensor& logits, int k);     // what equals the k-th largest stays
at::Tensor keep_top_p(const at::Tensor& logits, double p);  // nucleus; the largest always stays
// The whole chain. Error(usage) when an option is out of its range.
at::Tensor process_logits(const at::Tensor& logits, const at::Tensor& history,
                          const ProcessorOptions& options);
void check_processors(const ProcessorOptions& options);

}  // namespace testudo::synthesis
