#include <algorithm>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/clip_file.h"

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

struct Encoder {
    Encoder(fs::path path, int rate) : name(std::move(path)) {
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

    fs::path name;
    Owned<AVFormatContext> format;
    Owned<AVCodecContext> codec;
    AVStream* stream = nullptr;
};

}  // namespace

void write_flac16(const fs::path& file, const audio::Clip& clip) {
    write_file_through(file, [&](const fs::path& temporary) {
        Encoder out(temporary, clip.rate);
        const auto block = static_cast<std::size_t>(std::max(out.codec->frame_size, 256));
        for (std::size_t from = 0; from < clip.samples.size(); from += block) {
            const std::size_t count = std::min(block, clip.samples.size() - from);
            const Owned<AVFrame> frame(av_frame_alloc());
            frame->nb_samples = static_cast<int>(count);
            frame->format = AV_SAMPLE_FMT_S16;
            frame->sample_rate = clip.rate;
            out.check(av_channel_layout_copy(&frame->ch_layout, &out.codec->ch_layout));
            out.check(av_frame_get_buffer(frame.get(), 0));
            auto* to = reinterpret_cast<std::int16_t*>(frame->data[0]);
            for (std::size_t i = 0; i < count; ++i) {
                const float scaled = std::round(clip.samples[from + i] * 32768.0f);
                to[i] = static_cast<std::int16_t>(std::clamp(scaled, -32768.0f, 32767.0f));
            }
            frame->pts = static_cast<std::int64_t>(from);
            out.send(frame.get());
        }
        out.send(nullptr);
        out.check(av_write_trailer(out.format.get()));
        avio_flush(out.format->pb);
        out.check(out.format->pb->error);
    });
}

}  // namespace testudo::dataset
