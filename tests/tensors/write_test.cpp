#include "tensors/builders.h"
#include "tensors/inspect.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"
#include "tensors/weights.h"
#include "tensors/zip_reader.h"

namespace testudo::tensors::test {
namespace {

// Everything a value may be, with every element type.
Value one_of_each() {
    Dict state;
    std::int64_t size = 1;
    for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                            at::kShort, at::kChar, at::kByte, at::kBool})
        state.set(at::toString(type), at::arange(++size).remainder(2).to(type));
    state.set("scalar", at::scalar_tensor(2.5));
    state.set("empty", at::empty({0, 3}));
    Dict counter;
    counter.kind = Dict::Kind::counter;
    counter.set(4, 1).set(8, 2);
    Dict ordered;
    ordered.kind = Dict::Kind::ordered;
    Dict out;
    out.set("state", state).set("milestones", counter).set("none", Value()).set("ordered", ordered);
    out.set(7, "seven").set(1.5, true).set(true, false).set(Value(), List{});
    out.set("numbers", List{{0, 255, 256, 65535, 65536, -1, std::int64_t{1} << 40, INT64_MIN, INT64_MAX, 0.1,
                             -0.0, std::nan("")}});
    out.set("tuple", Tuple{{0.9, 0.96, Tuple{}}})
        .set("text", "Ωmega\n\"quoted\" and a line longer than can be shared");
    return out;
}

TEST(WritePickle, ReadsBackIdentically) {
    TemporaryFolder folder;
    const Value value = one_of_each();
    write_pickle(folder / "5.state", value);
    EXPECT_TRUE(identical(read_pickle(folder / "5.state"), value));
    EXPECT_TRUE(identical(read_pickle(folder / "5.state", Check::structure), value));
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder.path())) files += entry.exists();
    EXPECT_EQ(files, 1u);
}

TEST(WritePickle, LaysStoragesOutAsTorchDoes) {
    TemporaryFolder folder;
    write_pickle(folder / "5_gpt.pth", one_of_each());
    const MappedFile map(folder / "5_gpt.pth");
    const ZipDirectory zip = read_zip_directory(map.bytes(), "x");
    for (const char* name : {"data.pkl", "byteorder", "version", ".format_version", ".data/serialization_id"})
        EXPECT_NE(zip.find(std::string("5_gpt/") + name), nullptr) << name;
    for (const auto& [name, entry] : zip.entries) {
        EXPECT_EQ(entry.offset % 64, 0u) << name;
        EXPECT_NO_THROW(check_zip_entry(map.bytes(), entry, name, "x"));
    }
    const ZipEntry* id = zip.find("5_gpt/.data/serialization_id");
    EXPECT_EQ(id->size, 40u);
}

// The records of a file of torch's own have the same places when its pickle has the same length.
TEST(GoldenCheckpointLayout, PadsAsTorch) {
    for (const GoldenCase& set : golden_cases("ar", "ckpt")) {
        const fs::path path = set.folder / set.name / "forms" / "minimal.state";
        if (!fs::exists(path)) GTEST_SKIP() << "this set lacks it";
        TemporaryFolder folder;
        write_pickle(folder / "minimal.state", read_pickle(path));
        const MappedFile ours(folder / "minimal.state"), theirs(path);
        const auto a = read_zip_directory(ours.bytes(), "ours"),
                   b = read_zip_directory(theirs.bytes(), "theirs");
        ASSERT_EQ(a.entries.size(), b.entries.size());
        for (const auto& [name, entry] : b.entries) {
            ASSERT_NE(a.find(name), nullptr) << name;
            // Pickles of up to 64 bytes difference may move what follows by whole lines only.
            EXPECT_EQ(a.find(name)->offset % 64, entry.offset % 64) << name;
            if (!name.ends_with("data.pkl")) {
                EXPECT_EQ(a.find(name)->size, entry.size) << name;
            }
        }
    }
}

TEST(WritePickle, TiedTensorsAndViewsShareTheirBytes) {
    TemporaryFolder folder;
    const at::Tensor base = at::arange(24, at::kFloat).view({4, 6});
    Dict state;
    state.set("base", base)
        .set("tied", base)
        .set("turned", base.t())
        .set("row", base[2])
        .set("odd", base.view({-1}).slice(0, 1, 24, 2));
    write_pickle(folder / "views.pth", state);
    const Value back = read_pickle(folder / "views.pth");
    EXPECT_TRUE(identical(back, Value(state)));
    for (const char* name : {"tied", "turned", "row", "odd"})
        EXPECT_EQ(back.find(name)->tensor()->storage().unsafeGetStorageImpl(),
                  back.find("base")->tensor()->storage().unsafeGetStorageImpl());
    EXPECT_EQ(back.find("turned")->tensor()->strides(), base.t().strides());
    EXPECT_EQ(describe_file(folder / "views.pth").at("totals").at("bytes"), 96);
}

