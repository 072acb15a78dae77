#include "tensors/torchscript.h"

#include "core/strings.h"
#include "tensors/builders.h"
#include "tensors/weights.h"

namespace testudo::tensors::test {

using namespace std::string_literals;
namespace {

class TorchScript : public ::testing::Test {
  protected:
    NamedTensors read(const std::string& bytes) {
        write_quickly(path_, bytes);
        return read_torchscript(path_);
    }
    void expect_refused(const std::string& bytes, const std::string& why) {
        const std::string message = message_of_error([&] { read(bytes); }, why);
        EXPECT_NE(message.find(path_.string()), message.npos) << message;
        EXPECT_NE(message.find(why), message.npos) << message;
    }
    void expect_pickle_refused(const std::string& pickle, const std::string& why) {
        expect_refused(zip_of(script_parts(program(pickle))), why);
    }
    TemporaryFolder folder_;
    fs::path path_ = folder_ / "net.jit";
};

TEST_F(TorchScript, ParametersComeByTheirPath) {
    const NamedTensors tensors = read(zip_of(script_parts(sample_script())));
    ASSERT_EQ(tensors.size(), 2u);
    EXPECT_EQ(tensors.items()[0].first, "weight");
    EXPECT_TRUE(at::equal(tensors.at("weight"), at::arange(4, at::kFloat).view({2, 2})));
    EXPECT_TRUE(at::equal(tensors.at("inner.bias"), at::arange(1, 4, at::kFloat)));
}

TEST_F(TorchScript, AProgramIsNoCheckpointAndACheckpointIsNoProgram) {
    write_quickly(path_, zip_of(script_parts(sample_script())));
    EXPECT_NE(message_of_error([&] { read_weights(path_); }).find("TorchScript program"), std::string::npos);
    expect_refused(zip_of(parts_of(dict_of(good_tensor()))), "no TorchScript program");
    expect_refused("", "empty");
    expect_refused("PK\x03\x04 and no more", "cut short");
}

TEST_F(TorchScript, NothingIsCalled) {
    expect_pickle_refused(global("os", "system") + "(" + text("true") + "tR", "os.system");
    expect_pickle_refused(global("builtins", "eval") + ")\x81}b", "builtins.eval");
    expect_pickle_refused(global("__torch__", "Net") + ")R", "calls Net");
    expect_pickle_refused(global("collections", "OrderedDict") + ")\x81}b", "object of a class");
    expect_pickle_refused(global("__torch__", "Net") + "(Nt\x81}b", "made from arguments");
    expect_pickle_refused(global("torch.jit._pickle", "restore_type_tag") + ")R", "restore_type_tag");
    expect_pickle_refused(global("torch.jit._pickle", "build_intlist") + "(NtR", "made from something else");
    expect_pickle_refused(global("__torch__", "Net") + ")\x81Nb", "gives state");
    expect_pickle_refused(global("__torchx__", "Net") + ")\x81}b", "__torchx__.Net");
    // In a checkpoint not even the modules are known.
    write_quickly(path_, zip_of(parts_of(program(module_of("")))));
    EXPECT_NE(message_of_error([&] { read_weights(path_); }).find("__torch__.Net"), std::string::npos);
}

TEST_F(TorchScript, OddModulesAreRefused) {
    expect_pickle_refused("]", "holds a list instead of a module");
    expect_pickle_refused(module_of(""), "no weights");
    expect_pickle_refused(module_of(text("w") + good_tensor() + text("w") + good_tensor()), "\"w\" twice");
    expect_pickle_refused(
        module_of(text("a.b") + good_tensor() + text("a") + module_of(text("b") + good_tensor())),
        "a.b twice");
    // A module that holds itself, and state that multiplies.
    expect_pickle_refused(global("__torch__", "Net") + ")\x81q\x01}" + text("me") + "h\x01sb",
                          "contains itself");
    std::string many = "}(" + text("w") + good_tensor();
    for (int i = 0; i < 500; ++i) many += text(cat(i)) + "N";
    many += "uq\x01";
    std::string body = "](" + many;
    for (int i = 0; i < 2000; ++i) body += global("__torch__", "N") + ")\x81h\x01" + "b";
    expect_pickle_refused(body + "e", "copies values without end");
    const std::string long_name(20'000, 'n');
    std::string nested = text("x") + good_tensor();
    for (int i = 0; i < 400; ++i) nested += text(cat(i)) + good_tensor();
    for (int i = 0; i < 50; ++i) nested = text(long_name) + module_of(nested);
    expect_pickle_refused(module_of(nested), "the names in it unfold");
}

TEST_F(TorchScript, DishonestZipFilesAreRefused) {
    const auto with = [&](auto change) {
        auto parts = script_parts(sample_script());
        change(parts);
        return zip_of(parts);
    };
    ASSERT_EQ(read(with([](auto&) {})).size(), 2u);
    expect_refused(with([](auto& p) { p[2].method = 8; }), "data/0 is missing");
    expect_refused(with([](auto& p) { p[0].method = 8; }), "no data.pkl");
    expect_refused(with([](auto& p) { p[2].crc = 1; }), "checksum");
    expect_refused(with([](auto& p) { p.push_back({p[4].name, "another", 8}); }), "twice");
    expect_refused(with([](auto& p) { p.push_back({p[2].name, "another", 8}); }), "twice");
    expect_refused(with([](auto& p) { p.push_back({p[4].name, "another"}); }), "twice");
    expect_refused(with([](auto& p) { p[4].size = 1u << 30; }), "outside");
    expect_refused(with([](auto& p) { p[4].name = "archive/../x"; }), "leads out");
    expect_refused(with([](auto& p) { p[4].flags = 1; }), "encrypted");
}

}  // namespace
}  // namespace testudo::tensors::test
