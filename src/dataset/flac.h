#pragma once
// 16-bit mono FLAC by libav, block by block.
#include <filesystem>
#include <memory>
#include <span>

namespace testudo::dataset {

// Whole or not at all: nothing remains without commit(). Error(environment) when it cannot be written.
class FlacWriter {
  public:
    FlacWriter(const std::filesystem::path& file, int rate);
    ~FlacWriter();
    void write(std::span<const float> samples);
    void commit();

  private:
    struct Encoder;
    std::unique_ptr<Encoder> encoder_;
};

}  // namespace testudo::dataset
