#include <bit>
#include <limits>
#include <unordered_map>

#include "core/error.h"
#include "core/strings.h"
#include "tensors/dtypes.h"
#include "tensors/host_bytes.h"
#include "tensors/pickle.h"
#include "tensors/pickle_opcodes.h"
#include "tensors/pickle_storages.h"
#include "tensors/zip_writer.h"

namespace testudo::tensors {

namespace {

constexpr int deepest = 100;  // what the reader accepts

// In the order in which the pickle names them.
void collect(const Value& value, const std::string& name, const std::string& file, int depth,
             std::vector<at::Tensor>& out) {
    if (depth > deepest)
        throw usage_error(cat(file, ": ", name, " is nested more than ", deepest, " levels deep"),
                          "Flatten what is saved.");
    if (const at::Tensor* tensor = value.tensor()) {
        check_writable(*tensor, name, file);
        out.push_back(tensor->detach().resolve_neg());
    }
    std::size_t index = 0;
    for (const Value& element : value.elements())
        collect(element, cat(name, "[", index++, "]"), file, depth + 1, out);
    if (const Dict* dict = value.dict())
        for (const auto& [key, element] : dict->items) {
            if (key.tensor() || key.dict() || key.list() || key.tuple())
                throw usage_error(
                    cat(file, ": a dict in ", name, " has a key that is neither text nor number"),
                    "Use text or numbers as keys.");
            collect(element, cat(name, ".", key.text() ? *key.text() : cat(key.integer().value_or(0))), file,
                    depth + 1, out);
        }
}

// Protocol 2 in the opcodes that torch.load(weights_only=True) knows.
class Pickler {
  public:
    Pickler(const StoragePlan& plan, const std::vector<at::Tensor>& tensors)
        : plan_(plan), tensors_(tensors) {}

    std::string write(const Value& value) && {
        code(Opcode::proto);
        put(std::uint8_t{2});
        any(value);
        code(Opcode::stop);
        return std::move(out_);
    }

  private:
    void code(Opcode opcode) { out_ += static_cast<char>(opcode); }
    template <class Number>
    void put(Number number) {
        out_.append(reinterpret_cast<const char*>(&number), sizeof number);
    }

