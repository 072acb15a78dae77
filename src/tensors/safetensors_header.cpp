#include "tensors/safetensors_header.h"

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/strings.h"
#include "tensors/damage.h"

namespace testudo::tensors {

namespace {

// Read event by event: a JSON document would swallow repeated names and grow with nested nonsense.
class Reader : public nlohmann::json_sax<nlohmann::json> {
  public:
    explicit Reader(const std::string& file) : file_(file) {}
    SafetensorsHeader take() && { return std::move(header_); }

    bool start_object(std::size_t) override {
        if (place_ == Place::outside) return go(Place::names);
        if (place_ == Place::tensor_value) {
            header_.entries.push_back({.name = name_, .dtype = {}, .shape = {}});
            fields_.clear();
            return go(Place::fields);
        }
        if (place_ == Place::metadata_value) return go(Place::metadata);
        return wrong();
    }
    bool end_object() override {
        if (place_ == Place::names) return go(Place::done);
        if (place_ == Place::fields && fields_.size() != 3) return wrong();
        return go(Place::names);
    }
    bool key(string_t& name) override {
        if (place_ == Place::names) {
            if (!names_.insert(name).second)
                throw refused(file_, cat("its header names ", shown(name), " twice"));
            name_ = name;
            return go(name == "__metadata__" ? Place::metadata_value : Place::tensor_value);
        }
        if (place_ == Place::metadata) {
            name_ = name;
            return go(Place::metadata_text);
        }
        if (place_ != Place::fields || !fields_.insert(name).second) return wrong();
        if (name == "dtype") return go(Place::dtype);
        if (name == "shape") return go(Place::shape);
        if (name == "data_offsets") return go(Place::offsets);
        return wrong();
    }
    bool string(string_t& text) override {
        if (place_ == Place::metadata_text) {
            if (!header_.metadata.emplace(name_, text).second) return wrong();
            return go(Place::metadata);
        }
        if (place_ != Place::dtype) return wrong();
        header_.entries.back().dtype = text;
        return go(Place::fields);
    }
    bool start_array(std::size_t) override {
        numbers_.clear();
        if (place_ == Place::shape) return go(Place::shape_numbers);
        if (place_ == Place::offsets) return go(Place::offset_numbers);
        return wrong();
    }
    bool end_array() override {
        SafetensorsEntry& entry = header_.entries.back();
        if (place_ == Place::shape_numbers) {
            entry.shape.assign(numbers_.begin(), numbers_.end());
        } else {
            if (numbers_.size() != 2) return wrong();
            entry.begin = numbers_[0];
            entry.end = numbers_[1];
        }
        return go(Place::fields);
    }
    bool number_unsigned(number_unsigned_t value) override {
        if (place_ != Place::shape_numbers && place_ != Place::offset_numbers) return wrong();
        if (numbers_.size() >= 64 || value >> 62 != 0) return wrong();
        numbers_.push_back(value);
        return true;
    }
    bool number_integer(number_integer_t) override { return wrong(); }
    bool number_float(number_float_t, const string_t&) override { return wrong(); }
    bool null() override { return wrong(); }
    bool boolean(bool) override { return wrong(); }
    bool binary(binary_t&) override { return wrong(); }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        throw damaged(file_, cat("its header is not JSON at byte ", position));
    }

  private:
    enum class Place {
        outside,
        names,
        tensor_value,
        fields,
        dtype,
        shape,
        shape_numbers,
        offsets,
        offset_numbers,
        metadata_value,
        metadata,
        metadata_text,
        done
    };
    bool go(Place place) {
        place_ = place;
        return true;
    }
    bool wrong() const {
        throw damaged(file_, cat("its header describes ", name_.empty() ? "nothing" : shown(name_),
                                 " in a way that is not safetensors"));
    }

    const std::string& file_;
    SafetensorsHeader header_;
    Place place_ = Place::outside;
    std::string name_;
    std::vector<std::uint64_t> numbers_;
    std::unordered_set<std::string> names_, fields_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& file) {
    Reader reader(file);
    nlohmann::json::sax_parse(text, &reader);
    return std::move(reader).take();
}

}  // namespace testudo::tensors
