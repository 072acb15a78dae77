#include "text/tokenizer.h"

namespace testudo::embedded {
extern const std::string_view bpe_lowercase_asr_256;  // data/tokenizers/, put in by cmake/Embed.cmake
}

namespace testudo::text {

const Tokenizer& Tokenizer::builtin() {
    static const Tokenizer tokenizer = parse(embedded::bpe_lowercase_asr_256, "the built-in vocabulary");
    return tokenizer;
}

}  // namespace testudo::text
