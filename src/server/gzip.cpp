#include "server/gzip.h"

#include <zlib.h>

#include "core/error.h"

namespace testudo::server {

namespace {

constexpr int with_gzip_header = 15 + 16;  // window bits and zlib's sign for the format
constexpr int fast = 3;                    // what is compressed for one answer should not be waited for

Bytef* bytes_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

Error failed() {
    return {ErrorKind::internal, "zlib failed", "This is a defect of Testudo: please report it."};
}

}  // namespace

std::string gzip(std::string_view bytes) {
    z_stream stream{};
    if (::deflateInit2(&stream, fast, Z_DEFLATED, with_gzip_header, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw failed();
    std::string out(::deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = bytes_of(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    if (result != Z_STREAM_END) throw failed();
    return out;
}

std::string gunzip(std::string_view bytes) {
    z_stream stream{};
    if (::inflateInit2(&stream, with_gzip_header) != Z_OK) throw failed();
    stream.next_in = bytes_of(bytes);
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    int result = Z_OK;
    while (result == Z_OK) {
        char piece[16384];
        stream.next_out = reinterpret_cast<Bytef*>(piece);
        stream.avail_out = sizeof piece;
        result = ::inflate(&stream, Z_NO_FLUSH);
        out.append(piece, sizeof piece - stream.avail_out);
    }
    ::inflateEnd(&stream);
    if (result != Z_STREAM_END) throw failed();
    return out;
}

}  // namespace testudo::server
