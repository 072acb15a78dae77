#pragma once
// Follows an events.jsonl that another process writes.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
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

// What a file holds may be of any type: these take only what is meant.
bool has_text(const Json& event, const char* key, std::string_view value);
std::string text_or(const Json& event, const char* key, std::string otherwise = "");
double number_or(const Json& event, const char* key, double otherwise);

}  // namespace testudo
