#pragma once
// What a list of voices shows of each: counts only, remembered as long as the files are the same.
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/json.h"
#include "studio/workspace.h"

namespace testudo::studio {

struct VoiceSummary {
    std::string name;
    int recordings = 0;
    double bytes = 0;  // of the recordings
    bool transcribed = false, configured = false;
    int train_lines = 0, validation_lines = 0, doubtful = 0;
    double seconds_kept = 0;
    std::int64_t iteration = -1;  // of the newest checkpoint; -1: none
    double changed = 0;           // newest change of its files, seconds since 1970
};
Json to_json(const VoiceSummary& summary);

double change_time(const fs::path& file);       // seconds since 1970; 0 when it is not there
std::string change_mark(const fs::path& file);  // another one when time or size is another

class VoiceSummaries {
  public:
    explicit VoiceSummaries(const Workspace& workspace) : workspace_(workspace) {}
    // May be called from any thread. Error(usage) for a name that cannot be, Error(input) when there is no
    // such voice.
    VoiceSummary of(const std::string& name);
    std::vector<VoiceSummary> all();

  private:
    struct Report {
        double changed = -1, seconds_kept = 0;
        int doubtful = 0;
    };
    Report report_of(const std::string& name);

    const Workspace& workspace_;
    std::mutex mutex_;
    std::map<std::string, Report> reports_;
};

}  // namespace testudo::studio
