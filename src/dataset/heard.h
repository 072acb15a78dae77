#pragma once
// Which entries of whisper.json are as they were heard, and which were corrected by hand since. Kept in a
// file of its own, training/V/.heard.json (file name -> digests), as whisper.json has the original's form.
// Where it knows nothing, the marks of curation in the entry (accepted, edited) still tell a correction.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "asr/transcript.h"

namespace testudo::dataset {

enum class Origin { heard, corrected, unknown };  // unknown: another program's, or from before this file

class Heard {
  public:
    explicit Heard(std::filesystem::path file);  // missing or damaged: nothing is known

    Origin origin_of(const std::string& name, const asr::Transcript& transcript) const;
    // To be called before `transcript` is written to whisper.json: whichever of the two is there after a
    // crash, the entry before or the new one, is known as heard.
    void add(const std::string& name, const asr::Transcript& transcript);
    // From now on whatever `name` holds that was not heard so counts as corrected, also where another program
    // wrote it. False when it does already.
    bool watch(const std::string& name) { return digests_.try_emplace(name).second; }
    void write() const;

  private:
    std::filesystem::path file_;
    std::map<std::string, std::vector<std::string>> digests_;  // the last two of each
};

}  // namespace testudo::dataset
