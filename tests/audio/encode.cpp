#include "audio/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <stdexcept>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace testudo::test {

namespace {

void check(int code, const char* what) {
    if (code < 0) throw std::runtime_error(what);
}

void put_sample(AVFrame& frame, AVSampleFormat format, int channel, int channels, int at, float value) {
    const bool planar = av_sample_fmt_is_planar(format) != 0;
    std::uint8_t* base = frame.extended_data[planar ? channel : 0];
    const std::size_t index =
        planar ? static_cast<std::size_t>(at) : static_cast<std::size_t>(at * channels + channel);
    const double clamped = std::clamp(static_cast<double>(value), -1.0, 1.0);
    switch (av_get_packed_sample_fmt(format)) {
        case AV_SAMPLE_FMT_U8:
            base[index] = static_cast<std::uint8_t>(std::lrint(clamped * 127 + 128));
            break;
        case AV_SAMPLE_FMT_S16:
            reinterpret_cast<std::int16_t*>(base)[index] =
                static_cast<std::int16_t>(std::lrint(clamped * 32767));
            break;
        case AV_SAMPLE_FMT_S32:
            reinterpret_cast<std::int32_t*>(base)[index] =
                static_cast<std::int32_t>(std::llrint(clamped * 2147483647.0));
            break;
        case AV_SAMPLE_FMT_FLT:
            reinterpret_cast<float*>(base)[index] = value;
            break;
        case AV_SAMPLE_FMT_DBL:
            reinterpret_cast<double*>(base)[index] = value;
            break;
        default:
            throw std::runtime_error("sample format");
    }
}

struct Writer {
    AVFormatContext* format = nullptr;
    AVCodecContext* codec = nullptr;
    AVStream* stream = nullptr;
    AVPacket* packet = av_packet_alloc();
    AVFrame* frame = av_frame_alloc();

    ~Writer() {
        av_frame_free(&frame);
        av_packet_free(&packet);
        avcodec_free_context(&codec);
        if (format && format->pb) avio_closep(&format->pb);
        avformat_free_context(format);
    }
    void send(AVFrame* what) {
        check(avcodec_send_frame(codec, what), "send");
        while (avcodec_receive_packet(codec, packet) >= 0) {
            av_packet_rescale_ts(packet, codec->time_base, stream->time_base);
            packet->stream_index = stream->index;
            check(av_interleaved_write_frame(format, packet), "write");
        }
    }
};

}  // namespace

bool encode(const std::filesystem::path& file, const std::string& encoder, int rate,
            const std::vector<std::vector<float>>& channels) {
    av_log_set_level(AV_LOG_QUIET);
    const AVCodec* found = avcodec_find_encoder_by_name(encoder.c_str());
    if (!found) return false;
    Writer writer;
    const bool g722 = file.extension() == ".g722";
    check(avformat_alloc_output_context2(&writer.format, nullptr, g722 ? "g722" : nullptr, file.c_str()),
          "container");
    writer.codec = avcodec_alloc_context3(found);
    AVCodecContext& codec = *writer.codec;
    codec.sample_fmt = found->sample_fmts ? found->sample_fmts[0] : AV_SAMPLE_FMT_S16;
    codec.sample_rate = rate;
    av_channel_layout_default(&codec.ch_layout, static_cast<int>(channels.size()));
    codec.time_base = {1, rate};
    codec.bit_rate = 128000;
    if (writer.format->oformat->flags & AVFMT_GLOBALHEADER) codec.flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    check(avcodec_open2(&codec, found, nullptr), "open encoder");
    writer.stream = avformat_new_stream(writer.format, nullptr);
    writer.stream->time_base = codec.time_base;
    check(avcodec_parameters_from_context(writer.stream->codecpar, &codec), "parameters");
    check(avio_open(&writer.format->pb, file.c_str(), AVIO_FLAG_WRITE), "open file");
    check(avformat_write_header(writer.format, nullptr), "header");
    const int length = static_cast<int>(channels[0].size()),
              step = codec.frame_size > 0 ? codec.frame_size : 1024;
    for (int at = 0; at < length; at += step) {
        AVFrame& frame = *writer.frame;
        frame.nb_samples = std::min(step, length - at);
        frame.format = codec.sample_fmt;
        frame.sample_rate = rate;
        av_channel_layout_copy(&frame.ch_layout, &codec.ch_layout);
        check(av_frame_get_buffer(&frame, 0), "buffer");
        for (std::size_t c = 0; c < channels.size(); ++c)
            for (int i = 0; i < frame.nb_samples; ++i)
                put_sample(frame, codec.sample_fmt, static_cast<int>(c), static_cast<int>(channels.size()), i,
                           channels[c][static_cast<std::size_t>(at + i)]);
        frame.pts = at;
        writer.send(&frame);
        av_frame_unref(&frame);
    }
    writer.send(nullptr);
    check(av_write_trailer(writer.format), "trailer");
    return true;
}

std::vector<float> tone(double hertz, int rate, double seconds, double amplitude) {
    std::vector<float> samples(static_cast<std::size_t>(std::llround(rate * seconds)));
    for (std::size_t i = 0; i < samples.size(); ++i)
        samples[i] = static_cast<float>(
            amplitude * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(i) / rate));
    return samples;
}

std::string wav_bytes(int format_tag, int channels, int rate, int bits, const std::string& data,
                      bool extensible) {
    std::string out;
    const auto put = [&out](std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
    };
    const int align = channels * bits / 8, format_size = extensible ? 40 : 16;
    out += "RIFF";
    put(20 + static_cast<std::uint64_t>(format_size) + data.size(), 4);
    out += "WAVEfmt ";
    put(static_cast<std::uint64_t>(format_size), 4);
    put(extensible ? 0xfffe : static_cast<std::uint64_t>(format_tag), 2);
    put(static_cast<std::uint64_t>(channels), 2);
    put(static_cast<std::uint64_t>(rate), 4);
    put(static_cast<std::uint64_t>(rate) * static_cast<std::uint64_t>(align), 4);
    put(static_cast<std::uint64_t>(align), 2);
    put(static_cast<std::uint64_t>(bits), 2);
    if (extensible) {
        put(22, 2);
        put(static_cast<std::uint64_t>(bits), 2);
        put(channels == 2 ? 3 : 0, 4);
        put(static_cast<std::uint64_t>(format_tag), 2);
        out += std::string("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", 14);
    }
    out += "data";
    put(data.size(), 4);
    return out + data;
}

}  // namespace testudo::test
