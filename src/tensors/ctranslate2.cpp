#include "tensors/ctranslate2.h"

#include <array>

#include "core/strings.h"
#include "tensors/cursor.h"
#include "tensors/damage.h"
#include "tensors/mapped_storage.h"

namespace testudo::tensors {

namespace {

constexpr std::array element_types{at::kFloat, at::kChar, at::kShort, at::kInt, at::kHalf, at::kBFloat16};
constexpr std::uint32_t known_version = 6;

// u16 length that counts a closing NUL, then the bytes.
std::string read_text(Cursor& at, const std::string& file) {
    const auto length = at.read<std::uint16_t>();
    const std::string_view text = at.text(length);
    if (text.empty() || text.back() != '\0' || text.find('\0') + 1 != text.size() || !is_utf8(text))
        throw damaged(file, "a name in it is broken");
    return std::string(text.substr(0, text.size() - 1));
}

at::Tensor read_variable(Cursor& at, const Map& map, const std::string& name, const std::string& file) {
    Geometry geometry;
    const int rank = at.read<std::uint8_t>();
    if (rank > 8) throw damaged(file, cat("the variable ", shown(name), " claims ", rank, " dimensions"));
    for (int i = 0; i < rank; ++i) geometry.sizes.push_back(at.read<std::uint32_t>());
    geometry.strides = row_major_strides(geometry.sizes);
    const auto code = at.read<std::uint8_t>();
    if (code >= element_types.size())
        throw refused(file, cat("the variable ", shown(name), " has the unknown type ", int{code}));
    const ElementType& type = *element_type(element_types[code]);
    const auto bytes = at.read<std::uint32_t>();
    const std::int64_t elements =
        check_geometry(geometry, bytes / static_cast<std::int64_t>(type.bytes), file);
    if (static_cast<std::uint64_t>(elements) * type.bytes != bytes)
        throw damaged(file, cat("the variable ", shown(name), " has ", bytes,
                                " bytes, which is not its shape ", at::IntArrayRef(geometry.sizes)));
    const std::size_t place = at.position();
    at.take(bytes);
    return view_of(storage_of(map, place, bytes, type.bytes), type, geometry);
}

}  // namespace

CTranslate2Model read_ctranslate2(const fs::path& path) {
    const std::string file = to_utf8(path.native());
    const Map map = std::make_shared<MappedFile>(path);
    Cursor at(std::as_const(*map).bytes(), file);
    const auto version = at.read<std::uint32_t>();
    if (version != known_version)
        throw input_error(cat(file, ": it has version ", version, " of CTranslate2's form, only ",
                              known_version, " can be read"),
                          "Convert the model anew with a current ct2-transformers-converter.");
    CTranslate2Model model;
    model.spec = read_text(at, file);
    model.revision = static_cast<int>(at.read<std::uint32_t>() & 0x7fffffff);
    const auto variables = at.read<std::uint32_t>();
    for (std::uint32_t i = 0; i < variables; ++i) {
        const std::string name = read_text(at, file);
        if (model.tensors.contains(name))
            throw refused(file, cat("it holds the variable ", shown(name), " twice"));
        model.tensors.set(name, read_variable(at, map, name, file));
    }
    const auto aliases = at.read<std::uint32_t>();
    for (std::uint32_t i = 0; i < aliases; ++i) {
        const std::string name = read_text(at, file), target = read_text(at, file);
        const at::Tensor* tensor = model.tensors.find(target);
        if (!tensor)
            throw damaged(
                file, cat("the name ", shown(name), " stands for ", shown(target), ", which is not there"));
        if (model.tensors.contains(name))
            throw refused(file, cat("it holds the variable ", shown(name), " twice"));
        const at::Tensor shared = *tensor;
        model.tensors.set(name, shared);
    }
    if (at.rest() != 0) throw damaged(file, cat(at.rest(), " bytes follow its last entry"));
    return model;
}

}  // namespace testudo::tensors
