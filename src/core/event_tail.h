#pragma once
// Follows an events.jsonl that another process writes.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"

namespace testudo {

class EventTail {
  public:
    explicit EventTail(std::filesystem::path file, std::uint64_t offset = 0)
        : file_(std::move(file)), offset_(offset) {}
    // The whole lines that came since; none while the file is not there.
    std::vector<Json> next();
    std::uint64_t offset() const { return offset_; }  // bytes read so far

  private:
    std::filesystem::path file_;
    std::uint64_t offset_;
};

}  // namespace testudo
