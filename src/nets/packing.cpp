#include "nets/packing.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::nets {

namespace {

using Ids = std::vector<std::int64_t>;

// Input tokens of one part of a sequence and what its first `targets.size()` positions predict.
struct Part {
    Ids inputs, targets;
};

struct Sequence {
    Part text, mel;
};

Ids codes_of(const Example& example) {
    const at::Tensor codes = example.codes.to(at::kCPU, at::kLong).contiguous();
    return Ids(codes.data_ptr<std::int64_t>(), codes.data_ptr<std::int64_t>() + codes.numel());
}

Part shifted(const Ids& tokens, std::int64_t start, std::size_t inputs) {
    Part part;
    part.inputs.push_back(start);
    part.inputs.insert(part.inputs.end(), tokens.begin(), tokens.end());
    part.inputs.resize(inputs, tokens.empty() ? start : tokens.back());
    part.targets = tokens;
    return part;
}

Sequence consistent(const UnifiedVoiceConfig& config, const Example& example) {
    Ids text(example.text.begin(), example.text.end());
    text.push_back(config.stop_text_token);
    Ids mel = codes_of(example);
    mel.push_back(config.stop_mel_token);
    // Two stop tokens end the text that TorToiSe generates from; the first is learned, the second only read.
    // The mel stop token predicts nothing, so it is no input.
    Sequence sequence{shifted(text, config.start_text_token, text.size() + 2),
                      shifted(mel, config.start_mel_token, mel.size() + 1)};
    sequence.mel.inputs.pop_back();
    return sequence;
}

// Every sequence of a DLAS batch has the same length, and every position counts.
std::vector<Sequence> as_dlas(const UnifiedVoiceConfig& config, const Batch& batch, const Form& form) {
    std::size_t text_length = 0, codes_length = 0;
    std::int64_t longest = 0;
    const auto length = [&](const Example& example) {  // in codes
        if (example.samples <= 0) return static_cast<std::int64_t>(example.codes.numel());
        return form.tortoise_compat ? example.samples : example.samples / config.mel_length_compression;
    };
    for (const Example& example : batch) {
        text_length = std::max(text_length, example.text.size());
        codes_length = std::max(codes_length, static_cast<std::size_t>(example.codes.numel()));
        longest = std::max(longest, length(example));
    }
    codes_length = std::min(codes_length, static_cast<std::size_t>(longest));
    std::vector<Sequence> sequences;
    for (const Example& example : batch) {
        Ids text(example.text.begin(), example.text.end());
        text.resize(text_length, config.stop_text_token);
        Ids codes = codes_of(example);
        codes.resize(codes_length, config.stop_mel_token);
        for (std::size_t i = static_cast<std::size_t>(length(example)) + 1; i < codes.size(); ++i)
            codes[i] = config.stop_mel_token;
        text.resize(text_length + 2, config.stop_text_token);
        codes.resize(codes_length + 2, config.stop_mel_token);
        Sequence sequence{shifted(text, config.start_text_token, text.size() + 1),
                          shifted(codes, config.start_mel_token, codes.size() + 1)};
        sequence.text.inputs.pop_back();
        sequence.mel.inputs.pop_back();
        sequences.push_back(std::move(sequence));
    }
    return sequences;
}

void check(const UnifiedVoiceConfig& config, const Example& example, const Sequence& sequence,
           std::size_t number) {
    const auto wrong = [&](const std::string& what, const char* hint) {
        return input_error(cat("Clip ", number + 1, " of the batch: ", what), hint);
    };
    const auto outside = [](std::int64_t id, int count) { return id < 0 || id >= count; };
    for (const int id : example.text)
        if (outside(id, config.number_text_tokens))
            throw wrong(cat("text token ", id, " is not in the model's vocabulary of ",
                            config.number_text_tokens, "."),
                        "Use the tokenizer that belongs to the model.");
    for (const std::int64_t code : sequence.mel.inputs)
        if (outside(code, config.number_mel_codes))
            throw wrong(
                cat("mel code ", code, " is not in the model's vocabulary of ", config.number_mel_codes, "."),
                "Use the DVAE that belongs to the model.");
    if (static_cast<int>(sequence.text.inputs.size()) > config.text_positions())
        throw wrong(cat("its text has ", example.text.size(), " tokens; the model has room for ",
                        config.text_positions() - 3, "."),
                    "Split the clip into shorter ones.");
    if (static_cast<int>(sequence.mel.inputs.size()) > config.mel_positions())
        throw wrong(cat("it has ", example.codes.numel(), " mel codes; the model has room for ",
                        config.mel_positions() - 1, "."),
                    "Split the clip into shorter ones.");
    if (example.conditioning.empty())
        throw wrong("it has no conditioning clip.", "Give each example at least one conditioning mel.");
    for (const at::Tensor& mel : example.conditioning)
        if (mel.dim() != 2 || mel.size(0) != 80 || mel.size(1) < 1)
            throw wrong(cat("a conditioning mel is ", shape_text(mel.sizes()), ", not [80, frames]."),
                        "Make it with the program's own mel spectrogram.");
}

at::Tensor to_tensor(const Ids& ids, at::Device device) { return at::tensor(ids, at::kLong).to(device); }

struct Builder {
    Ids rows, ids, positions, target_rows, targets;

