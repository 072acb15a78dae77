#include "core/files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "core/refusals.h"
#include "core/strings.h"

namespace testudo {

namespace {

std::string remedy_for(int error) {
    if (is_disk_full(error)) return "Free some disk space or choose another folder, then try again.";
    switch (error) {
        case EACCES:
        case EPERM:
            return "Give your user permission to write there, or choose another folder.";
        case EROFS:
            return "The disk is read-only: choose another folder.";
        case ENAMETOOLONG:
            return "Use a shorter name.";
        default:
            return "Check the folder and the disk, then try again.";
    }
}

[[noreturn]] void fail(const char* doing, const fs::path& path, int error = errno) {
    const std::string what = cat("cannot ", doing, " ", to_utf8(path.native()), ": ", std::strerror(error));
    if (is_disk_full(error)) throw DiskFull(what, remedy_for(error));
    throw environment_error(what, remedy_for(error));
}

void sync_folder(const fs::path& folder) {
    const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) fail("open folder", folder);
    ::fsync(file);  // some file systems refuse to sync a folder: the rename itself has still happened
    ::close(file);
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : "."; }

// O_NONBLOCK: a pipe that nobody writes to must not hold us up.
int open_for_reading(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        throw input_error(cat("cannot read ", to_utf8(path.native()), ": ", std::strerror(errno)),
                          errno == ENOENT ? "Check the name; the file does not exist."
                                          : "Check the permissions of the file.");
    return file;
}

// What a shell hands over as /dev/stdin or by <(command), unlike one with a name on a disk.
bool is_nameless_pipe(int file) {
    struct statfs system {};
    return ::fstatfs(file, &system) == 0 && system.f_type == PIPEFS_MAGIC;
}

constexpr std::string_view temporary_ending = ".tmp";

fs::path temporary_name(const fs::path& path) {
    static std::atomic<unsigned> counter{0};
    fs::path name = path.filename();
    std::string stem = name.native().substr(0, 200);
    return folder_of(path) / cat(".", stem, ".", ::getpid(), ".", counter++, temporary_ending);
}

}  // namespace

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), temporary_(temporary_name(path_)) {
    make_folders(folder_of(path_));
    file_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file_ < 0) fail("write", path_);
}

AtomicFile::~AtomicFile() {
    if (file_ >= 0) ::close(file_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
    write_at(size_, data, bytes);
    size_ += bytes;
}

void AtomicFile::write_at(std::size_t offset, const void* data, std::size_t bytes) {
    const char* at = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t done =
            ::pwrite(file_, at, std::min<std::size_t>(bytes, 1 << 30), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail("write", path_);
        at += done;
        offset += static_cast<std::size_t>(done);
        bytes -= static_cast<std::size_t>(done);
    }
}

void AtomicFile::commit() {
    if (::fsync(file_) != 0) fail("write", path_);
    const int file = file_;
    file_ = -1;
    if (::close(file) != 0) fail("write", path_);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("write", path_);
    temporary_.clear();
    sync_folder(folder_of(path_));
}

void write_file(const fs::path& path, std::string_view bytes) {
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
}

void write_file_through(const fs::path& path, const std::function<void(const fs::path&)>& produce) {
    AtomicFile file(path);
    produce(file.temporary());
    file.commit();
}

std::string read_file(const fs::path& path, std::size_t limit) {
    const std::string name = to_utf8(path.native());
    const int file = open_for_reading(path);
    struct Closer {
        int file;
        ~Closer() { ::close(file); }
    } closer{file};
    struct stat info {};
    if (::fstat(file, &info) == 0 && !S_ISREG(info.st_mode)) {
        if (!is_nameless_pipe(file))
            throw input_error(cat("cannot read ", name, ": it is ",
                                  S_ISDIR(info.st_mode) ? "a folder" : "a pipe or a device"),
                              "Name a file.");
        ::fcntl(file, F_SETFL, 0);  // wait for what it brings
    }
    std::string out;
    char buffer[1 << 16];
    for (;;) {
        const ssize_t got = ::read(file, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            throw input_error(cat("cannot read ", name, ": ", std::strerror(errno)), "Check the disk.");
        if (got == 0) return out;
        if (out.size() + static_cast<std::size_t>(got) > limit)
            throw input_error(cat(name, " is larger than ", human_bytes(static_cast<double>(limit)),
                                  ", which is more than such a file can be"),
                              "Check that it is the right file.");
        out.append(buffer, static_cast<std::size_t>(got));
    }
}

MappedFile::MappedFile(const fs::path& path) {
    const std::string name = to_utf8(path.native());
    const int file = open_for_reading(path);
    struct stat info {};
    if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        ::close(file);
        throw input_error(cat("cannot read ", name, ": it is not a regular file"), "Name a file.");
    }
    size_ = static_cast<std::size_t>(info.st_size);
    if (size_ > 0)
        data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    const int error = errno;
    ::close(file);
    if (data_ == MAP_FAILED) {
        data_ = nullptr;
        if (error == ENOMEM)
            throw environment_error(cat("there is not enough memory to map ", name, ", which takes ",
                                        human_bytes(static_cast<double>(size_))),
                                    "Raise the limit of this process (ulimit -v), or close other programs.");
        throw input_error(cat("cannot map ", name, ": ", std::strerror(error)),
                          "Check the file and its disk.");
    }
}

MappedFile::~MappedFile() {
    if (data_) ::munmap(data_, size_);
}

FolderLock::FolderLock(const fs::path& folder, double wait_seconds)
    : file_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (file_ < 0) fail("open folder", folder);
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(wait_seconds);
    do {
        // Where a file system knows no locks the job goes on without.
        if (::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
        if (wait_seconds > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } while (std::chrono::steady_clock::now() < until);
    ::close(file_);
    throw FolderBusy(cat("another job is working in ", to_utf8(folder.native())),
                     "Wait for it to end, or stop it, then try again.");
}

FolderLock::~FolderLock() { ::close(file_); }

void remove_leftovers(const fs::path& folder, std::string_view of) {
    const std::string beginning = of.empty() ? "." : cat(".", of, ".");
    std::error_code ignored;
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
         entry.increment(ignored)) {
        const std::string name = entry->path().filename().native();
        if (name.starts_with(beginning) && name.ends_with(temporary_ending)) found.push_back(entry->path());
    }
    for (const auto& file : found) fs::remove(file, ignored);
}

void make_folders(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error && !fs::is_directory(folder)) fail("create folder", folder, error.value());
}

void rename_durably(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) fail("rename", from);
    sync_folder(folder_of(from));
    if (folder_of(to) != folder_of(from)) sync_folder(folder_of(to));
}

double free_space(const fs::path& folder) {
    std::error_code error;
    fs::path existing = fs::absolute(folder, error);
    while (!fs::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
    const auto space = fs::space(existing, error);
    return error ? 0.0 : static_cast<double>(space.available);
}

fs::path free_name(const fs::path& file) {
    fs::path name = file;
    for (int n = 2; fs::exists(name); ++n)
        name = file.parent_path() / cat(file.stem().string(), "-", n, file.extension().string());
    return name;
}

bool is_inside(const fs::path& path, const fs::path& folder) {
    std::error_code error;
    const fs::path inner = fs::weakly_canonical(path, error);
    fs::path outer = fs::weakly_canonical(folder, error);
    if (!outer.has_filename()) outer = outer.parent_path();  // "new/", which is not there yet
    return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

}  // namespace testudo