    void any(const Value& value) {
        std::visit([this](const auto& plain) { one(plain); }, value.data);
    }
    void one(const None&) { code(Opcode::none); }
    void one(bool value) { code(value ? Opcode::new_true : Opcode::new_false); }
    void one(std::int64_t value) {
        if (value >= 0 && value <= std::numeric_limits<std::uint8_t>::max()) {
            code(Opcode::binint1);
            put(static_cast<std::uint8_t>(value));
        } else if (value >= 0 && value <= std::numeric_limits<std::uint16_t>::max()) {
            code(Opcode::binint2);
            put(static_cast<std::uint16_t>(value));
        } else if (value == static_cast<std::int32_t>(value)) {
            code(Opcode::binint);
            put(static_cast<std::int32_t>(value));
        } else {
            code(Opcode::long1);
            put(std::uint8_t{8});
            put(value);
        }
    }
    void one(double value) {
        code(Opcode::binfloat);
        put(__builtin_bswap64(std::bit_cast<std::uint64_t>(value)));
    }
    void one(const std::string& value) {
        constexpr std::size_t worth_sharing = 24;
        const bool share = value.size() <= worth_sharing;
        if (share && recall("'" + value)) return;
        code(Opcode::binunicode);
        put(static_cast<std::uint32_t>(value.size()));
        out_ += value;
        if (share) keep("'" + value);
    }
    void one(const List& list) {
        code(Opcode::empty_list);
        sequence(list.items, Opcode::appends);
    }
    void one(const Tuple& tuple) {
        if (tuple.items.empty()) return code(Opcode::empty_tuple);
        sequence(tuple.items, Opcode::tuple);
    }
    void sequence(const std::vector<Value>& items, Opcode end) {
        if (items.empty()) return;
        code(Opcode::mark);
        for (const Value& item : items) any(item);
        code(end);
    }
    void one(const Dict& dict) {
        if (dict.kind == Dict::Kind::ordered) {
            ordered_dict();
            entries(dict);
        } else if (dict.kind == Dict::Kind::counter) {
            global("collections\nCounter\n");
            code(Opcode::empty_dict);
            entries(dict);
            code(Opcode::tuple1);
            code(Opcode::reduce);
        } else {
            code(Opcode::empty_dict);
            entries(dict);
        }
    }
    void entries(const Dict& dict) {
        if (dict.items.empty()) return;
        code(Opcode::mark);
        for (const auto& [key, value] : dict.items) {
            any(key);
            any(value);
        }
        code(Opcode::setitems);
    }
    void ordered_dict() {
        global("collections\nOrderedDict\n");
        code(Opcode::empty_tuple);
        code(Opcode::reduce);
    }
    // torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
    void one(const at::Tensor&) {
        const at::Tensor& tensor = tensors_[next_];
        const StoragePlan::Place& place = plan_.places[next_];
        ++next_;
        global("torch._utils\n_rebuild_tensor_v2\n");
        code(Opcode::mark);
        code(Opcode::mark);
        one(std::string("storage"));
        global(cat("torch\n", element_type(tensor.scalar_type())->storage, "\n"));
        one(std::to_string(place.run));
        one(std::string("cpu"));
        one(plan_.runs[place.run].count);
        code(Opcode::tuple);
        code(Opcode::binpersid);
        one(place.offset);
        numbers(tensor.sizes());
        numbers(tensor.strides());
        one(false);
        ordered_dict();
        code(Opcode::tuple);
        code(Opcode::reduce);
    }
    void numbers(at::IntArrayRef values) {
        if (values.empty()) return code(Opcode::empty_tuple);
        code(Opcode::mark);
        for (const std::int64_t value : values) one(value);
        code(Opcode::tuple);
    }
    void global(const std::string& lines) {
        if (recall(lines)) return;
        code(Opcode::global);
        out_ += lines;
        keep(lines);
    }
    bool recall(const std::string& what) {
        const auto found = memo_.find(what);
        if (found == memo_.end()) return false;
        index(found->second, Opcode::binget, Opcode::long_binget);
        return true;
    }
    void keep(const std::string& what) {
        const auto number = static_cast<std::uint32_t>(memo_.size());
        memo_.emplace(what, number);
        index(number, Opcode::binput, Opcode::long_binput);
    }
    void index(std::uint32_t number, Opcode narrow, Opcode wide) {
        if (number <= std::numeric_limits<std::uint8_t>::max()) {
            code(narrow);
            put(static_cast<std::uint8_t>(number));
        } else {
            code(wide);
            put(number);
        }
    }

    const StoragePlan& plan_;
    const std::vector<at::Tensor>& tensors_;
    std::size_t next_ = 0;
    std::string out_;
    std::unordered_map<std::string, std::uint32_t> memo_;
};

// The folder in the archive, by torch's custom the name of the file without its ending.
std::string root_for(const fs::path& path) {
    std::string root = path.stem().native();
    const bool plain = !root.empty() && root.size() <= 200 && is_utf8(root) &&
                       root.find_first_of("/\\") == std::string::npos && root.front() != '.';
    return plain ? root : "archive";
}

}  // namespace

void write_pickle(const fs::path& path, const Value& value, const AtWrite& at_write) {
    const std::string file = to_utf8(path.native());
    std::vector<at::Tensor> tensors;
    collect(value, "the checkpoint", file, 0, tensors);
    const StoragePlan plan = plan_storages(tensors);

    AtomicFile out(path);
    ZipWriter zip(out, root_for(path));
    zip.add("data.pkl", Pickler(plan, tensors).write(value));
    zip.add(".format_version", "1");
    zip.add(".storage_alignment", "64");
    zip.add("byteorder", "little");
    for (std::size_t i = 0; i < plan.runs.size(); ++i) {
        const at::Tensor& elements = plan.runs[i].elements;
        const at::Tensor bytes = row_major_on_host(at_write ? at_write(elements) : elements);
        zip.add(cat("data/", i),
                std::span(static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes()));
    }
    zip.finish();
    out.commit();
}

}  // namespace testudo::tensors
