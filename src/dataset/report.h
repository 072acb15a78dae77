#pragma once
// What became of every second of a voice: what was kept, what was left out, where and why.
#include <optional>
#include <string>
#include <vector>

#include "core/events.h"
#include "core/json.h"
#include "dataset/check.h"

namespace testudo::dataset {

// A file, segment or line that does not come into the dataset. Times in seconds within the recording; absent
// for a whole recording.
struct Rejected {
    std::string file;
    std::optional<double> start, end;
    double seconds = 0;  // lost with it; 0 where it cannot be known
    std::string text;
    std::string reason;
    std::string kind = {};  // the reason without names and numbers, to count by: "too short"
};

// One cut as asked for: sample bounds in the source's own rate, half open. `error` is empty when `slice` was
// written.
struct Cut {
    std::string source, slice;
    std::int64_t in_samples = 0;
    int in_rate = 0;
    double start = 0, end = 0;    // seconds, offsets included
    double gained = 0, lost = 0;  // seconds that the cut points added to and took off the segment's own time
    bool trim = false;
    std::int64_t first = 0, past_last = 0;
    std::int64_t samples_after_trim = 0;
    std::string error;
};

struct Report {
    int files = 0;        // recordings looked at
    int transcribed = 0;  // of them, in this run
    std::vector<Cut> cuts;
    int train_lines = 0, validation_lines = 0;
    double seconds_kept = 0;  // in listed clips
    std::vector<Rejected> rejected;
    std::vector<std::string> notes;     // what was changed or looks odd, but is kept
    std::vector<std::string> findings;  // results in words
    bool stopped = false;               // Ctrl-C: what is written is valid, but not all was done
    std::vector<CheckedLine> lines;     // of both lists, doubtful ones first

    double seconds_lost() const;
    int doubtful() const;  // of the lines
    // Takes what `other`, a later stage over the same voice, adds; what both reject counts once.
    void add(Report other);
};

std::string counted(std::size_t count, const char* one, const char* many);  // 1 line, 2 lines

Json to_json(const Report& report);
// A warning for each note and rejected line, and one for all doubtful lines; findings and the first of the
// doubtful lines as info.
void tell(const Report& report, Events& events);

}  // namespace testudo::dataset
