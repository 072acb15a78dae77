#include "tensors/file_kind.h"

#include "core/files.h"
#include "core/strings.h"
#include "tensors/cursor.h"

namespace testudo::tensors {

namespace {

bool begins(std::span<const std::byte> bytes, std::string_view magic, std::size_t at = 0) {
    return bytes.size() >= at + magic.size() &&
           std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

bool is_safetensors(std::span<const std::byte> bytes) {
    if (bytes.size() < 10 || bytes[8] != std::byte{'{'}) return false;
    std::uint64_t header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return header >> 48 == 0;  // a length that could be one: the reader says what is wrong with it
}

// u32 version, then a short text that ends in NUL.
bool is_ctranslate2(std::span<const std::byte> bytes) {
    if (bytes.size() < 8) return false;
    std::uint32_t version;
    std::uint16_t length;
    std::memcpy(&version, bytes.data(), sizeof version);
    std::memcpy(&length, bytes.data() + 4, sizeof length);
    return version >= 1 && version <= 100 && length >= 2 && length <= 200 && bytes.size() >= 6u + length &&
           bytes[5u + length] == std::byte{0};
}

}  // namespace

const char* name_of(FileKind kind) {
    switch (kind) {
        case FileKind::torch_zip:
            return "torch-zip";
        case FileKind::torch_legacy:
            return "torch-legacy";
        case FileKind::safetensors:
            return "safetensors";
        case FileKind::ctranslate2:
            return "ctranslate2";
        case FileKind::ggml:
            return "ggml";
    }
    return "unknown";
}

FileKind kind_of_bytes(std::span<const std::byte> bytes, const std::string& file) {
    if (bytes.empty()) throw damaged(file, "it is empty");
    if (begins(bytes, "PK\x03\x04")) return FileKind::torch_zip;
    if (is_safetensors(bytes)) return FileKind::safetensors;
    if (begins(bytes, "lmgg")) return FileKind::ggml;
    if (is_ctranslate2(bytes)) return FileKind::ctranslate2;
    if (bytes.size() > 1 && bytes[0] == std::byte{0x80} && bytes[1] <= std::byte{5})
        return FileKind::torch_legacy;

    const auto head = lower_ascii(std::string_view(reinterpret_cast<const char*>(bytes.data()),
                                                   std::min<std::size_t>(bytes.size(), 512)));
    const std::string start = trim(head).substr(0, 64);
    if (start.starts_with("<!doctype") || start.starts_with("<html"))
        throw input_error(file + ": it is a web page, not a model: the download went wrong",
                          "Download the file itself (the raw file), not the page about it.");
    if (start.starts_with("version https://git-lfs"))
        throw input_error(file + ": it is a pointer of git-lfs, not the model itself",
                          "Run git lfs pull where it came from, or download the file itself.");
    if (begins(bytes, "GGUF") || begins(bytes, "fmgg") || begins(bytes, "tjgg"))
        throw input_error(file + ": it is a model of llama.cpp, which cannot be read",
                          "Use the .pt, .safetensors, CTranslate2 or whisper.cpp form of the model.");
    if (begins(bytes, "ustar", 257))
        throw input_error(file + ": it is a tar file (PyTorch before 0.1.10 wrote such checkpoints)",
                          "Unpack it, or load and save it anew with a newer PyTorch.");
    throw input_error(file + ": it is no checkpoint: neither PyTorch, safetensors, CTranslate2 nor ggml",
                      "Check that it is the right file and that it was copied whole.");
}

}  // namespace testudo::tensors
