// Thousands of damaged copies of good files: each is read, or refused with an Error; nothing else may happen.
#include <chrono>
#include <random>

#include "tensors/builders.h"
#include "tensors/inspect.h"
#include "tensors/pickle.h"
#include "tensors/weights.h"

namespace testudo::tensors::test {

using namespace std::string_literals;
namespace {

std::vector<fs::path> good_files() {
    std::vector<fs::path> out;
    for (const char* folder : {"ar/ckpt", "gen/weights", "gen", "ar"}) {
        const fs::path root = golden_root() / folder;
        if (!fs::exists(root)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root)) {
            const auto kind = entry.path().extension();
            const bool known = kind == ".pth" || kind == ".state" || kind == ".safetensors";
            if (known && entry.path().parent_path().filename() != "bad" && entry.file_size() < 200'000)
                out.push_back(entry.path());
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// Changes that leave the file's form alone and those that do not.
std::string mutated(const std::string& good, std::size_t head, std::mt19937& random) {
    std::string bytes = good;
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    // Most of a file are numbers of which any will do: aim at its ends, where the structure is.
    const auto place = [&] {
        const std::size_t span = std::min(head, bytes.size());
        switch (below(3)) {
            case 0:
                return below(bytes.size());
            case 1:
                return below(span);
            default:
                return bytes.size() - 1 - below(span);
        }
    };
    switch (below(5)) {
        case 0:
            bytes.resize(below(bytes.size()));
            return bytes;
        case 1:
            bytes.erase(place(), 1 + below(4));
            return bytes;
        case 2:
            bytes.insert(place(), 1 + below(8), static_cast<char>(below(256)));
            return bytes;
        case 3:
            for (std::size_t i = 1 + below(8); i > 0; --i) bytes[place()] = static_cast<char>(below(256));
            return bytes;
        default:
            for (std::size_t i = 1 + below(3); i > 0; --i) bytes[place()] ^= static_cast<char>(1 << below(8));
            return bytes;
    }
}

// Reads every byte of what a reader gave out, where it gave out anything.
double touch(const Value& value) {
    if (const at::Tensor* tensor = value.tensor())
        return tensor->numel() == 0 ? 0 : static_cast<double>(raw_bytes(*tensor).back());
    double sum = 0;
    for (const Value& element : value.elements()) sum += touch(element);
    if (const Dict* dict = value.dict())
        for (const auto& [key, element] : dict->items) sum += touch(element);
    return sum;
}

struct Outcome {
    int read = 0, refused = 0;
};

void try_file(const fs::path& path, Outcome& outcome) {
    try {
        const FileKind kind = kind_of_file(path);
        // Without the checksums, which would catch nearly all of it before the parser.
        if (kind == FileKind::torch_zip || kind == FileKind::torch_legacy)
            touch(read_pickle(path, Check::structure));
        else
            touch(to_value(read_weights(path)));
        describe_file(path);
        ++outcome.read;
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
        ++outcome.refused;
    }
}

void mutate_for(const std::vector<std::string>& files, double seconds, unsigned seed) {
    TemporaryFolder folder;
    const fs::path path = folder / "mutated";
    std::mt19937 random(seed);
    Outcome outcome;
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    for (std::size_t i = 0; std::chrono::steady_clock::now() < end && i < 20'000; ++i) {
        const std::string& good = files[i % files.size()];
        write_quickly(path, mutated(good, 12'000, random));
        try_file(path, outcome);
    }
    std::cout << "  " << outcome.read << " read, " << outcome.refused << " refused\n";
    EXPECT_GT(outcome.read + outcome.refused, 100);
    EXPECT_GT(outcome.refused, 0);
}

TEST(GoldenRobustness, DamagedFilesNeverCrash) {
    std::vector<std::string> files;
    for (const fs::path& path : good_files()) files.push_back(read_file(path));
    if (files.empty()) GTEST_SKIP() << "this set has no checkpoints";
    mutate_for(files, 2.0, 20240601);
}

// Small files, in which nearly every byte is structure; the zip's checksum of the pickle is made right again.
TEST(Robustness, DamagedPicklesNeverCrash) {
    TemporaryFolder folder;
    std::mt19937 random(7);
    Outcome outcome;
    const std::string body = "}("s + text("w") + good_tensor() + text("o") + ordered_dict() + "q\x01" +
                             text("l") +
                             "](K\x01Nh\x01"
                             "eu";
    const std::string good = program(body);
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(1.0);
    for (int i = 0; i < 20'000 && std::chrono::steady_clock::now() < end; ++i) {
        write_quickly(folder / "x.pth", zip_of(parts_of(i == 0 ? good : mutated(good, good.size(), random))));
        try_file(folder / "x.pth", outcome);
        if (i == 0) {
            ASSERT_EQ(outcome.read, 1);
        }
    }
    std::cout << "  " << outcome.read << " read, " << outcome.refused << " refused\n";
    EXPECT_GT(outcome.refused, 100);
}

}  // namespace
}  // namespace testudo::tensors::test
