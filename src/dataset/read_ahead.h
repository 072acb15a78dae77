#pragma once
// Decodes the next recordings while others are transcribed.
#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dataset/clip_file.h"

namespace testudo::dataset {

class ReadAhead {
  public:
    // `files` in the order in which they will be taken. Recordings longer than `most_seconds` are not kept,
    // and no more than about as much sound waits at any time.
    ReadAhead(std::vector<std::filesystem::path> files, double most_seconds);
    ~ReadAhead();
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;

    // Nothing when it is too long. Errors as load_both_rates. Files may be left out, not taken out of order.
    std::optional<TwoRates> take(const std::filesystem::path& file, std::string* warning);

  private:
    struct Loaded {
        std::filesystem::path file;
        std::optional<TwoRates> sound;
        std::string warning;
        std::exception_ptr error;
    };
    void work();

    std::vector<std::filesystem::path> files_;
    double most_seconds_, waiting_seconds_ = 0;
    std::deque<Loaded> waiting_;
    std::size_t loaded_ = 0;  // of files_
    bool stop_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::thread thread_;
};

}  // namespace testudo::dataset