    void add(const Part& part, std::int64_t row, std::int64_t first_target_row) {
        for (std::size_t i = 0; i < part.inputs.size(); ++i) {
            rows.push_back(row + static_cast<std::int64_t>(i));
            ids.push_back(part.inputs[i]);
            positions.push_back(static_cast<std::int64_t>(i));
        }
        for (std::size_t i = 0; i < part.targets.size(); ++i) {
            target_rows.push_back(first_target_row + static_cast<std::int64_t>(i));
            targets.push_back(part.targets[i]);
        }
    }
    PackedTokens done(at::Device device) const {
        return {to_tensor(rows, device), to_tensor(ids, device), to_tensor(positions, device),
                to_tensor(target_rows, device), to_tensor(targets, device)};
    }
};

std::vector<Sequence> sequences_of(const UnifiedVoiceConfig& config, const Batch& batch, const Form& form) {
    if (form.objective == Objective::dlas) return as_dlas(config, batch, form);
    std::vector<Sequence> sequences;
    for (const Example& example : batch) sequences.push_back(consistent(config, example));
    return sequences;
}

bool averages(const Form& form) {
    return form.objective == Objective::consistent || form.average_conditioning;
}

}  // namespace

PackedBatch pack(const UnifiedVoiceConfig& config, const Batch& batch, const Form& form, at::Device device) {
    if (batch.empty()) throw input_error("A batch holds no clip.", "Give at least one clip.");
    const std::vector<Sequence> sequences = sequences_of(config, batch, form);
    const bool voice_first = form.objective == Objective::dlas && form.voice_first;
    PackedBatch packed;
    Builder text, mel;
    Ids conditioning_rows;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const Example& example = batch[i];
        check(config, example, sequences[i], i);
        const auto first_clip = static_cast<std::int64_t>(packed.mels.size());
        const auto clips = static_cast<std::int64_t>(example.conditioning.size());
        packed.mels.insert(packed.mels.end(), example.conditioning.begin(), example.conditioning.end());
        const std::int64_t start = packed.tokens, tokens = averages(form) ? 1 : clips;
        for (std::int64_t t = 0; t < tokens; ++t) {
            conditioning_rows.push_back(start + t);
            packed.clips.push_back(averages(form) ? Span{first_clip, clips} : Span{first_clip + t, 1});
        }
        const Part& first = voice_first ? sequences[i].mel : sequences[i].text;
        const Part& second = voice_first ? sequences[i].text : sequences[i].mel;
        const std::int64_t second_row = start + tokens + static_cast<std::int64_t>(first.inputs.size());
        // The reference reads the first part's predictions from position 1 on, whatever the number of
        // conditioning tokens: with one token that is where the part starts.
        (voice_first ? mel : text).add(first, start + tokens, start + 1);
        (voice_first ? text : mel).add(second, second_row, second_row);
        packed.tokens = second_row + static_cast<std::int64_t>(second.inputs.size());
        packed.sequences.push_back({start, packed.tokens - start});
    }
    packed.text = text.done(device);
    packed.mel = mel.done(device);
    packed.conditioning_rows = to_tensor(conditioning_rows, device);
    return packed;
}

TokenCounts count_tokens(const UnifiedVoiceConfig& config, const Batch& batch, const Form& form) {
    TokenCounts counts;
    std::size_t longest_text = 0;
    const std::vector<Sequence> sequences = sequences_of(config, batch, form);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        counts.text += static_cast<std::int64_t>(sequences[i].text.targets.size());
        counts.mel += static_cast<std::int64_t>(sequences[i].mel.targets.size());
        counts.sequence +=
            static_cast<std::int64_t>(sequences[i].text.inputs.size() + sequences[i].mel.inputs.size() +
                                      (averages(form) ? 1 : batch[i].conditioning.size()));
        longest_text = std::max(longest_text, batch[i].text.size());
    }
    constexpr std::int64_t dlas_codes = 252, dlas_conditioning = 2;
    counts.padded = static_cast<std::int64_t>(batch.size()) *
                    (static_cast<std::int64_t>(longest_text) + 2 + dlas_codes + dlas_conditioning);
    return counts;
}

}  // namespace testudo::nets
