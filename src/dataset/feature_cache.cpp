#include "dataset/feature_cache.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/strings.h"
#include "tensors/safetensors.h"

namespace testudo::dataset {

namespace {

std::string_view bytes_of(const at::Tensor& tensor) {
    return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

std::string checksum(const at::Tensor& mel, const at::Tensor& codes) {
    return sha256(sha256(bytes_of(mel)) + sha256(bytes_of(codes)));
}

}  // namespace

std::optional<ClipFeatures> FeatureCache::find(const std::string& key, std::string* damage) const {
    damage->clear();
    std::error_code ignored;
    if (!std::filesystem::exists(file(key), ignored)) return {};
    try {
        std::map<std::string, std::string> metadata;
        const tensors::NamedTensors entry = tensors::read_safetensors(file(key), &metadata);
        const at::Tensor mel = entry.at("mel").contiguous(), codes = entry.at("codes").contiguous();
        if (mel.dim() == 2 && codes.dim() == 1 && mel.scalar_type() == at::kFloat &&
            codes.scalar_type() == at::kShort && metadata["checksum"] == checksum(mel, codes))
            return ClipFeatures{mel, codes.to(at::kLong)};
        *damage = cat(file(key), " does not match its checksum");
    } catch (const Error& error) {
        *damage = error.what();
    }
    return {};
}

void FeatureCache::store(const std::string& key, const ClipFeatures& clip) const {
    const at::Tensor mel = clip.mel.to(at::kCPU, at::kFloat).contiguous();
    const at::Tensor codes = clip.codes.to(at::kCPU, at::kShort).contiguous();
    tensors::NamedTensors entry;
    entry.set("mel", mel);
    entry.set("codes", codes);
    tensors::write_safetensors(file(key), entry, {{"checksum", checksum(mel, codes)}});
}

}  // namespace testudo::dataset