TEST(WritePickle, PartsOfALargeBufferAreWrittenAlone) {
    TemporaryFolder folder;
    const at::Tensor buffer = at::arange(1 << 20, at::kFloat);
    Dict state;
    state.set("b", buffer.slice(0, 4, 8))
        .set("a", buffer.slice(0, 0, 4))
        .set("far", buffer.slice(0, 1 << 19, (1 << 19) + 3));
    write_pickle(folder / "parts.pth", state);
    EXPECT_TRUE(identical(read_pickle(folder / "parts.pth"), Value(state)));
    EXPECT_LT(fs::file_size(folder / "parts.pth"), 5000u);
}

TEST(WritePickle, AFileMayBeWrittenOverWhileItIsMapped) {
    TemporaryFolder folder;
    Dict state;
    state.set("w", at::ones({100'000}));
    write_pickle(folder / "x.pth", state);
    const Value old = read_pickle(folder / "x.pth");
    state.set("w", *old.find("w")->tensor() + 1);
    write_pickle(folder / "x.pth", state);
    EXPECT_EQ(old.find("w")->tensor()->sum().item<double>(), 1e5);
    EXPECT_EQ(read_pickle(folder / "x.pth").find("w")->tensor()->sum().item<double>(), 2e5);
}

TEST(WritePickle, SaysWhichTensorItCannotHold) {
    TemporaryFolder folder;
    for (const at::Tensor& tensor :
         {at::Tensor(), at::ones({2, 2}).to_sparse(), at::ones({2}, at::kComplexFloat)}) {
        Dict state;
        state.set("strange", tensor);
        try {
            write_pickle(folder / "x.pth", state);
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_NE(std::string(error.what()).find("strange"), std::string::npos);
        }
    }
    Value nested = 1;
    for (int i = 0; i < 200; ++i) nested = List{{nested}};
    EXPECT_THROW(write_pickle(folder / "x.pth", nested), Error);
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(WritePickle, AFullOrForbiddenPlaceIsAnEnvironmentError) {
    Dict state;
    state.set("w", at::ones({1000}));
    if (!fs::exists("/dev/full")) GTEST_SKIP();
    try {
        write_pickle("/proc/testudo/x.pth", state);
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::environment);
    }
}

TEST(NamedTensors, KeepTheirOrderAndAreFoundByName) {
    NamedTensors tensors;
    for (const char* name : {"c", "a", "b"}) tensors.set(name, at::ones({1}));
    tensors.set("a", at::zeros({2}));
    EXPECT_TRUE(tensors.erase("c"));
    EXPECT_FALSE(tensors.erase("c"));
    ASSERT_EQ(tensors.size(), 2u);
    EXPECT_EQ(tensors.items()[0].first, "a");
    EXPECT_EQ(tensors.at("a").numel(), 2);
    EXPECT_EQ(tensors.at("b").numel(), 1);
    EXPECT_NE(message_of_error([&] { tensors.at("c"); }).find("c"), std::string::npos);
}

TEST(StateDict, UnwrapsAndStripsAndRefusesNothing) {
    Dict inner, outer;
    inner.set("module.w", at::ones({1})).set("step", 3);
    for (const char* key : {"state_dict", "model_state_dict", "model_g"}) {
        outer = {};
        outer.set("epoch", 1).set(key, inner);
        const NamedTensors weights =
            state_dict_of(outer, "x.pth", std::string_view(key) == "model_g" ? key : "");
        EXPECT_EQ(weights.size(), 1u);
        EXPECT_TRUE(weights.contains("w"));
    }
    inner.set("w", at::ones({1}));
    message_of_error([&] { state_dict_of(inner, "x.pth"); }, "the same name twice");
    message_of_error([&] { state_dict_of(Value(3), "x.pth"); });
    message_of_error([&] { state_dict_of(Value(Dict{}), "x.pth"); });
    message_of_error([&] { state_dict_of(outer, "x.pth", "model_h"); });
}

TEST(Describe, NamesEverythingInAFile) {
    TemporaryFolder folder;
    write_pickle(folder / "5.state", one_of_each());
    const Json description = describe_file(folder / "5.state");
    EXPECT_EQ(description.at("kind"), "torch-zip");
    EXPECT_EQ(description.at("tensors").at(0).at("name"), "state.Float");
    EXPECT_EQ(description.at("tensors").at(0).at("dtype"), "float32");
    std::map<std::string, Json> values;
    for (const Json& value : description.at("values")) values[value.at("name")] = value;
    EXPECT_EQ(values.at("milestones.8").at("value"), 2);
    EXPECT_EQ(values.at("numbers").at("length"), 12);
    EXPECT_EQ(values.at("tuple[0]").at("value"), 0.9);
    EXPECT_EQ(values.at("none").at("type"), "None");
}

}  // namespace
}  // namespace testudo::tensors::test
