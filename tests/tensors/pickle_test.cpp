#include "tensors/pickle.h"

#include "tensors/builders.h"
#include "tensors/weights.h"

namespace testudo::tensors::test {

using namespace std::string_literals;
namespace {

class Pickle : public ::testing::Test {
  protected:
    Value read(const std::string& bytes) {
        write_quickly(folder_ / "x.pth", bytes);
        return read_pickle(folder_ / "x.pth");
    }
    std::string refusal(const std::string& bytes) {
        return message_of_error([&] { read(bytes); });
    }
    std::string refusal_of_pickle(const std::string& pickle) { return refusal(zip_of(parts_of(pickle))); }
    void expect_refused(const std::string& bytes, const std::string& reason) {
        const std::string message = refusal(bytes);
        EXPECT_NE(message.find(reason), std::string::npos) << message;
        EXPECT_NE(message.find("x.pth"), std::string::npos) << message;
    }
    void expect_pickle_refused(const std::string& pickle, const std::string& reason) {
        expect_refused(zip_of(parts_of(pickle)), reason);
    }
    TemporaryFolder folder_;
};

TEST_F(Pickle, ReadsATensorInPlace) {
    const Value value = read(zip_of(parts_of(dict_of(good_tensor()))));
    const at::Tensor& tensor = *value.find("w")->tensor();
    EXPECT_TRUE(at::equal(tensor, at::arange(4, at::kFloat).view({2, 2})));
    const std::string before = read_file(folder_ / "x.pth");
    tensor.fill_(7);
    EXPECT_EQ(read_file(folder_ / "x.pth"), before);  // copy on write
}

TEST_F(Pickle, ReadsZip64AndACommentAtTheEnd) {
    EXPECT_NE(read(zip_of(parts_of(dict_of(good_tensor())), true)).find("w"), nullptr);
    std::string commented = zip_of(parts_of(dict_of(good_tensor())));
    commented[commented.size() - 2] = 5;
    EXPECT_NE(read(commented + "hello").find("w"), nullptr);
}

TEST_F(Pickle, ReadsNewerProtocols) {
    const std::string name = "\x8c\x01w";
    const std::string body = "\x80\x04\x95"s + packed(std::uint64_t{100}) + "}\x94" + name + "\x94\x8c\x0b" +
                             "collections\x8c\x07" + "Counter\x93}K\x04K\x01s\x85Rs.";
    const Value value = read(zip_of(parts_of(body)));
    ASSERT_NE(value.find("w"), nullptr);
    EXPECT_STREQ(value.find("w")->type_name(), "Counter");
    EXPECT_EQ(value.find("w")->dict()->find(4)->integer(), 1);
}

TEST_F(Pickle, KnowsParametersSizesAndDefaultDicts) {
    const std::string parameter =
        global("torch._utils", "_rebuild_parameter") + "(" + good_tensor() + "\x88" + ordered_dict() + "tR";
    EXPECT_EQ(read(zip_of(parts_of(dict_of(parameter)))).find("w")->tensor()->numel(), 4);
    const std::string size = global("torch", "Size") + "(" + integers({2, 3}) + "tR";
    EXPECT_EQ(read(zip_of(parts_of(dict_of(size)))).find("w")->tuple()->items.size(), 2u);
    const std::string defaults =
        global("collections", "defaultdict") + "(" + global("builtins", "int") + "tR" + text("a") + "K\x07s";
    EXPECT_EQ(read(zip_of(parts_of(dict_of(defaults)))).find("w")->find("a")->integer(), 7);
    const std::string pairs = global("collections", "OrderedDict") + "(](" + text("a") + "K\x07ta" + "tR";
    EXPECT_EQ(read(zip_of(parts_of(dict_of(pairs)))).find("w")->find("a")->integer(), 7);
}

TEST_F(Pickle, RefusesNamesThatAreNotOnTheList) {
    for (const auto& [module, name] :
         std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                          {"posix", "system"},
                                                          {"builtins", "eval"},
                                                          {"builtins", "getattr"},
                                                          {"torch", "load"},
                                                          {"torch.storage", "_load_from_bytes"},
                                                          {"torch", "QInt8Storage"},
                                                          {"collections", "deque"},
                                                          {"numpy.core.multiarray", "scalar"},
                                                          {"_codecs", "encode"}}) {
        expect_pickle_refused(dict_of(global(module, name) + "(" + text("echo") + "tR"), module + "." + name);
        // The same by two texts.
        expect_pickle_refused("\x80\x04}"s + text("w") + text(module) + text(name) + "\x93s.",
                              module + "." + name);
    }
}

TEST_F(Pickle, RefusesObjectsAndOddOpcodes) {
    expect_pickle_refused(dict_of("C\x01x"), "bytes");
    expect_pickle_refused(dict_of("\x8f"), "a set");
    expect_pickle_refused(dict_of(global("collections", "OrderedDict") + ")\x81"), "an object of a class");
    expect_pickle_refused(dict_of("I1\n"), "protocol 0");
    expect_pickle_refused(dict_of("\xff"), "unknown opcode");
    expect_pickle_refused(dict_of("\x8a\x09"s + std::string(9, 'x')), "beyond 64 bits");
    expect_pickle_refused(dict_of(global("torch", "FloatStorage")), "itself as a value");
    expect_pickle_refused(dict_of(storage("0", 4)), "bare storage");
    expect_pickle_refused(dict_of(global("torch", "FloatStorage") + ")R"), "calls FloatStorage");
    expect_pickle_refused(dict_of("]}b"), "gives state");
    expect_pickle_refused(dict_of("K\x01)R"), "no function");
    expect_pickle_refused("\x80\x09.", "protocol 9");
}

TEST_F(Pickle, RefusesABrokenProgram) {
    const std::string good = dict_of(good_tensor());
    for (std::size_t length = 0; length < good.size(); ++length) refusal_of_pickle(good.substr(0, length));
    for (const char* body : {"t",
                             "e",
                             "u",
                             "s",
                             "a",
                             "R",
                             "Q",
                             "b",
                             "h\x05",
                             "j\x05\x05\x05\x05",
                             "(",
                             "q\x01",
                             ".",
                             "\x85",
                             "\x93",
                             "}K\x01(e",
                             "](K\x01u",
                             "}(K\x01u",
                             "c\n",
                             "ccollections",
                             "X\xff\xff\xff\xff",
                             "\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
                             "(K\x01.",
                             "}(K\x01s"})
        refusal_of_pickle(program(body));
    expect_pickle_refused(dict_of("X\x02"s + std::string("\0\0\0\xff\xfe", 5)), "not UTF-8");
}

TEST_F(Pickle, RefusesWhatGrowsBeyondTheFile) {
    std::string deep = "]";
    for (int i = 0; i < 500; ++i) deep += "]";
    expect_pickle_refused(program(deep + std::string(500, 'a')), "nested");
    // A list in itself; a dict in its own tuple.
    expect_pickle_refused(program("]q\x01h\x01"
                                  "a"),
                          "contains itself");
    expect_pickle_refused(program("}q\x01"s + text("a") + "(h\x01ts"), "contains itself");
    // Lists of ten references each: 10^12 elements out of 300 bytes.
    std::string laughs =
        "](K\x01"
        "eq"s +
        std::string(1, '\0');
    for (char level = 1; level <= 12; ++level) {
        laughs += "](";
        for (int i = 0; i < 10; ++i) laughs += std::string("h") + static_cast<char>(level - 1);
        laughs += std::string("eq") + level;
    }
    std::string nest = "](";
    for (char level = 0; level <= 12; ++level) nest += std::string("h") + level;
    expect_pickle_refused("\x80\x02("s + laughs + nest + "et.", "unfold");
    // One long text, many times.
    std::string texts = "]("s + text(std::string(100'000, 'x')) + "q\x01";
    for (int i = 0; i < 1000; ++i) texts += "h\x01";
    expect_pickle_refused(program(texts + "e"), "unfold");
    // A dict copied over and over.
    std::string source = "}(";
    for (int i = 0; i < 5000; ++i) source += integer(i) + "N";
    std::string copies = "]("s + source + "uq\x01";
    for (int i = 0; i < 1000; ++i) copies += global("collections", "Counter") + "(h\x01tR";
    expect_pickle_refused(program(copies + "e"), "without end");
    // An expanded tensor: 2^39 elements out of four.
    expect_pickle_refused(dict_of(tensor(storage("0", 4), 0, {1 << 20, 1 << 19}, {0, 0})), "unfold");
}

TEST_F(Pickle, RefusesTensorsOutsideTheirStorage) {
    constexpr std::int64_t huge = std::int64_t{1} << 62;
    const auto refused = [&](std::int64_t offset, std::vector<std::int64_t> sizes,
                             std::vector<std::int64_t> strides) {
        refusal_of_pickle(dict_of(tensor(storage("0", 4), offset, sizes, strides)));
    };
    refused(1, {2, 2}, {2, 1});
    refused(-1, {2}, {1});
    refused(0, {-2}, {1});
    refused(3, {2}, {-1});
    refused(0, {5}, {1});
    refused(0, {2}, {4});
    refused(huge, {1}, {1});
    refused(0, {huge, huge}, {1, 1});
    refused(0, {huge, 4, 4}, {0, 0, 0});
    refused(0, {2}, {huge});
    refused(0, {2, 2}, {1});
    refused(0, std::vector<std::int64_t>(40, 1), std::vector<std::int64_t>(40, 1));
    refusal_of_pickle(dict_of(tensor(storage("0", 5), 0, {2}, {1})));  // the storage is shorter than it says
    refusal_of_pickle(dict_of(tensor(storage("0", -4), 0, {2}, {1})));
    refusal_of_pickle(dict_of(tensor(storage("0", huge), 0, {2}, {1})));
    refusal_of_pickle(dict_of(tensor(storage("1", 4), 0, {2}, {1})));  // no such storage
    refusal_of_pickle(dict_of(tensor(storage("../data.pkl", 4), 0, {2}, {1})));
    refusal_of_pickle(dict_of(tensor(storage("0", 4, "NoStorage"), 0, {2}, {1})));
    refusal_of_pickle(
        program("]("s + good_tensor() + tensor(storage("0", 2, "DoubleStorage"), 0, {2}, {1}) + "e"));
    const Value empty = read(zip_of(parts_of(dict_of(tensor(storage("9", 0), 0, {0, 3}, {3, 1})))));
    EXPECT_EQ(empty.find("w")->tensor()->sizes(), at::IntArrayRef({0, 3}));
}

TEST_F(Pickle, RefusesAmbiguousDicts) {
    expect_pickle_refused(program("}("s + text("a") + "N" + text("a") + "Nu"), "\"a\" twice");
    expect_pickle_refused(program("}(K\x01NG"s + std::string("\x3f\xf0\0\0\0\0\0\0", 8) + "Nu"), "1 twice");
    expect_pickle_refused(program("}(]Nu"), "neither text nor number");
}

TEST_F(Pickle, RefusesDishonestZipFiles) {
    const std::string pickle = dict_of(good_tensor());
    const auto with = [&](auto change) {
        auto parts = parts_of(pickle);
        change(parts);
        return zip_of(parts);
    };
    ASSERT_NO_THROW(read(with([](auto&) {})));
    expect_refused(with([](auto& p) { p[2].method = 8; }), "compressed");
    expect_refused(with([](auto& p) { p[2].flags = 1; }), "encrypted");
    expect_refused(with([](auto& p) { p[2].crc = 1; }), "checksum");
    expect_refused(with([](auto& p) { p[0].crc = 1; }), "checksum");
    expect_refused(with([](auto& p) { p.push_back(p[2]); }), "twice");
    expect_refused(with([](auto& p) { p.push_back({"archive/../../x", "y"}); }), "leads out");
    expect_refused(with([](auto& p) { p.push_back({"/etc/passwd", "y"}); }), "leads out");
    expect_refused(with([](auto& p) { p.push_back({"archive\\x", "y"}); }), "leads out");
    expect_refused(with([](auto& p) { p.push_back({std::string("archive/x\0y", 11), "y"}); }), "leads out");
    expect_refused(with([](auto& p) { p.push_back({"other/data.pkl", "y"}); }), "two pickles");
    expect_refused(with([](auto& p) { p.push_back({"archive/constants.pkl", "y"}); }), "TorchScript");
    expect_refused(with([](auto& p) { p[1].data = "big"; }), "big-endian");
    expect_refused(with([](auto& p) { p[1].data = "middle"; }), "byte order");
    expect_refused(with([](auto& p) { p[2].local_name = "archive/data/1"; }), "differs");
    expect_refused(with([](auto& p) { p[2].size = 1u << 30; }), "outside");
    expect_refused(with([](auto& p) { p[2].header_offset = 1u << 30; }), "outside");
    expect_refused(with([](auto& p) { p[2].header_offset = 3; }), "no header");
    expect_refused(with([](auto& p) { p[1].size = 20; }), "overlap");
    expect_refused(zip_of({{"readme.txt", "hello"}}), "data.pkl");
    expect_refused("stub"s + zip_of(parts_of(pickle)), "checkpoint");
    const std::string good = zip_of(parts_of(pickle));
    for (std::size_t length = 4; length < good.size(); length += 7) refusal(good.substr(0, length));
    std::string counted = good;
    counted[counted.size() - 12] = counted[counted.size() - 14] =
        60;  // more entries than the directory holds
    expect_refused(counted, "directory");
}

TEST_F(Pickle, ReadsTheOldForm) {
    const std::string object = dict_of(tensor(storage("7", 4), 1, {3}, {1}));
    const std::string bytes = legacy_of(object, {"7"}, packed(std::int64_t{4}) + four_floats());
    EXPECT_TRUE(at::equal(*read(bytes).find("w")->tensor(), at::arange(1, 4, at::kFloat)));
    // A view of a storage, as PyTorch 0.x wrote them.
    const std::string view = dict_of(tensor(
        storage("7", 4, "FloatStorage", "("s + text("8") + integer(2) + integer(2) + "t"), 0, {2}, {1}));
    const Value value = read(legacy_of(view, {"7"}, packed(std::int64_t{4}) + four_floats()));
    EXPECT_TRUE(at::equal(*value.find("w")->tensor(), at::arange(2, 4, at::kFloat)));
}

TEST_F(Pickle, RefusesBrokenOldForms) {
    const std::string object = dict_of(tensor(storage("7", 4), 0, {4}, {1}));
    const std::string data = packed(std::int64_t{4}) + four_floats();
    const std::string good = legacy_of(object, {"7"}, data);
    ASSERT_NO_THROW(read(good));
    for (std::size_t length = 0; length < good.size(); ++length) refusal(good.substr(0, length));
    expect_refused(good + "x", "follow");
    expect_refused(legacy_of(object, {"7"}, data, false), "big-endian");
    expect_refused(legacy_of(object, {}, ""), "missing");
    expect_refused(legacy_of(object, {"7", "7"}, data + data), "twice");
    expect_refused(legacy_of(object, {"8"}, data), "no tensor uses");
    expect_refused(legacy_of(object, {"7"}, packed(std::int64_t{-4}) + four_floats()), "another size");
    expect_refused(legacy_of(object, {"7"}, packed(std::int64_t{1} << 60) + four_floats()), "another size");
    expect_refused(program("}"), "not a checkpoint of PyTorch");
    const std::string outside = dict_of(tensor(
        storage("7", 4, "FloatStorage", "("s + text("8") + integer(2) + integer(3) + "t"), 0, {2}, {1}));
    expect_refused(legacy_of(outside, {"7"}, data), "outside it");
}

TEST_F(Pickle, NamesWhatAFileIsInstead) {
    expect_refused("", "empty");
    expect_refused("  <!DOCTYPE html><html></html>", "web page");
    expect_refused("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-lfs");
    expect_refused("lmgg"s + std::string(100, '\0'), "ggml");
    expect_refused("GGUF"s + std::string(100, '\0'), "llama.cpp");
    expect_refused("just some words", "no checkpoint");
    message_of_error([&] { read_pickle(folder_ / "missing.pth"); });
    message_of_error([&] { read_pickle(folder_.path()); });
}

}  // namespace
}  // namespace testudo::tensors::test
