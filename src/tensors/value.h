#pragma once
// What a checkpoint may hold: a closed list of types. Python's None, bool, int, float, str, list, tuple, dict
// (plain, OrderedDict, Counter) and tensors; a reader refuses everything else by its name.
#include <ATen/ATen.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace testudo::tensors {

struct Value;

struct None {};

struct List {
    std::vector<Value> items;
};

struct Tuple {
    std::vector<Value> items;
};

// Entries in file order. Keys are none, bool, int, float or str. Written back as the Python type it came as
// (a defaultdict comes as plain).
struct Dict {
    enum class Kind { plain, ordered, counter };
    Kind kind = Kind::plain;
    std::vector<std::pair<Value, Value>> items;

    const Value* find(std::string_view key) const;  // nullptr when there is none
    const Value* find(std::int64_t key) const;
    bool contains(std::string_view key) const { return find(key) != nullptr; }
    Dict& set(Value key, Value value);  // replaces an entry of the same key, else appends
};

struct Value {
    using Data = std::variant<None, bool, std::int64_t, double, std::string, at::Tensor, List, Tuple, Dict>;
    Data data;

    Value() = default;
    Value(bool value) : data(value) {}
    template <std::integral Integer>
    requires(!std::same_as<Integer, bool>) Value(Integer value) : data(static_cast<std::int64_t>(value)) {}
    Value(double value) : data(value) {}
    Value(const char* value) : data(std::string(value)) {}
    Value(std::string value) : data(std::move(value)) {}
    Value(at::Tensor value) : data(std::move(value)) {}
    Value(List value);
    Value(Tuple value);
    Value(Dict value);

    bool is_none() const { return std::holds_alternative<None>(data); }
    std::optional<bool> boolean() const;
    std::optional<std::int64_t> integer() const;  // not of a bool
    std::optional<double> number() const;         // int or float
    const std::string* text() const { return std::get_if<std::string>(&data); }
    const at::Tensor* tensor() const { return std::get_if<at::Tensor>(&data); }
    const List* list() const { return std::get_if<List>(&data); }
    const Tuple* tuple() const { return std::get_if<Tuple>(&data); }
    const Dict* dict() const { return std::get_if<Dict>(&data); }
    Dict* dict() { return std::get_if<Dict>(&data); }
    List* list() { return std::get_if<List>(&data); }
    std::span<const Value> elements() const;        // of a list or tuple; empty for anything else
    const Value* find(std::string_view key) const;  // in a dict; nullptr when absent or not a dict
    const char* type_name() const;                  // as Python says it: "int", "OrderedDict", "Tensor", …
};

inline Value::Value(List value) : data(std::move(value)) {}
inline Value::Value(Tuple value) : data(std::move(value)) {}
inline Value::Value(Dict value) : data(std::move(value)) {}

// Same types, same order, same bits: shapes, dtypes and every byte of tensors; NaN equals the same NaN.
bool identical(const Value& a, const Value& b);
bool identical(const at::Tensor& a, const at::Tensor& b);

}  // namespace testudo::tensors
