#include "asr/openai_backend.h"

#include <utility>

namespace testudo::asr {

namespace {

class OpenaiBackend final : public Backend {
  public:
    OpenaiBackend(Transcriber transcriber, TranscribeOptions how)
        : transcriber_(std::move(transcriber)), how_(std::move(how)) {}

    std::vector<Transcript> hear(const std::vector<audio::Clip>& clips, const HearOptions& options) override {
        TranscribeOptions how = how_;
        how.language = options.language;
        how.beam_size = options.beam_size;
        how.batch = options.batch;
        how.word_timestamps = options.word_timestamps;
        how.progress = options.progress;
        return transcriber_.transcribe(clips, how);
    }

  private:
    Transcriber transcriber_;
    TranscribeOptions how_;
};

}  // namespace

std::unique_ptr<Backend> openai_backend(Transcriber transcriber, TranscribeOptions how) {
    return std::make_unique<OpenaiBackend>(std::move(transcriber), std::move(how));
}

}  // namespace testudo::asr
