#pragma once
// What Python's str does and Whisper's rules rely on.
#include <string>
#include <string_view>

namespace testudo::asr {

// bytes.decode("utf-8", "replace"): one U+FFFD for each maximal part of a broken sequence.
std::string decode_utf8_as_python(std::string_view bytes);
// str.strip(): Unicode white space off both ends.
std::string_view strip(std::string_view text);

}  // namespace testudo::asr
