#include "asr/alignment_model.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "core/strings.h"
#include "tensors/weights.h"

namespace testudo::asr {

namespace {

// Labels of torchaudio's bundles after the blank, and the outputs of the published file that nobody uses.
struct Bundle {
    const char* language;
    const char* labels;
    std::vector<std::int64_t> unused;
};
const std::vector<Bundle>& bundles() {
    static const std::vector<Bundle> all = {
        {"en", "|etaonihsrdlumwcfgypbvk'xjqz", {1, 2, 3}},
        {"fr", "|esnitraouldcpmévqfgbhxàjèyêzôkçœûùîâwïëüæ", {1, 2, 3}},
        {"de", "|enirstadhulgcmobwfkzpvüäöjßyxq", {1, 2, 3, 35}},
        {"es", "|eaosnrildctupmbqygvhófíájzñéxúkwü", {1, 2, 3, 35}},
        {"it", "|eiaontrlscdupmgvhzfbqàèùéòìkyxwjóíï", {1, 2, 3}},
    };
    return all;
}

char32_t lower(char32_t c) { return static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))); }

CtcLabels labels_of_vocabulary(const fs::path& file) {
    const Json json = read_json(file);
    CtcLabels labels;
    const auto refuse = [&] {
        return input_error(cat(file, " is no vocabulary: it must map each character to a whole number"),
                           "Fetch the model again.");
    };
    if (!json.is_object()) throw refuse();
    for (const auto& [text, column] : json.items()) {
        if (!column.is_number_integer()) throw refuse();
        const std::u32string points = code_points(text);
        if (points.size() == 1) labels.columns[lower(points[0])] = column.get<std::int64_t>();
        const std::string name = lower_ascii(text);
        if (name == "<pad>" || name == "[pad]") labels.blank = column.get<std::int64_t>();
    }
    return labels;
}

fs::path weights_in(const fs::path& folder) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const fs::path ending = entry.path().extension();
        if (ending == ".pth" || ending == ".pt" || ending == ".bin" || ending == ".safetensors")
            found.push_back(entry.path());
    }
    if (found.size() == 1) return found.front();
    throw input_error(
        cat(folder, found.empty() ? " holds no acoustic model" : " holds several acoustic models"),
        "Keep one .pth, .pt, .bin or .safetensors there, e.g. by `testudo models pull`.");
}

}  // namespace

at::Tensor AlignmentModel::emit(std::span<const float> samples) const {
    const auto count = static_cast<std::int64_t>(samples.size());
    const at::Tensor wave =
        at::from_blob(const_cast<float*>(samples.data()), {count}, at::TensorOptions(at::kFloat));
    return net(at::constant_pad_nd(wave, {0, std::max<std::int64_t>(0, nets::Wav2Vec2::shortest - count)}));
}

std::unique_ptr<AlignmentModel> load_alignment_model(const fs::path& folder, const std::string& language,
                                                     const std::string& device) {
    if (!fs::is_directory(folder)) return nullptr;
    const fs::path file = weights_in(folder);
    tensors::NamedTensors weights = tensors::read_weights(file);
    CtcLabels labels;
    if (fs::exists(folder / "vocab.json")) {
        labels = labels_of_vocabulary(folder / "vocab.json");
    } else {
        const auto bundle = std::find_if(bundles().begin(), bundles().end(),
                                         [&](const Bundle& one) { return one.language == language; });
        if (bundle == bundles().end())
            throw input_error(cat(folder, " lacks vocab.json, the characters that the model tells apart"),
                              "Put the vocab.json it was published with beside it.");
        for (const char32_t c : code_points(bundle->labels))
            labels.columns[c] = static_cast<std::int64_t>(labels.columns.size()) + 1;
        const auto used = static_cast<std::int64_t>(labels.columns.size()) + 1;
        const at::Tensor* head = weights.find("aux.weight");
        if (head && head->size(0) == used + static_cast<std::int64_t>(bundle->unused.size())) {
            std::vector<std::int64_t> rows;
            for (std::int64_t row = 0; row < head->size(0); ++row)
                if (std::find(bundle->unused.begin(), bundle->unused.end(), row) == bundle->unused.end())
                    rows.push_back(row);
            for (const char* name : {"aux.weight", "aux.bias"})
                if (const at::Tensor* tensor = weights.find(name); tensor && tensor->size(0) == head->size(0))
                    weights.set(name, tensor->index_select(0, at::tensor(rows, at::kLong)));
        }
    }
    try {
        const nets::Find find = [&](const std::string& name) { return weights.find(name); };
        const nets::Wav2Vec2Config config = nets::infer_wav2vec2_config(find);
        return std::make_unique<AlignmentModel>(
            AlignmentModel{nets::Wav2Vec2(config, find, at::Device(device)), std::move(labels)});
    } catch (const Error& error) {
        throw Error(error.kind(), cat(file, ": ", error.what()), error.hint());
    }
}

}  // namespace testudo::asr
