#include "tensors/value.h"

#include <bit>
#include <cstring>

namespace testudo::tensors {

const Value* Dict::find(std::string_view key) const {
    for (const auto& [name, value] : items)
        if (name.text() && *name.text() == key) return &value;
    return nullptr;
}

const Value* Dict::find(std::int64_t key) const {
    for (const auto& [name, value] : items)
        if (const auto number = name.integer(); number && *number == key) return &value;
    return nullptr;
}

Dict& Dict::set(Value key, Value value) {
    for (auto& [name, old] : items)
        if (identical(name, key)) {
            old = std::move(value);
            return *this;
        }
    items.emplace_back(std::move(key), std::move(value));
    return *this;
}

std::optional<bool> Value::boolean() const {
    const auto* value = std::get_if<bool>(&data);
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::int64_t> Value::integer() const {
    const auto* value = std::get_if<std::int64_t>(&data);
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> Value::number() const {
    if (const auto* value = std::get_if<double>(&data)) return *value;
    if (const auto value = integer()) return static_cast<double>(*value);
    return std::nullopt;
}

std::span<const Value> Value::elements() const {
    if (const auto* value = list()) return value->items;
    if (const auto* value = tuple()) return value->items;
    return {};
}

const Value* Value::find(std::string_view key) const { return dict() ? dict()->find(key) : nullptr; }

const char* Value::type_name() const {
    static constexpr const char* names[] = {"None", "bool", "int", "float", "str", "Tensor", "list", "tuple"};
    if (const Dict* value = dict()) {
        if (value->kind == Dict::Kind::ordered) return "OrderedDict";
        return value->kind == Dict::Kind::counter ? "Counter" : "dict";
    }
    return names[data.index()];
}

bool identical(const at::Tensor& a, const at::Tensor& b) {
    if (a.defined() != b.defined()) return false;
    if (!a.defined()) return true;
    if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
    const at::Tensor left = a.detach().cpu().contiguous(), right = b.detach().cpu().contiguous();
    return left.nbytes() == 0 ||
           std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
}

namespace {

bool identical_items(const std::vector<Value>& a, const std::vector<Value>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!identical(a[i], b[i])) return false;
    return true;
}

bool same(const None&, const None&) { return true; }
bool same(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }
bool same(const at::Tensor& a, const at::Tensor& b) { return identical(a, b); }
bool same(const List& a, const List& b) { return identical_items(a.items, b.items); }
bool same(const Tuple& a, const Tuple& b) { return identical_items(a.items, b.items); }
bool same(const Dict& a, const Dict& b) {
    if (a.kind != b.kind || a.items.size() != b.items.size()) return false;
    for (std::size_t i = 0; i < a.items.size(); ++i)
        if (!identical(a.items[i].first, b.items[i].first) ||
            !identical(a.items[i].second, b.items[i].second))
            return false;
    return true;
}
template <class Plain>
bool same(const Plain& a, const Plain& b) {
    return a == b;
}

}  // namespace

bool identical(const Value& a, const Value& b) {
    return std::visit(
        [](const auto& left, const auto& right) {
            if constexpr (std::is_same_v<decltype(left), decltype(right)>)
                return same(left, right);
            else
                return false;
        },
        a.data, b.data);
}

}  // namespace testudo::tensors
