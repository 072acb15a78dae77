#include "tensors/inspect.h"

#include <map>
#include <tuple>
#include <unordered_set>

#include "core/files.h"
#include "core/strings.h"
#include "tensors/ctranslate2.h"
#include "tensors/damage.h"
#include "tensors/dtypes.h"
#include "tensors/ggml.h"
#include "tensors/pickle.h"
#include "tensors/safetensors.h"
#include "tensors/weights.h"

namespace testudo::tensors {

namespace {

class Description {
  public:
    explicit Description(const std::filesystem::path& path)
        : file_(to_utf8(path.native())), file_bytes_(std::filesystem::file_size(path)) {}

    void tensor(const std::string& name, const at::Tensor& tensor) {
        const std::string type(element_type(tensor.scalar_type())->name);
        Json entry = {
            {"name", name}, {"shape", tensor.sizes().vec()}, {"dtype", type}, {"bytes", tensor.nbytes()}};
        const auto [first, added] = first_names_.try_emplace(
            {tensor.storage().unsafeGetStorageImpl(), tensor.storage_offset(), tensor.numel()}, name);
        if (!added) entry["same_as"] = first->second;
        tensors_.push_back(std::move(entry));
        elements_ += tensor.numel();
        by_type_[type] += tensor.numel();
        if (storages_.insert(tensor.storage().unsafeGetStorageImpl()).second)
            bytes_ += tensor.storage().nbytes();
    }

    void tensor(const GgmlTensor& tensor) {
        const std::string type(tensor.type->name);
        std::int64_t elements = 1;
        for (const std::int64_t size : tensor.shape) elements *= size;
        tensors_.push_back({{"name", shown(tensor.name)},
                            {"shape", tensor.shape},
                            {"dtype", type},
                            {"bytes", tensor.bytes.size()}});
        elements_ += elements;
        by_type_[type] += elements;
        bytes_ += tensor.bytes.size();
    }

    void value(const std::string& name, const Value& value) {
        // What lies below a name repeats it: a long one would multiply.
        name_bytes_ += name.size();
        if (name_bytes_ > 65536 + 16 * file_bytes_)
            throw refused(file_, "the names in it unfold to far more than the file holds");
        if (const at::Tensor* found = value.tensor()) return tensor(name, *found);
        if (const Dict* dict = value.dict(); dict && !dict->items.empty()) {
            for (const auto& [key, entry] : dict->items)
                this->value(name.empty() ? key_name(key) : cat(name, ".", key_name(key)), entry);
            return;
        }
        const auto elements = value.elements();
        if (!std::all_of(elements.begin(), elements.end(), is_scalar)) {
            std::size_t index = 0;
            for (const Value& element : elements) this->value(cat(name, "[", index++, "]"), element);
            return;
        }
        Json entry = {{"name", name}, {"type", value.type_name()}};
        constexpr std::size_t shown = 32;
        if (value.list() || value.tuple()) {
            entry["length"] = elements.size();
            Json items = Json::array();
            for (const Value& element : elements.first(std::min(shown, elements.size())))
                items.push_back(scalar(element));
            entry["value"] = std::move(items);
        } else {
            entry["value"] = value.dict() ? Json::object() : scalar(value);
        }
        values_.push_back(std::move(entry));
    }

    Json json(FileKind kind) && {
        Json by_type = Json::object();
        for (const auto& [type, elements] : by_type_) by_type[type] = elements;
        return {{"file", file_},
                {"kind", name_of(kind)},
                {"bytes", file_bytes_},
                {"totals",
                 {{"tensors", tensors_.size()},
                  {"elements", elements_},
                  {"bytes", bytes_},
                  {"by_dtype", by_type}}},
                {"tensors", std::move(tensors_)},
                {"values", std::move(values_)}};
    }

  private:
    static bool is_scalar(const Value& value) {
        return !value.tensor() && !value.dict() && !value.list() && !value.tuple();
    }
    static Json scalar(const Value& value) {
        if (const auto flag = value.boolean()) return *flag;
        if (const auto whole = value.integer()) return *whole;
        if (const auto real = value.number()) return *real;
        if (const std::string* text = value.text()) return to_utf8(std::string_view(*text).substr(0, 1000));
        return nullptr;
    }
    static std::string key_name(const Value& key) { return key.text() ? *key.text() : scalar(key).dump(); }

    std::string file_;
    std::uintmax_t file_bytes_ = 0, name_bytes_ = 0;
    Json tensors_ = Json::array(), values_ = Json::array();
    std::int64_t elements_ = 0;
    std::size_t bytes_ = 0;
    std::map<std::string, std::int64_t> by_type_;
    std::unordered_set<const void*> storages_;
    std::map<std::tuple<const void*, std::int64_t, std::int64_t>, std::string> first_names_;
};

}  // namespace

Json describe_file(const std::filesystem::path& path, Check check) {
    const FileKind kind = kind_of_file(path);
    Description description(path);
    if (kind == FileKind::safetensors) {
        std::map<std::string, std::string> metadata;
        for (const auto& [name, tensor] : read_safetensors(path, &metadata)) description.tensor(name, tensor);
        Json out = std::move(description).json(kind);
        out["metadata"] = metadata;
        return out;
    }
    if (kind == FileKind::ctranslate2) {
        const CTranslate2Model model = read_ctranslate2(path);
        for (const auto& [name, tensor] : model.tensors) description.tensor(name, tensor);
        Json out = std::move(description).json(kind);
        out["spec"] = {{"name", model.spec}, {"revision", model.revision}};
        return out;
    }
    if (kind == FileKind::ggml) {
        const GgmlModel model = read_ggml(path);
        for (const GgmlTensor& tensor : model.tensors) description.tensor(tensor);
        Json out = std::move(description).json(kind);
        out["spec"] = {{"name", "whisper.cpp"}, {"tokens", model.vocabulary.size()}};
        return out;
    }
    const Value value = read_pickle(path, check);  // keeps the storages alive while they are counted
    description.value("", value);
    return std::move(description).json(kind);
}

}  // namespace testudo::tensors
