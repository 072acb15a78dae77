// Thousands of damaged copies of good files: each is read, or refused with an Error that names it; nothing
// else may happen, and no memory may be taken that the file does not account for.
#include <algorithm>
#include <functional>
#include <random>

#include "core/strings.h"
#include "tensors/builders.h"
#include "tensors/ctranslate2_bytes.h"
#include "tensors/ggml_bytes.h"
#include "tensors/inspect.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"
#include "tensors/torchscript.h"
#include "tensors/weights.h"
#include "tensors/zip_reader.h"

namespace testudo::tensors::test {

using namespace std::string_literals;
namespace {

// Over the size of the file: 4096 values of their own, what the allocator keeps, the JSON of a description.
constexpr std::size_t small_bound = std::size_t{16} << 20;

// --- good files
NamedTensors sample_tensors() {
    NamedTensors out;
    out.set("module.text.weight", at::arange(12, at::kFloat).view({4, 3}));
    out.set("half", at::arange(5, at::kHalf));
    out.set("long", at::arange(4, at::kLong).view({2, 2}));
    out.set("flag", at::ones({3}, at::kBool));
    out.set("turned", out.at("module.text.weight").t());
    out.set("empty", at::empty({0, 3}));
    out.set("scalar", at::scalar_tensor(1.5));
    return out;
}

Value sample_state() {
    Dict moments, state, group, optimizer, scheduler, out;
    moments.set("step", at::scalar_tensor(7.0)).set("exp_avg", at::ones({2, 3}));
    state.set(0, moments).set(1, moments);
    group.set("lr", 1e-4).set("betas", Tuple{{0.9, 0.999}}).set("amsgrad", false).set("params", List{{0, 1}});
    optimizer.set("state", state).set("param_groups", List{{group}});
    scheduler.set("milestones", Dict{Dict::Kind::counter, {{5, 1}, {9, 1}}}).set("last_lr", List{{1e-4}});
    out.set("epoch", 3).set("iter", 10).set("optimizers", List{{optimizer}});
    out.set("schedulers", List{{scheduler}}).set("note", Value()).set("name", "é");
    return out;
}

std::string written(const std::function<void(const fs::path&)>& write) {
    TemporaryFolder folder;
    write(folder / "file");
    return read_file(folder / "file");
}

std::string sample_pth() {
    return written([](const fs::path& path) { write_pickle(path, to_value(sample_tensors())); });
}
std::string sample_training_state() {
    return written([](const fs::path& path) { write_pickle(path, sample_state()); });
}
std::string sample_legacy() {
    const std::string one = tensor(storage("0", 4), 0, {2, 2}, {2, 1}),
                      two = tensor(storage("key1", 2, "HalfStorage"), 1, {1}, {1});
    return legacy_of(program("}(" + text("w") + one + "q\x01" + text("again") + "h\x01" + text("b") + two +
                             text("n") + integer(5) + "u"),
                     {"key1", "0"},
                     packed(std::int64_t{2}) + "abcd" + packed(std::int64_t{4}) + four_floats());
}
std::string sample_safetensors() {
    return written([](const fs::path& path) {
        write_safetensors(path, sample_tensors(), {{"format", "pt"}, {"about", "é"}});
    });
}
std::string sample_torchscript() { return zip_of(script_parts(sample_script())); }
std::string sample_ctranslate2() {
    return ct2::model_of(3,
                         ct2::variable("a/weight", 4, "abcd", 2, 1) + ct2::variable("flag", 1, "\x01") +
                             ct2::variable("bias", 0, four_floats(), 4),
                         packed(std::uint32_t{1}) + ct2::text("b/weight") + ct2::text("a/weight"));
}

std::string sample_ggml() {
    return ggml::model_of(ggml::tensor("encoder.conv1.bias", 0, {1, 1}, "abcd") +
                          ggml::tensor("w", 1, {2, 2}, "abcdefgh"));
}

std::vector<std::string> golden_files() {
    std::vector<fs::path> paths;
    for (const char* folder : {"ar/ckpt", "gen", "ar"}) {
        const fs::path root = golden_root() / folder;
        if (!fs::exists(root)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root)) {
            const auto kind = entry.path().extension();
            const bool known = kind == ".pth" || kind == ".state" || kind == ".safetensors";
            if (known && entry.path().parent_path().filename() != "bad" && entry.file_size() < 200'000)
                paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    std::vector<std::string> out;
    for (const fs::path& path : paths) out.push_back(read_file(path));
    return out;
}

// The entries of a zip file in their order.
std::vector<ZipPart> parts_in(const std::string& zip) {
    std::vector<std::pair<std::size_t, ZipPart>> found;
    for (const auto& [name, entry] : read_zip_directory(std::as_bytes(std::span(zip)), "").entries)
        found.push_back({entry.offset, {name, zip.substr(entry.offset, entry.size)}});
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<ZipPart> out;
    for (auto& [offset, part] : found) out.push_back(std::move(part));
    return out;
}

// --- damage
class Mutator {
  public:
    explicit Mutator(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t limit) { return random_() % limit; }

    // One to three changes of `bytes`; `other` is what a wrong range may come from.
    std::string damaged(std::string bytes, const std::string& other) {
        for (std::size_t changes = 1 + below(3); changes > 0 && !bytes.empty(); --changes)
            change(bytes, other);
        return bytes;
    }

    // A zip file whose entries are wrong, but (mostly) not their checksums.
    std::string damaged(std::vector<ZipPart> parts, const std::string& other) {
        for (std::size_t changes = 1 + below(2); changes > 0 && !parts.empty(); --changes)
            change(parts, other);
        return zip_of(parts, below(4) == 0);
    }

  private:
    // Most of a large file are numbers of which any will do: aim at its ends, where the structure is.
    std::size_t place(const std::string& bytes) {
        const std::size_t span = std::min<std::size_t>(12'000, bytes.size());
        switch (below(3)) {
            case 0:
                return below(bytes.size());
            case 1:
                return below(span);
            default:
                return bytes.size() - 1 - below(span);
        }
    }

    std::uint64_t length(std::size_t size) {
        const std::uint64_t choices[] = {
            0,          1,          0x7f,         0x80,  0xff,       0x7fff,      0xffff,
            0x7fffffff, 0x80000000, 0xffffffff,   size,  size + 1,   size / 2,    1ull << 32,
            1ull << 40, 1ull << 62, (1ull << 63), ~0ull, ~0ull >> 1, ~0ull - size};
        return choices[below(std::size(choices))];
    }

    void change(std::string& bytes, const std::string& other) {
        const std::size_t at = place(bytes);
        switch (below(9)) {
            case 0:
                bytes.resize(at);
                break;
            case 1:
                bytes.erase(at, 1 + below(8));
                break;
            case 2:
                bytes.insert(at, 1 + below(8), static_cast<char>(below(256)));
                break;
            case 3:
                for (std::size_t i = 1 + below(8); i > 0; --i)
                    bytes[place(bytes)] = static_cast<char>(below(256));
                break;
            case 4:
                for (std::size_t i = 1 + below(3); i > 0; --i)
                    bytes[place(bytes)] ^= static_cast<char>(1 << below(8));
                break;
            case 5: {  // a field that counts
                const std::uint64_t value = length(bytes.size());
                const std::size_t width = std::size_t{1} << below(4);
                bytes.replace(at, width, reinterpret_cast<const char*>(&value), width);
                break;
            }
            case 6: {  // the same in text
                const auto digit = bytes.find_first_of("0123456789", at);
                if (digit == bytes.npos) break;
                const auto end = std::min(bytes.find_first_not_of("0123456789", digit), bytes.size());
                const char* wrong[] = {"-1", "1e9", "1.5", "99999999999999999999", "[[]]", "\"\""};
                const std::size_t which = below(2 * std::size(wrong));
                bytes.replace(digit, end - digit,
                              which < std::size(wrong) ? wrong[which] : std::to_string(length(bytes.size())));
                break;
            }
            case 7: {  // a range from elsewhere instead
                const std::size_t from = below(other.size());
                bytes.replace(at, below(64), other.substr(from, 1 + below(other.size() - from)));
                break;
            }
            default:  // a range of its own again
                bytes.insert(place(bytes), bytes.substr(at, 1 + below(256)));
        }
    }

    void change(std::vector<ZipPart>& parts, const std::string& other) {
        ZipPart& part = parts[below(parts.size())];
        const ZipPart& another = parts[below(parts.size())];
        const auto field = [&] { return static_cast<std::uint32_t>(length(part.data.size())); };
        switch (below(14)) {
            case 0:
                part.size = field();
                break;
            case 1:
                part.header_offset = field();
                break;
            case 2:
                part.crc = field();
                break;
            case 3:
                part.method = 8;
                break;
            case 4:
                part.flags = static_cast<std::uint16_t>(1 << below(16));
                break;
            case 5:
                part.local_name = another.name;
                break;
            case 6:
                part.name = another.name;
                break;
            case 7:
                part.name = damaged(part.name, other);
                part.name.resize(std::min<std::size_t>(part.name.size(), 60'000));
                break;
            case 8:
                part.data = another.data;
                break;
            case 9:
                parts.erase(parts.begin() + (&part - parts.data()));
                break;
            case 10: {
                const ZipPart copy = part;
                parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(below(parts.size())), copy);
                break;
            }
            case 11:
                std::swap(part, parts[below(parts.size())]);
                break;
            default: {
                // Most often the pickle, in which nearly every byte counts.
                const auto pickle = std::find_if(parts.begin(), parts.end(), [](const ZipPart& candidate) {
                    return candidate.name.ends_with("data.pkl");
                });
                if (pickle != parts.end()) pickle->data = damaged(pickle->data, other);
            }
        }
    }

    std::mt19937 random_;
};

// --- what may happen
// Reads the last byte of every tensor, in a copy of its own where its form is unusual.
double touch(const Value& value) {
    if (const at::Tensor* tensor = value.tensor())
        return tensor->numel() == 0 ? 0 : static_cast<double>(raw_bytes(*tensor).back());
    double sum = 0;
    for (const Value& element : value.elements()) sum += touch(element);
    if (const Dict* dict = value.dict())
        for (const auto& [key, element] : dict->items) sum += touch(element);
    return sum;
}

using Reader = std::function<void(const fs::path&)>;

// First without the checksums, which would catch nearly all damage before the parser; then as users do.
std::vector<Reader> checkpoint_readers() {
    return {[](const fs::path& path) {
                const FileKind kind = kind_of_file(path);
                const bool pickle = kind == FileKind::torch_zip || kind == FileKind::torch_legacy;
                touch(pickle ? read_pickle(path, Check::structure) : to_value(read_weights(path)));
            },
            [](const fs::path& path) { read_weights(path); },
            [](const fs::path& path) { describe_file(path, Check::contents); }};
}
std::vector<Reader> script_readers() {
    return {[](const fs::path& path) { touch(to_value(read_torchscript(path, Check::structure))); },
            [](const fs::path& path) { read_torchscript(path); }};
}

class Trial {
  public:
    explicit Trial(std::vector<Reader> readers = checkpoint_readers()) : readers_(std::move(readers)) {}

    // Returns whether every reader took it.
    bool file(const std::string& bytes, const std::string& which) {
        const fs::path path = folder_ / "damaged";
        write_quickly(path, bytes);
        std::size_t taken = 0;
        for (const Reader& reader : readers_) {
            try {
                const MemoryLimit limit(bytes.size() + small_bound);
                reader(path);
                ++taken;
            } catch (const Error& error) {
                EXPECT_EQ(error.kind(), ErrorKind::input) << which << ": " << error.what();
                EXPECT_FALSE(error.hint().empty()) << which << ": " << error.what();
                EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos)
                    << which << ": " << error.what();
            } catch (const std::exception& error) {
                ADD_FAILURE() << which << ": " << error.what();
            }
        }
        ++(taken > 0 ? read_ : refused_);
        return taken == readers_.size();
    }
    void expect_both() const {
        std::cout << "  " << read_ << " read, " << refused_ << " refused\n";
        EXPECT_GT(read_, 0);
        EXPECT_GT(refused_, 0);
    }

  private:
    TemporaryFolder folder_;
    std::vector<Reader> readers_;
    int read_ = 0, refused_ = 0;
};

TEST(Robustness, DamagedFilesAreReadOrRefused) {
    const std::pair<const char*, std::string> samples[] = {{"pth", sample_pth()},
                                                           {"state", sample_training_state()},
                                                           {"legacy", sample_legacy()},
                                                           {"safetensors", sample_safetensors()},
                                                           {"ctranslate2", sample_ctranslate2()},
                                                           {"ggml", sample_ggml()}};
    for (std::size_t i = 0; i < std::size(samples); ++i) {
        const auto& [name, good] = samples[i];
        Trial trial;
        trial.file(good, name);
        Mutator mutator(static_cast<unsigned>(i));
        for (int n = 0; n < 3000; ++n) {
            const std::string& other = samples[mutator.below(std::size(samples))].second;
            trial.file(mutator.damaged(good, other), cat(name, " ", n));
        }
        trial.expect_both();
    }
}

TEST(Robustness, DamagedArchivesWithRightChecksumsAreReadOrRefused) {
    const std::string other = sample_legacy();
    for (const std::string& good : {sample_pth(), sample_training_state()}) {
        const std::vector<ZipPart> parts = parts_in(good);
        Trial trial;
        trial.file(zip_of(parts), "undamaged");
        Mutator mutator(7);
        for (int n = 0; n < 4000; ++n) trial.file(mutator.damaged(parts, other), cat("archive ", n));
        trial.expect_both();
    }
}

TEST(GoldenRobustness, DamagedFilesAreReadOrRefused) {
    const std::vector<std::string> files = golden_files();
    if (files.empty()) GTEST_SKIP() << "this set has no checkpoints";
    Mutator mutator(20240601);
    Trial trial;
    for (int n = 0; n < 1000; ++n) {
        const auto index = static_cast<std::size_t>(n) % files.size();
        trial.file(mutator.damaged(files[index], files[mutator.below(files.size())]),
                   cat("file ", index, " ", n));
    }
    trial.expect_both();
}

TEST(Robustness, DamagedProgramsAreReadOrRefused) {
    std::vector<std::string> samples = {sample_torchscript()};
    const fs::path real = testudo::test::source_dir() / ".deps/share/vad/silero_vad.jit";
    if (fs::exists(real)) samples.push_back(read_file(real));
    for (std::size_t i = 0; i < samples.size(); ++i) {
        Trial trial(script_readers());
        EXPECT_TRUE(trial.file(samples[i], "undamaged"));
        Mutator mutator(static_cast<unsigned>(i));
        // The real one is large, and most of it numbers.
        for (int n = 0; n < (i == 0 ? 3000 : 300); ++n)
            trial.file(mutator.damaged(samples[i], samples[mutator.below(samples.size())]), cat(i, " ", n));
        trial.expect_both();
    }
    Trial trial(script_readers());
    Mutator mutator(7);
    for (int n = 0; n < 1500; ++n)
        trial.file(mutator.damaged(script_parts(sample_script()), samples[0]), cat("entries ", n));
    trial.expect_both();
}

// Undamaged by their form, but a small file that stands for a lot.
TEST(Robustness, NothingMultiplies) {
    const auto repeated = [](const std::string& piece, int times) {
        std::string out;
        for (int i = 0; i < times; ++i) out += piece;
        return out;
    };
    const std::string memoised = "q\x01", recalled = "h\x01";
    const auto list_of = [](const std::string& items) { return "](" + items + "e"; };
    const std::string nones = list_of(std::string(1000, 'N')) + memoised;
    const std::pair<const char*, std::string> hostile[] = {
        // Every one of the many would be described under the long name.
        {"names", "}" + text(std::string(40'000, 'n')) + list_of(std::string(40'000, '}')) + "s"},
        {"values", list_of(nones + repeated(recalled, 1000))},
        {"texts", list_of(text(std::string(10'000, 't')) + memoised + repeated(recalled, 20'000))},
        {"copies", list_of("}" + memoised + "(" + repeated("KaN", 1000) + "u" +
                           repeated(global("collections", "OrderedDict") + recalled + "\x85R", 1000))},
        {"elements",
         list_of(tensor(storage("0", 4), 0, {1 << 20}, {0}) + memoised + repeated(recalled, 1000))}};
    Trial trial;
    for (const auto& [what, body] : hostile)
        EXPECT_FALSE(trial.file(zip_of(parts_of(program(body))), what)) << what;
}

}  // namespace
}  // namespace testudo::tensors::test
