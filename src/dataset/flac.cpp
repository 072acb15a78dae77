#include "dataset/flac.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
}

namespace testudo::dataset {

namespace {

struct Free {
    void operator()(AVFormatContext* p) const {
        if (p->pb) avio_closep(&p->pb);
        avformat_free_context(p);
    }
    void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
    void operator()(AVFrame* p) const { av_frame_free(&p); }
    void operator()(AVPacket* p) const { av_packet_free(&p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

}  // namespace

struct FlacWriter::Encoder {
    Encoder(const fs::path& file, int rate) : out(file), name(out.temporary()) {
        AVFormatContext* made = nullptr;
        check(avformat_alloc_output_context2(&made, nullptr, "flac", nullptr));
        format.reset(made);
        const AVCodec* coder = avcodec_find_encoder(AV_CODEC_ID_FLAC);
        codec.reset(coder ? avcodec_alloc_context3(coder) : nullptr);
        if (!codec)
            throw environment_error("libavcodec has no FLAC encoder",
                                    "Convert the recording to wav, or install a complete libavcodec.");
        codec->sample_fmt = AV_SAMPLE_FMT_S16;
        codec->sample_rate = rate;
        codec->time_base = {1, rate};
        check(av_channel_layout_from_string(&codec->ch_layout, "mono"));
        check(avcodec_open2(codec.get(), coder, nullptr));
        stream = avformat_new_stream(format.get(), nullptr);
        stream->time_base = codec->time_base;
        check(avcodec_parameters_from_context(stream->codecpar, codec.get()));
        // The file: protocol keeps names like "pipe:1" what they are, names.
        check(avio_open(&format->pb, ("file:" + name.string()).c_str(), AVIO_FLAG_WRITE));
        check(avformat_write_header(format.get(), nullptr));
    }

    void check(int result) const {
        if (result >= 0) return;
        char text[AV_ERROR_MAX_STRING_SIZE] = {};
        av_strerror(result, text, sizeof text);
        throw environment_error(cat("cannot write ", name, ": ", text),
                                "Make room on the disk or allow writing there.");
    }

    void send(const AVFrame* frame) {
        check(avcodec_send_frame(codec.get(), frame));
        const Owned<AVPacket> packet(av_packet_alloc());
        for (;;) {
            const int got = avcodec_receive_packet(codec.get(), packet.get());
            if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return;
            check(got);
            av_packet_rescale_ts(packet.get(), codec->time_base, stream->time_base);
            packet->stream_index = stream->index;
            check(av_interleaved_write_frame(format.get(), packet.get()));
        }
    }

    // What is waiting, in frames of `count` samples.
    void send_waiting(std::size_t count) {
        const Owned<AVFrame> frame(av_frame_alloc());
        frame->nb_samples = static_cast<int>(count);
        frame->format = AV_SAMPLE_FMT_S16;
        frame->sample_rate = codec->sample_rate;
        check(av_channel_layout_copy(&frame->ch_layout, &codec->ch_layout));
        check(av_frame_get_buffer(frame.get(), 0));
        std::copy_n(waiting.begin(), count, reinterpret_cast<std::int16_t*>(frame->data[0]));
        waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
        frame->pts = sent;
        sent += static_cast<std::int64_t>(count);
        send(frame.get());
    }

    AtomicFile out;
    fs::path name;
    std::vector<std::int16_t> waiting;
    std::int64_t sent = 0;
    Owned<AVFormatContext> format;
    Owned<AVCodecContext> codec;
    AVStream* stream = nullptr;
};

FlacWriter::FlacWriter(const fs::path& file, int rate) : encoder_(std::make_unique<Encoder>(file, rate)) {}
FlacWriter::~FlacWriter() = default;

void FlacWriter::write(std::span<const float> samples) {
    Encoder& e = *encoder_;
    const auto frame = static_cast<std::size_t>(std::max(e.codec->frame_size, 256));
    for (const float sample : samples) {
        e.waiting.push_back(
            static_cast<std::int16_t>(std::clamp(std::round(sample * 32768.0f), -32768.0f, 32767.0f)));
        if (e.waiting.size() == frame) e.send_waiting(frame);
    }
}

void FlacWriter::commit() {
    Encoder& e = *encoder_;
    if (!e.waiting.empty()) e.send_waiting(e.waiting.size());
    e.send(nullptr);
    e.check(av_write_trailer(e.format.get()));
    avio_flush(e.format->pb);
    e.check(e.format->pb->error);
    e.format.reset();
    e.out.commit();
}

}  // namespace testudo::dataset
