#include "tensors/torchscript.h"

#include "core/strings.h"
#include "tensors/damage.h"
#include "tensors/file_kind.h"
#include "tensors/pickle_forms.h"

namespace testudo::tensors {

namespace {

class Parameters {
  public:
    Parameters(const std::string& file, std::size_t file_bytes)
        : file_(file), name_budget_(65536 + 16 * file_bytes) {}

    void module(const std::string& path, const Dict& attributes) {
        for (const auto& [key, value] : attributes.items) {
            if (!key.text()) continue;
            const std::string name = path.empty() ? *key.text() : path + "." + *key.text();
            // What lies below a name repeats it: a long one would multiply.
            if (name.size() > name_budget_)
                throw refused(file_, "the names in it unfold to far more than the file holds");
            name_budget_ -= name.size();
            if (const Dict* inner = value.dict()) module(name, *inner);
            if (const at::Tensor* tensor = value.tensor()) add(name, *tensor);
        }
    }
    NamedTensors take() {
        if (tensors_.empty())
            throw input_error(file_ + ": there are no weights in it",
                              "Name a file with the weights of a model.");
        return std::move(tensors_);
    }

  private:
    void add(const std::string& name, const at::Tensor& tensor) {
        if (tensors_.contains(name)) throw refused(file_, cat("it holds the tensor ", shown(name), " twice"));
        tensors_.set(name, tensor);
    }

    const std::string& file_;
    std::size_t name_budget_;
    NamedTensors tensors_;
};

}  // namespace

NamedTensors read_torchscript(const fs::path& path, Check check) {
    const std::string file = to_utf8(path.native());
    const Map map = std::make_shared<MappedFile>(path);
    const auto bytes = std::as_const(*map).bytes();
    std::optional<Value> root;
    if (kind_of_bytes(bytes, file) == FileKind::torch_zip) root = read_script_pickle(map, file, check);
    if (!root)
        throw input_error(file + ": it is no TorchScript program", "Name a file written by torch.jit.save.");
    if (!root->dict()) throw refused(file, cat("it holds a ", root->type_name(), " instead of a module"));
    Parameters parameters(file, bytes.size());
    parameters.module("", *root->dict());
    return parameters.take();
}

}  // namespace testudo::tensors
