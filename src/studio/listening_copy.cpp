#include "studio/listening_copy.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <mutex>

#include "audio/decode.h"
#include "audio/mel.h"
#include "audio/wav.h"
#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"

namespace testudo::studio {

namespace {

constexpr std::int64_t wav_header = 44;  // bytes, as WavWriter writes it
constexpr double darkest = -11.512925464970229, brightest = 6.907755278982137;  // ln 1e-5, ln 1000

class PeakWriter {
  public:
    void add(std::span<const float> samples) {
        for (const float sample : samples) {
            low_ = std::min(low_, sample);
            high_ = std::max(high_, sample);
            if (++count_ == samples_of_a_peak) end();
        }
    }
    std::string finish() {
        if (count_ > 0) end();
        return std::move(bytes_);
    }

  private:
    static char rounded(float value) {
        return static_cast<char>(std::lround(std::clamp(value, -1.0f, 1.0f) * 127));
    }
    void end() {
        bytes_ += rounded(low_);
        bytes_ += rounded(high_);
        low_ = high_ = 0;
        count_ = 0;
    }

    std::string bytes_;
    float low_ = 0, high_ = 0;
    int count_ = 0;
};

void make(const fs::path& recording, const ListeningCopy& copy) {
    audio::WavWriter wav(copy.wav, listening_rate);
    PeakWriter peaks;
    audio::stream(recording, {.rate = listening_rate}, [&](std::span<const float> samples, int) {
        wav.write(samples);
        peaks.add(samples);
        return true;
    });
    // The wav last: where it is, both are.
    write_file(copy.peaks, peaks.finish());
    wav.commit();
}

void remove_older(const fs::path& folder, const std::string& name, const std::string& keep) {
    std::error_code error;
    std::vector<fs::path> old;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        const std::string file = entry->path().filename().string();
        if (file.starts_with(name) && !file.starts_with(keep)) old.push_back(entry->path());
    }
    for (const fs::path& file : old) fs::remove(file, error);
}

std::vector<std::int16_t> samples_of(const ListeningCopy& copy, std::int64_t first, std::int64_t count) {
    std::ifstream in(copy.wav, std::ios::binary);
    std::vector<std::int16_t> samples(static_cast<std::size_t>(count));
    in.seekg(wav_header + 2 * first);
    in.read(reinterpret_cast<char*>(samples.data()), 2 * count);
    if (!in) throw input_error(cat(copy.wav, " is shorter than it was"), "Ask again.");
    return samples;
}

}  // namespace

ListeningCopy listening_copy(const Workspace& workspace, const std::string& voice,
                             const fs::path& recording) {
    static std::mutex
        one_at_a_time;  // decoding takes a processor; a second request waits for the first's result
    std::error_code error;
    const auto bytes = fs::file_size(recording, error);
    if (error) throw input_error(cat("cannot read ", recording), "Check that it is there.");
    const auto changed = fs::last_write_time(recording, error).time_since_epoch().count();
    const std::string name = sha256(recording.filename().string()).substr(0, 16);
    const std::string stem = cat(name, '-', sha256(cat(bytes, ' ', changed)).substr(0, 16));
    const fs::path folder = workspace.training(voice) / ".listen";
    ListeningCopy copy{folder / (stem + ".wav"), folder / (stem + ".peaks")};
    {
        const std::scoped_lock lock(one_at_a_time);
        if (!fs::exists(copy.wav, error) || !fs::exists(copy.peaks, error)) {
            make_folders(folder);
            make(recording, copy);
            remove_older(folder, name, stem);
        }
    }
    copy.samples = (static_cast<std::int64_t>(fs::file_size(copy.wav)) - wav_header) / 2;
    return copy;
}

Peaks peaks_of(const ListeningCopy& copy, double from, double to, int columns) {
    const MappedFile file(copy.peaks);
    const auto bytes = file.bytes();
    const std::int64_t all = static_cast<std::int64_t>(bytes.size() / 2);
    constexpr double per_second = static_cast<double>(listening_rate) / samples_of_a_peak;
    const auto place = [&](double seconds, bool up) {
        const double at = std::clamp(seconds, 0.0, 1e7) * per_second;
        return std::min(all, static_cast<std::int64_t>(up ? std::ceil(at) : std::floor(at)));
    };
    const std::int64_t first = place(from, false), last = std::max(first, place(to, true));
    const std::int64_t each = std::max<std::int64_t>(1, (last - first + columns - 1) / columns);
    Peaks peaks{static_cast<double>(first) / per_second, static_cast<double>(last) / per_second, {}, {}};
    for (std::int64_t at = first; at < last; at += each) {
        int low = 127, high = -127;
        for (std::int64_t i = at; i < std::min(at + each, last); ++i) {
            low = std::min<int>(low, static_cast<std::int8_t>(bytes[static_cast<std::size_t>(2 * i)]));
            high = std::max<int>(high, static_cast<std::int8_t>(bytes[static_cast<std::size_t>(2 * i + 1)]));
        }
        peaks.low.push_back(static_cast<std::int8_t>(low));
        peaks.high.push_back(static_cast<std::int8_t>(high));
    }
    return peaks;
}

Spectrogram spectrogram_of(const ListeningCopy& copy, double from, double to, int columns) {
    if (!(from >= 0) || !(to > from) || to - from > longest_spectrogram)
        throw usage_error(cat("a spectrogram from ", from, " to ", to, " s cannot be drawn"),
                          cat("Ask for at most ", longest_spectrogram, " s at once."));
    const auto place = [&](double seconds) {
        return std::min<std::int64_t>(copy.samples, std::llround(seconds * listening_rate));
    };
    const std::int64_t first = place(from), count = place(to) - first;
    Spectrogram out{from, static_cast<double>(first + count) / listening_rate, 0, {}};
    if (count <= audio::tortoise_n_fft / 2) return out;
    const auto samples = samples_of(copy, first, count);
    const at::Tensor wave =
        at::from_blob(const_cast<std::int16_t*>(samples.data()), {count}, at::kShort).to(at::kFloat) /
        32768.0;
    at::Tensor mel = audio::tortoise_mel(wave) * audio::mel_norms().unsqueeze(1);
    const std::int64_t frames = mel.size(1), each = (frames + columns - 1) / columns;
    // The loudest frame of a column: what is short must not vanish.
    const std::int64_t padded = (frames + each - 1) / each * each;
    mel = at::constant_pad_nd(mel, {0, padded - frames}, darkest)
              .reshape({spectrogram_bands, -1, each})
              .amax(2);
    const at::Tensor points = ((mel - darkest) * (255 / (brightest - darkest)))
                                  .round()
                                  .clamp(0, 255)
                                  .to(at::kByte)
                                  .t()
                                  .contiguous();
    out.columns = static_cast<int>(points.size(0));
    out.points.assign(static_cast<const char*>(points.const_data_ptr()),
                      static_cast<std::size_t>(points.numel()));
    return out;
}

}  // namespace testudo::studio
