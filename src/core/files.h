#pragma once
// Files that are never half written, and large files read without a copy.
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace testudo {

namespace fs = std::filesystem;

// A new file that appears under its name only when it is complete: bytes go to a temporary name beside it,
// commit() syncs, renames and syncs the folder. Destroyed without commit() (also by an exception): nothing
// remains. Throws Error(environment) on a full disk, missing permission and the like, naming the file.
class AtomicFile {
  public:
    explicit AtomicFile(fs::path path);  // creates missing parent folders
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(const void* data, std::size_t bytes);
    void write(std::string_view text) { write(text.data(), text.size()); }
    void write_at(std::size_t offset, const void* data, std::size_t bytes);  // over bytes already written
    std::size_t size() const { return size_; }
    const fs::path& temporary() const { return temporary_; }  // for libraries that write by name
    void commit();

  private:
    fs::path path_, temporary_;
    int file_ = -1;
    std::size_t size_ = 0;
};

void write_file(const fs::path& path, std::string_view bytes);  // by AtomicFile
// Lets `produce(temporary name)` write the file by itself, then syncs and renames.
void write_file_through(const fs::path& path, const std::function<void(const fs::path&)>& produce);

// Throws Error(input) when the file is missing, a folder, unreadable or larger than `limit` bytes.
std::string read_file(const fs::path& path, std::size_t limit = std::size_t{1} << 30);

// Copy-on-write view of a file: writing into it changes memory, never the file.
class MappedFile {
  public:
    explicit MappedFile(
        const fs::path& path);  // Error(input) when it cannot be opened; empty files are allowed
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    std::span<std::byte> bytes() { return {static_cast<std::byte*>(data_), size_}; }
    std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

  private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

// One job at a time works in a folder: while one lives, making another, in this process or any other, is an
// Error(environment), once `wait_seconds` are over. The folder must exist; nothing is written into it, and a
// killed process holds nothing.
class FolderLock {
  public:
    explicit FolderLock(const fs::path& folder, double wait_seconds = 0);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

  private:
    int file_ = -1;
};

// Deletes what killed processes left of files they were writing into `folder`, or of the one called `name`
// alone; for a folder, or a file, that is locked.
void remove_leftovers(const fs::path& folder, std::string_view name = {});

void make_folders(const fs::path& folder);                      // Error(environment), naming the folder
void rename_durably(const fs::path& from, const fs::path& to);  // rename + sync of both folders
// `file`, or NAME-2.EXT, NAME-3.EXT, … beside it: the first that is not there.
std::filesystem::path free_name(const std::filesystem::path& file);
double free_space(const fs::path& folder);  // bytes available to this user
// True when `path`, with links followed as far as it exists, lies in `folder`.
bool is_inside(const fs::path& path, const fs::path& folder);

}  // namespace testudo
