#pragma once
// libav behind one small class: an opened recording whose frames come as one channel of floats.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "audio/decode.h"

struct AVCodecContext;
struct AVFormatContext;
struct AVFrame;
struct AVPacket;

namespace testudo::audio {

class Container {
  public:
    explicit Container(const std::filesystem::path& file);  // Error(input) as decode.h says
    ~Container();
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;

    // The next block, mixed to one channel, at rate(); false at the end. Throws Error(input) on NaN or
    // infinity.
    bool next(Mix mix, std::vector<float>& block);
    int rate() const { return rate_; }  // of the block last read; it may change within a file
    double stated_seconds() const;      // what the container says, 0 when it only guesses or says nothing
    bool damaged() const { return damaged_; }

    int bits_per_frame() const;  // of all channels, where each takes equally many (PCM); else 0

  private:
    void open();
    void close();
    bool receive();
    void mix_frame(Mix mix, std::vector<float>& block);

    std::filesystem::path file_;
    AVFormatContext* format_ = nullptr;
    AVCodecContext* codec_ = nullptr;
    AVPacket* packet_ = nullptr;
    AVFrame* frame_ = nullptr;
    int stream_ = -1, rate_ = 0;
    double read_seconds_ = 0;
    bool draining_ = false, damaged_ = false;
};

}  // namespace testudo::audio
