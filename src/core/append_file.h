#pragma once
// A file that grows by whole lines or records, also over a disk that is full for a while: what cannot be
// written waits, and goes in order, from the very byte on, before what comes next.
#include <cstddef>
#include <deque>
#include <filesystem>
#include <string>

namespace testudo {

class AppendFile {
  public:
    static constexpr std::size_t most_waiting = std::size_t{16} << 20;  // bytes

    explicit AppendFile(std::filesystem::path path) : path_(std::move(path)) {}  // opens nothing yet
    ~AppendFile();                                                               // tries once more what waits
    AppendFile(const AppendFile&) = delete;
    AppendFile& operator=(const AppendFile&) = delete;

    // Creates the file and its folders where they are missing. False: why() says what stands against it.
    bool open();
    // `unit` is written whole or not at all, but for what waits when the program ends. False: something
    // waits.
    bool append(std::string unit);
    bool waits() const { return !waiting_.empty(); }
    std::size_t lost() const { return lost_; }  // units given up, since more than most_waiting waited
    std::string why() const;                    // of the last failure, as the system says it
    const std::filesystem::path& path() const { return path_; }

  private:
    bool write_waiting();

    std::filesystem::path path_;
    int file_ = -1, error_ = 0;
    std::deque<std::string> waiting_;
    std::size_t bytes_ = 0;    // of those
    std::size_t written_ = 0;  // of the first
    std::size_t lost_ = 0;
};

}  // namespace testudo
