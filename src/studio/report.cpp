#include "studio/report.h"

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/drawing.h"

namespace testudo::studio {
namespace {

std::string base64(std::string_view bytes) {
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0);
        for (std::size_t k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

// A relative address: every byte beyond the plain ones is escaped, so any file name works.
std::string url_of(const fs::path& file, const fs::path& folder) {
    const std::string path = fs::absolute(file)
                                 .lexically_normal()
                                 .lexically_proximate(fs::absolute(folder).lexically_normal())
                                 .generic_string();
    std::string out;
    for (const char c : path) {
        constexpr char digits[] = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) || std::string_view("/-_.~").find(c) != std::string_view::npos)
            out += c;
        else
            (out += '%') += {digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

std::string text_of(const Json& value) {
    if (value.is_string()) return to_utf8(value.get<std::string>());
    if (value.is_number_float()) {
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", value.get<double>());
        return text;
    }
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

constexpr const char* style = R"(
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: normal; color: #555; white-space: nowrap; }
svg { max-width: 100%; height: auto; }
figure { margin: 1rem 0 2rem; }
figcaption { margin-bottom: .3rem; }
audio { width: 100%; max-width: 36rem; }
.notes { border-left: 4px solid #d55e00; padding: .1rem 1rem; background: #fdf6f0; }
)";

std::string audio_html(const ReportAudio& audio, const fs::path& folder, bool embed) {
    const std::string source =
        embed ? "data:audio/wav;base64," + base64(read_file(audio.file)) : url_of(audio.file, folder);
    return cat("<figure>\n<figcaption><strong>", escape_xml(audio.title), "</strong> ",
               escape_xml(audio.description), "</figcaption>\n<audio controls preload=\"metadata\" src=\"",
               source, "\" aria-label=\"", escape_xml(audio.title), "\"></audio>\n</figure>\n");
}

std::string table_html(const ReportTable& table) {
    std::string out = cat("<table>\n<caption>", escape_xml(table.title), "</caption>\n<tbody>\n");
    for (const auto& [key, value] : table.rows)
        out += cat("<tr><th scope=\"row\">", escape_xml(key), "</th><td>", escape_xml(value), "</td></tr>\n");
    return out + "</tbody>\n</table>\n";
}

}  // namespace

std::string report_html(const Report& report, const fs::path& folder) {
    std::string out = cat("<!doctype html>\n<html lang=\"", escape_xml(report.language),
                          "\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                          "content=\"width=device-width, initial-scale=1\">\n<title>",
                          escape_xml(report.title), "</title>\n<style>", style,
                          "</style>\n</head>\n<body>\n<main>\n<h1>", escape_xml(report.title), "</h1>\n");
    if (!report.summary.empty()) out += cat("<p>", escape_xml(report.summary), "</p>\n");
    if (!report.notes.empty()) {
        out +=
            "<section class=\"notes\" aria-labelledby=\"notes\">\n<h2 id=\"notes\">Please note</h2>\n<ul>\n";
        for (const auto& note : report.notes) out += cat("<li>", escape_xml(note), "</li>\n");
        out += "</ul>\n</section>\n";
    }
    if (!report.audio.empty()) {
        out += "<section aria-labelledby=\"listen\">\n<h2 id=\"listen\">Listen</h2>\n";
        for (const auto& audio : report.audio) out += audio_html(audio, folder, report.embed_audio);
        out += "</section>\n";
    }
    if (!report.charts.empty()) {
        out += "<section aria-labelledby=\"graphs\">\n<h2 id=\"graphs\">Graphs</h2>\n";
        for (const auto& item : report.charts)
            out += cat("<figure>\n", chart_svg(item.second), "</figure>\n");
        out += "</section>\n";
    }
    if (!report.tables.empty()) {
        out += "<section aria-labelledby=\"facts\">\n<h2 id=\"facts\">Facts</h2>\n";
        for (const auto& table : report.tables) out += table_html(table);
        out += "</section>\n";
    }
    return out + "</main>\n</body>\n</html>\n";
}

void write_report(const Report& report, const fs::path& file) {
    write_file(file, report_html(report, file.has_parent_path() ? file.parent_path() : fs::path(".")));
}

ReportTable table_of(const std::string& title, const Json& values) {
    ReportTable table{title, {}};
    if (values.is_object())
        for (const auto& [key, value] : values.items()) table.rows.emplace_back(to_utf8(key), text_of(value));
    return table;
}

}  // namespace testudo::studio
