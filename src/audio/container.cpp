#include "audio/container.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include "core/error.h"
#include "core/strings.h"

namespace testudo::audio {

namespace fs = std::filesystem;

namespace {

constexpr const char* remedy =
    "Use a recording (wav, flac, mp3, ogg, opus, m4a, webm, …) that other players can play.";
constexpr int lowest_rate = 1000, highest_rate = 768000, most_channels = 256;

// Formats that hold sound themselves. Play lists and the like, which would open other files, are not among
// them.
constexpr const char* formats =
    "wav,w64,rf64,aiff,caf,au,voc,flac,mp3,ogg,mov,mp4,m4a,matroska,webm,aac,loas,g722,asf,amr,amrnb,amrwb,"
    "wv,ape,tta,"
    "tak,mpc,mpc8,ac3,eac3,dts,mpegts,mpeg,avi,flv,gsm,xwma,ircam,sox,pvf,nistsphere,alaw,mulaw";

std::string reason(int code) {
    char text[AV_ERROR_MAX_STRING_SIZE] = {};
    av_strerror(code, text, sizeof text);
    return text;
}

void check_readable(const fs::path& file) {
    std::error_code failed;
    const auto status = fs::status(file, failed);
    if (status.type() == fs::file_type::not_found)
        throw input_error(cat(file, " does not exist"), "Check the name of the recording.");
    if (fs::is_directory(status))
        throw input_error(cat(file, " is a folder, not a recording"), "Name a file in it.");
    if (failed || !fs::is_regular_file(status))
        throw input_error(cat(file, " is not a regular file"), remedy);
    const int handle = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (handle < 0)
        throw input_error(cat(file, " cannot be read: ", std::strerror(errno)),
                          "Give yourself permission to read it.");
    ::close(handle);
    if (fs::file_size(file, failed) == 0 && !failed)
        throw input_error(cat(file, " is empty"), "Record or copy it again, or remove it.");
}

template <class Sample>
float to_float(Sample value) {
    if constexpr (std::is_same_v<Sample, std::uint8_t>)
        return (static_cast<float>(value) - 128.0f) / 128.0f;
    else if constexpr (std::is_integral_v<Sample>)
        return static_cast<float>(value) * (-1.0f / static_cast<float>(std::numeric_limits<Sample>::min()));
    else
        return static_cast<float>(value);
}

// Adds (or, for the first channel, puts) the frame's samples into `block`.
template <class Sample>
void mix_samples(const AVFrame& frame, bool planar, int channels, Mix mix, std::vector<float>& block) {
    const int frames = frame.nb_samples, used = mix == Mix::first_channel ? 1 : channels;
    for (int channel = 0; channel < used; ++channel) {
        const auto* samples = reinterpret_cast<const Sample*>(frame.extended_data[planar ? channel : 0]) +
                              (planar ? 0 : channel);
        const int step = planar ? 1 : channels;
        for (int i = 0; i < frames; ++i) block[i] += to_float(samples[static_cast<std::ptrdiff_t>(i) * step]);
    }
    if (used > 1)
        for (float& sample : block) sample /= static_cast<float>(used);
}

}  // namespace

Container::Container(const fs::path& file) : file_(file) {
    static const bool quiet = [] {
        av_log_set_level(AV_LOG_QUIET);
        return true;
    }();
    (void)quiet;
    check_readable(file);
    try {
        open();
    } catch (...) {  // the destructor of an unfinished object does not run
        close();
        throw;
    }
}

void Container::open() {
    format_ = avformat_alloc_context();
    packet_ = av_packet_alloc();
    frame_ = av_frame_alloc();
    if (!format_ || !packet_ || !frame_) throw std::bad_alloc();
    // Raw g722 carries no mark that it could be known by, only its name.
    const bool raw_g722 = lower_ascii(file_.extension().string()) == ".g722";
    AVDictionary* options = nullptr;
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    av_dict_set(&options, "format_whitelist", formats, 0);
    const std::string url = cat("file:", fs::absolute(file_));
    int code = avformat_open_input(&format_, url.c_str(), raw_g722 ? av_find_input_format("g722") : nullptr,
                                   &options);
    av_dict_free(&options);
    if (code < 0)
        throw input_error(cat(file_, " is not a recording that can be decoded: ", reason(code)), remedy);
    avformat_find_stream_info(format_, nullptr);  // what it cannot find out shows below

    const AVCodec* decoder = nullptr;
    stream_ = av_find_best_stream(format_, AVMEDIA_TYPE_AUDIO, -1, -1, &decoder, 0);
    if (stream_ == AVERROR_DECODER_NOT_FOUND)
        throw input_error(cat(file_, " holds sound in a format that no decoder here knows"), remedy);
    if (stream_ < 0) throw input_error(cat(file_, " has no audio stream"), remedy);
    for (unsigned i = 0; i < format_->nb_streams; ++i)
        if (static_cast<int>(i) != stream_) format_->streams[i]->discard = AVDISCARD_ALL;

    codec_ = avcodec_alloc_context3(decoder);
    if (!codec_) throw std::bad_alloc();
    const AVStream& stream = *format_->streams[stream_];
    if ((code = avcodec_parameters_to_context(codec_, stream.codecpar)) < 0)
        throw input_error(cat(file_, " has an unusable audio stream: ", reason(code)), remedy);
    codec_->pkt_timebase = stream.time_base;
    if ((code = avcodec_open2(codec_, decoder, nullptr)) < 0)
        throw input_error(cat(file_, " cannot be decoded: ", reason(code)), remedy);
}

Container::~Container() { close(); }

void Container::close() {
    av_frame_free(&frame_);
    av_packet_free(&packet_);
    avcodec_free_context(&codec_);
    avformat_close_input(&format_);
}

double Container::stated_seconds() const {
    const AVStream& stream = *format_->streams[stream_];
    if (format_->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) return 0;
    if (stream.duration != AV_NOPTS_VALUE && stream.duration > 0)
        return static_cast<double>(stream.duration) * av_q2d(stream.time_base);
    if (format_->duration != AV_NOPTS_VALUE && format_->duration > 0)
        return static_cast<double>(format_->duration) / AV_TIME_BASE;
    return 0;
}

int Container::bits_per_frame() const {
    return av_get_exact_bits_per_sample(codec_->codec_id) * codec_->ch_layout.nb_channels;
}

bool Container::receive() {
    for (;;) {
        const int got = avcodec_receive_frame(codec_, frame_);
        if (got >= 0) return true;
        if (got == AVERROR_EOF) return false;
        if (got != AVERROR(EAGAIN)) {
            damaged_ = true;
            if (draining_) return false;
        } else if (draining_) {
            return false;
        }
        const int read = av_read_frame(format_, packet_);
        if (read < 0) {
            if (read != AVERROR_EOF) damaged_ = true;
            draining_ = true;
            avcodec_send_packet(codec_, nullptr);
            continue;
        }
        if (packet_->stream_index == stream_) {
            if (packet_->flags & AV_PKT_FLAG_CORRUPT) damaged_ = true;
            if (avcodec_send_packet(codec_, packet_) < 0) damaged_ = true;  // one bad packet: go on behind it
        }
        av_packet_unref(packet_);
    }
}

void Container::mix_frame(Mix mix, std::vector<float>& block) {
    const int channels = frame_->ch_layout.nb_channels;
    if (channels < 1 || channels > most_channels || frame_->sample_rate < lowest_rate ||
        frame_->sample_rate > highest_rate)
        throw input_error(cat(file_, " says it has ", channels, " channels at ", frame_->sample_rate, " Hz"),
                          remedy);
    rate_ = frame_->sample_rate;
    block.assign(static_cast<std::size_t>(frame_->nb_samples), 0.0f);
    const auto format = static_cast<AVSampleFormat>(frame_->format);
    const bool planar = av_sample_fmt_is_planar(format) != 0;
    switch (av_get_packed_sample_fmt(format)) {
        case AV_SAMPLE_FMT_U8:
            mix_samples<std::uint8_t>(*frame_, planar, channels, mix, block);
            break;
        case AV_SAMPLE_FMT_S16:
            mix_samples<std::int16_t>(*frame_, planar, channels, mix, block);
            break;
        case AV_SAMPLE_FMT_S32:
            mix_samples<std::int32_t>(*frame_, planar, channels, mix, block);
            break;
        case AV_SAMPLE_FMT_S64:
            mix_samples<std::int64_t>(*frame_, planar, channels, mix, block);
            break;
        case AV_SAMPLE_FMT_FLT:
            mix_samples<float>(*frame_, planar, channels, mix, block);
            break;
        case AV_SAMPLE_FMT_DBL:
            mix_samples<double>(*frame_, planar, channels, mix, block);
            break;
        default:
            throw input_error(cat(file_, " has samples of an unknown form"), remedy);
    }
    for (std::size_t i = 0; i < block.size(); ++i)
        if (!std::isfinite(block[i]))
            throw input_error(cat(file_, " holds a sample that is not a number, ",
                                  read_seconds_ + static_cast<double>(i) / rate_, " s in"),
                              "Export the recording again as 16-bit wav or flac.");
    read_seconds_ += static_cast<double>(block.size()) / rate_;
}

bool Container::next(Mix mix, std::vector<float>& block) {
    do {
        if (!receive()) return false;
        mix_frame(mix, block);
        av_frame_unref(frame_);
    } while (block.empty());
    return true;
}

}  // namespace testudo::audio
