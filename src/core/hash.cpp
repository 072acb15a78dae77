#include "core/hash.h"

#include <openssl/evp.h>

#include <fstream>
#include <memory>

#include "core/error.h"
#include "core/strings.h"

namespace testudo {

namespace {
struct Sha256 {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    Sha256() { EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr); }
    void add(const void* data, std::size_t bytes) { EVP_DigestUpdate(context.get(), data, bytes); }
    std::string hex() {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned length = 0;
        EVP_DigestFinal_ex(context.get(), digest, &length);
        std::string out;
        for (unsigned i = 0; i < length; ++i) {
            constexpr char digits[] = "0123456789abcdef";
            out += digits[digest[i] >> 4];
            out += digits[digest[i] & 15];
        }
        return out;
    }
};
}  // namespace

std::string sha256(std::string_view bytes) {
    Sha256 hash;
    hash.add(bytes.data(), bytes.size());
    return hash.hex();
}

std::string sha256_of_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in)
        throw input_error(cat("cannot read ", to_utf8(path.native())), "Check the name and the permissions.");
    Sha256 hash;
    std::string buffer(1 << 20, '\0');
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0)
        hash.add(buffer.data(), static_cast<std::size_t>(in.gcount()));
    return hash.hex();
}

}  // namespace testudo
