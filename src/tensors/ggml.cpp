#include "tensors/ggml.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "core/strings.h"
#include "tensors/cursor.h"
#include "tensors/damage.h"
#include "tensors/host_bytes.h"
#include "tensors/mapped_storage.h"

namespace testudo::tensors {

namespace {

constexpr std::uint32_t magic = 0x67676d6c;  // "ggml"
constexpr std::uint32_t longest_token = 1000, longest_name = 200;
constexpr std::int32_t most_dimensions = 4;
constexpr std::int32_t version_factor = 1000;  // sizes.type carries the version of the quantisation above it

constexpr std::array types{
    GgmlType{0, 0, "float32", 1, 4},    GgmlType{1, 1, "float16", 1, 2},
    GgmlType{2, 2, "q4_0", 32, 18},     GgmlType{3, 3, "q4_1", 32, 20},
    GgmlType{6, 8, "q5_0", 32, 22},     GgmlType{7, 9, "q5_1", 32, 24},
    GgmlType{8, 7, "q8_0", 32, 34},     GgmlType{10, 10, "q2_k", 256, 84},
    GgmlType{11, 11, "q3_k", 256, 110}, GgmlType{12, 12, "q4_k", 256, 144},
    GgmlType{13, 13, "q5_k", 256, 176}, GgmlType{14, 14, "q6_k", 256, 210},
};

template <class Field>
const GgmlType* find(Field GgmlType::*field, Field value) {
    const auto found =
        std::find_if(types.begin(), types.end(), [&](const GgmlType& type) { return type.*field == value; });
    return found == types.end() ? nullptr : &*found;
}

// The eleven numbers in the file's order.
template <class Sizes, class Visit>
void for_each_size(Sizes& sizes, Visit&& visit) {
    visit(sizes.vocabulary, "the vocabulary");
    visit(sizes.audio_context, "the audio context");
    visit(sizes.audio_dim, "the audio width");
    visit(sizes.audio_heads, "the audio heads");
    visit(sizes.audio_layers, "the audio layers");
    visit(sizes.text_context, "the text context");
    visit(sizes.text_dim, "the text width");
    visit(sizes.text_heads, "the text heads");
    visit(sizes.text_layers, "the text layers");
    visit(sizes.mels, "the mel bands");
}

at::Tensor floats(const Map& map, std::size_t place, std::vector<std::int64_t> shape,
                  const std::string& file) {
    Geometry geometry;
    geometry.sizes = std::move(shape);
    geometry.strides = row_major_strides(geometry.sizes);
    std::int64_t elements = 1;
    for (const std::int64_t size : geometry.sizes) elements *= size;
    check_geometry(geometry, elements, file);
    const ElementType& type = *element_type(at::kFloat);
    return view_of(storage_of(map, place, static_cast<std::size_t>(elements) * type.bytes, type.bytes), type,
                   geometry);
}

void read_vocabulary(Cursor& at, GgmlModel& model, const std::string& file) {
    const auto count = at.read<std::int32_t>();
    if (count < 0 || count > model.sizes.vocabulary)
        throw damaged(file, cat("it claims ", count, " tokens in a vocabulary of ", model.sizes.vocabulary));
    for (std::int32_t i = 0; i < count; ++i) {
        const auto length = at.read<std::uint32_t>();
        if (length > longest_token) throw damaged(file, cat("token ", i, " claims ", length, " bytes"));
        model.vocabulary.emplace_back(at.text(length));
    }
}

GgmlTensor read_tensor(Cursor& at, const std::string& file) {
    const auto dimensions = at.read<std::int32_t>();
    const auto length = at.read<std::uint32_t>();
    const auto code = at.read<std::int32_t>();
    if (dimensions < 1 || dimensions > most_dimensions)
        throw damaged(file, cat("a tensor in it claims ", dimensions, " dimensions"));
    if (length == 0 || length > longest_name)
        throw damaged(file, cat("a name in it claims ", length, " bytes"));
    GgmlTensor tensor;
    std::uint64_t elements = 1;
    for (std::int32_t i = 0; i < dimensions; ++i) {
        const auto size = at.read<std::int32_t>();
        // whisper.cpp counts the elements in 32 bits.
        if (size < 1 || (elements *= static_cast<std::uint64_t>(size)) > 0x7fffffff)
            throw damaged(file, "a tensor in it claims an impossible size");
        tensor.shape.push_back(size);
    }
    const auto row = static_cast<std::uint64_t>(tensor.shape.front());
    std::reverse(tensor.shape.begin(), tensor.shape.end());
    tensor.name = std::string(at.text(length));
    tensor.type = ggml_type(code);
    if (!tensor.type)
        throw refused(file, cat("the tensor ", shown(tensor.name), " has the unknown type ", code));
    if (row % tensor.type->block_elements != 0)
        throw damaged(file, cat("the rows of the tensor ", shown(tensor.name), " are no whole blocks of ",
                                tensor.type->name));
    tensor.bytes = at.take(elements / tensor.type->block_elements * tensor.type->block_bytes);
    return tensor;
}

}  // namespace

const GgmlType* ggml_type(std::int32_t code) { return find(&GgmlType::code, code); }
const GgmlType* ggml_type_of_sizes(std::int32_t type) {
    return type < 0 ? nullptr : find(&GgmlType::of_sizes, type % version_factor);
}

bool is_ggml_column(std::string_view name) {
    return name == "encoder.conv1.bias" || name == "encoder.conv2.bias";
}

GgmlModel read_ggml(const fs::path& path) {
    const std::string file = to_utf8(path.native());
    GgmlModel model;
    model.map = std::make_shared<MappedFile>(path);
    Cursor at(std::as_const(*model.map).bytes(), file);
    if (at.read<std::uint32_t>() != magic)
        throw input_error(cat(file, ": it is no ggml model"), "Name a model file of whisper.cpp.");
    for_each_size(model.sizes, [&](std::int32_t& size, const char* what) {
        size = at.read<std::int32_t>();
        if (size < 1 || size > (1 << 17)) throw damaged(file, cat(what, " cannot be ", size));
    });
    model.sizes.type = at.read<std::int32_t>();
    if (!ggml_type_of_sizes(model.sizes.type))
        throw refused(file, cat("its weights have the unknown type ", model.sizes.type));

    const auto bands = at.read<std::int32_t>(), bins = at.read<std::int32_t>();
    if (bands < 1 || bins < 1 || bands > 4096 || bins > 4096)
        throw damaged(file, cat("it claims ", bands, " mel filters of ", bins, " numbers"));
    const std::size_t place = at.position();
    at.take(sizeof(float) * static_cast<std::uint64_t>(bands) * static_cast<std::uint64_t>(bins));
    model.filters = floats(model.map, place, {bands, bins}, file);
    read_vocabulary(at, model, file);

    std::unordered_set<std::string> names;
    while (at.rest() > 0) {
        model.tensors.push_back(read_tensor(at, file));
        if (!names.insert(model.tensors.back().name).second)
            throw refused(file, cat("it holds the tensor ", shown(model.tensors.back().name), " twice"));
    }
    return model;
}

NamedTensors weights_of(const GgmlModel& model, const std::string& file) {
    NamedTensors out;
    for (const GgmlTensor& tensor : model.tensors) {
        const ElementType* type = tensor.type->block_elements == 1
                                      ? element_type(tensor.type->code == 0 ? at::kFloat : at::kHalf)
                                      : nullptr;
        if (!type)
            throw input_error(
                cat(file, ": its weights are quantised (", tensor.type->name, ")"),
                "Only whisper.cpp can use it: take another form of the model for anything else.");
        Geometry geometry;
        geometry.sizes = tensor.shape;
        if (is_ggml_column(tensor.name) && tensor.shape.back() == 1) geometry.sizes.pop_back();
        geometry.strides = row_major_strides(geometry.sizes);
        check_geometry(geometry, static_cast<std::int64_t>(tensor.bytes.size() / type->bytes), file);
        const auto place =
            static_cast<std::size_t>(tensor.bytes.data() - std::as_const(*model.map).bytes().data());
        out.set(tensor.name,
                view_of(storage_of(model.map, place, tensor.bytes.size(), type->bytes), *type, geometry));
    }
    return out;
}

void write_ggml(const fs::path& path, const GgmlSizes& sizes, const at::Tensor& filters,
                const std::vector<std::string>& vocabulary, const NamedTensors& tensors) {
    const std::string name_of_file = to_utf8(path.native());
    AtomicFile out(path);
    const auto number = [&out](auto value) {
        const auto whole = static_cast<std::int32_t>(value);
        out.write(&whole, sizeof whole);
    };
    number(magic);
    for_each_size(sizes, [&](const std::int32_t& size, const char*) { number(size); });
    number(sizes.type);
    const at::Tensor bank = row_major_on_host(filters.to(at::kFloat));
    number(bank.size(0));
    number(bank.size(1));
    out.write(bank.const_data_ptr(), bank.nbytes());
    number(vocabulary.size());
    for (const std::string& token : vocabulary) {
        number(token.size());
        out.write(token);
    }
    for (const auto& [name, given] : tensors) {
        check_writable(given, name, name_of_file);
        const at::Tensor tensor = is_ggml_column(name) && given.dim() == 1 ? given.unsqueeze(1) : given;
        const bool half = tensor.scalar_type() == at::kHalf;
        if ((!half && tensor.scalar_type() != at::kFloat) || tensor.dim() < 1 ||
            tensor.dim() > most_dimensions)
            throw usage_error(cat(path, ": the tensor ", shown(name), " cannot be written in this form"),
                              "Convert it to float32 or float16 with at most four dimensions.");
        number(tensor.dim());
        number(name.size());
        number(half ? 1 : 0);
        for (std::int64_t axis = tensor.dim(); axis-- > 0;) number(tensor.size(axis));
        out.write(name);
        const at::Tensor data = row_major_on_host(tensor);
        out.write(data.const_data_ptr(), data.nbytes());
    }
    out.commit();
}

}  // namespace testudo::tensors
