#pragma once
// What a training came to, as one page that a browser opens.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "studio/chart.h"

namespace testudo::studio {

struct ReportAudio {
    std::string title, description;
    fs::path file;  // linked relative to the report
};
struct ReportTable {
    std::string title;
    std::vector<std::pair<std::string, std::string>> rows;
};
struct Report {
    std::string title, language = "en";
    std::string summary;              // one paragraph
    std::vector<ReportTable> tables;  // facts: dataset, settings, losses, files
    std::vector<std::string> notes;   // what an honest reader must know
    std::vector<ReportAudio> audio;
    std::vector<std::pair<std::string, Chart>> charts;  // drawn inline
    bool embed_audio = false;                           // as data URIs: one file to send around
};
std::string report_html(const Report& report, const fs::path& folder);
void write_report(const Report& report, const fs::path& file);

// Rows from any flat Json object: key and value as text.
ReportTable table_of(const std::string& title, const Json& values);

}  // namespace testudo::studio
