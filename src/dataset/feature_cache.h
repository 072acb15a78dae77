#pragma once
// One file for each clip and DVAE: KEY.safetensors with `mel` float32 [80, frames], `codes` int16 [n] and, in
// its metadata, a checksum over both.
#include <ATen/ATen.h>

#include <filesystem>
#include <optional>
#include <string>

namespace testudo::dataset {

// Mel [80, frames] float32 and codes int64 [n] of one clip.
struct ClipFeatures {
    at::Tensor mel, codes;
};

class FeatureCache {
  public:
    explicit FeatureCache(std::filesystem::path folder) : folder_(std::move(folder)) {}
    // Nothing when there is no such entry or it is damaged; then *damage says how (empty when missing).
    std::optional<ClipFeatures> find(const std::string& key, std::string* damage) const;
    void store(const std::string& key, const ClipFeatures& clip) const;  // Error(environment) as AtomicFile
    std::filesystem::path file(const std::string& key) const { return folder_ / (key + ".safetensors"); }

  private:
    std::filesystem::path folder_;
};

}  // namespace testudo::dataset
