#pragma once
// Draws the events of a job on a terminal: one live line of progress, and log lines above it. On something
// that is not a terminal (a pipe, a file) progress becomes a plain line now and then.
#include <cstdio>
#include <string>

#include "core/events.h"

namespace testudo::cli {

class ProgressLine {
  public:
    enum class Style { text, json, quiet };  // json: every event as a line on standard output
    explicit ProgressLine(Style style);
    ~ProgressLine();
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void draw(const Json& event);
    void attach(Events& events) {
        events.listen([this](const Json& event) { draw(event); });
    }

  private:
    void clear();
    void put_line(const std::string& text);

    Style style_;
    bool terminal_, drawn_ = false;
    double last_drawn_ = 0;
    std::string last_stage_;
    Json metric_ = Json::object(), validation_ = Json::object();
};

// The text of a progress event, e.g. "train  epoch 2/10  it 14/70  [#####.....]  0.31 s/it  loss 3.2  ETA 40
// s".
std::string describe_progress(const Json& event, const Json& metric, const Json& validation, int width);

}  // namespace testudo::cli
