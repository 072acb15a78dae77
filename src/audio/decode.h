#pragma once
// Any recording (wav, flac, mp3, ogg, opus, m4a, aac, webm, mp4, raw g722, …) as mono float samples, by
// libav. Decoding, mixing and resampling go block by block, so memory does not grow with the length of the
// file.
//
// All of these throw Error(input) that names the file when it is missing, a folder, unreadable, empty, not
// audio, has no audio stream, holds no samples, or holds a NaN or an infinity.
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "audio/clip.h"

namespace testudo::audio {

enum class Mix {
    average,        // the mean of all channels
    first_channel,  // channel 0 alone, as the Python trainer reads
};

struct DecodeOptions {
    int rate = 0;  // Hz; 0 keeps the file's own
    Mix mix = Mix::average;
    std::string* warning =
        nullptr;  // set to one sentence when the file is damaged but something could be read
};

// Calls sink(samples, rate) for each block in order; a sink that returns false ends the reading.
using Sink = std::function<bool(std::span<const float> samples, int rate)>;
void stream(const std::filesystem::path& file, const DecodeOptions& options, const Sink& sink);

// The whole recording. A cut-off or partly damaged file gives what can be read (and says so in `warning`).
Clip load(const std::filesystem::path& file, int rate = 0, Mix mix = Mix::average,
          std::string* warning = nullptr);

// Seconds, as decoding would give them: from the container where it says so exactly, else by decoding.
double duration(const std::filesystem::path& file);

// By its extension, in any case: wav flac mp3 ogg oga opus m4a aac webm mp4 mkv mka mov g722 wma aif aiff …
bool is_audio_file(const std::filesystem::path& file);

}  // namespace testudo::audio
