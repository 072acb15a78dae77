#include "tensors/pickle_assemble.h"

#include <bit>
#include <optional>
#include <unordered_set>

#include "core/strings.h"
#include "tensors/damage.h"

namespace testudo::tensors {

namespace {

constexpr int deepest = 100;

class Assembler {
  public:
    Assembler(const PickleGraph& graph, std::size_t pickle_bytes, std::size_t file_bytes,
              const std::string& file, const StorageSource& source)
        : graph_(graph),
          file_(file),
          source_(source),
          storages_(graph.storages.size()),
          tensors_(graph.tensors.size()) {
        // A pickler shares strings and small tuples; it never saves as much as this by sharing. A value takes
        // a byte of pickle when it is not shared, but some fifty bytes of memory.
        value_budget_ = std::size_t{4096} + 4 * pickle_bytes;
        text_budget_ = std::size_t{65536} + 16 * pickle_bytes;
        tensor_budget_ = std::size_t{65536} + 16 * file_bytes;
    }

    Value value(NodeId id, int depth) {
        const Node& node = graph_.nodes[id];
        if (depth > deepest)
            throw refused(file_, cat("it is nested more than ", deepest, " levels deep, or contains itself"));
        spend(value_budget_, 1);
        switch (node.kind) {
            case Node::Kind::none:
                return {};
            case Node::Kind::boolean:
                return node.integer != 0;
            case Node::Kind::integer:
                return node.integer;
            case Node::Kind::huge:
                throw refused(file_, "it holds a whole number beyond 64 bits");
            case Node::Kind::real:
                return node.real;
            case Node::Kind::text:
                return text(node);
            case Node::Kind::list: {
                List list;
                for (const NodeId child : node.children) list.items.push_back(value(child, depth + 1));
                return list;
            }
            case Node::Kind::tuple: {
                Tuple tuple;
                for (const NodeId child : node.children) tuple.items.push_back(value(child, depth + 1));
                return tuple;
            }
            case Node::Kind::dict:
                return dict(node, depth);
            case Node::Kind::tensor:
                return tensor(static_cast<std::size_t>(node.integer));
            case Node::Kind::global:
                throw refused(file_, cat("it holds ", shown(node.text), " itself as a value"));
            case Node::Kind::storage:
                throw refused(file_, "it holds a bare storage as a value");
        }
        return {};
    }

  private:
    void spend(std::size_t& budget, std::size_t amount) {
        if (amount > budget) throw refused(file_, "its values unfold to far more than the file holds");
        budget -= amount;
    }

    Value text(const Node& node) {
        spend(text_budget_, node.text.size());
        if (!is_utf8(node.text)) throw refused(file_, "it holds a text that is not UTF-8");
        return std::string(node.text);
    }

    Value dict(const Node& node, int depth) {
        Dict out;
        out.kind = node.dict_kind;
        std::unordered_set<std::string> seen;
        for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
            const Node& key = graph_.nodes[node.children[i]];
            if (!seen.insert(identity(key)).second)
                throw refused(file_, cat("a dict sets the key ", key_text(key), " twice"));
            Value name = value(node.children[i], depth + 1);
            out.items.emplace_back(std::move(name), value(node.children[i + 1], depth + 1));
        }
        return out;
    }

    // Equal for keys that are one key in Python (1, 1.0 and True are).
    std::string identity(const Node& key) {
        switch (key.kind) {
            case Node::Kind::none:
                return "n";
            case Node::Kind::text:
                return cat("t", key.text);
            case Node::Kind::boolean:
            case Node::Kind::integer:
                return cat("i", key.integer);
            case Node::Kind::real:
                if (const auto whole = static_cast<std::int64_t>(std::abs(key.real) < 1e18 ? key.real : 0);
                    static_cast<double>(whole) == key.real)
                    return cat("i", whole);
                return cat("r", std::bit_cast<std::uint64_t>(key.real));
            default:
                throw refused(file_, "a dict has a key that is neither text nor number");
        }
    }

    static std::string key_text(const Node& key) {
        if (key.kind == Node::Kind::text) return cat("\"", shown(key.text), "\"");
        if (key.kind == Node::Kind::real) return cat(key.real);
        return cat(key.integer);
    }

    Value tensor(std::size_t index) {
        const TensorSpec& spec = graph_.tensors[index];
        const StorageSpec& storage = graph_.storages[spec.storage.spec];
        const auto elements = static_cast<std::size_t>(
            check_geometry(spec.geometry, spec.storage.first + spec.storage.elements, file_));
        const std::size_t bytes = elements * storage.type->bytes;  // at most 2^43
        auto& held = storages_[spec.storage.spec];
        if (!held) held = source_(spec.storage.spec);
        if (bytes > tensor_budget_)
            throw refused(file_, "its tensors unfold to far more than the file holds");
        tensor_budget_ -= bytes;
        // Where the pickle recalls a tensor it means the same object, as in Python.
        at::Tensor& made = tensors_[index];
        if (!made.defined()) made = view_of(*held, *storage.type, spec.geometry);
        return made;
    }

    const PickleGraph& graph_;
    const std::string& file_;
    const StorageSource& source_;
    std::vector<std::optional<at::Storage>> storages_;
    std::vector<at::Tensor> tensors_;
    std::size_t value_budget_ = 0, text_budget_ = 0, tensor_budget_ = 0;
};

}  // namespace

Value assemble(const PickleGraph& graph, std::size_t pickle_bytes, std::size_t file_bytes,
               const std::string& file, const StorageSource& storage) {
    return Assembler(graph, pickle_bytes, file_bytes, file, storage).value(graph.root, 0);
}

}  // namespace testudo::tensors
