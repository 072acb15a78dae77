#include "training/metric_table.h"

#include <algorithm>
#include <charconv>

namespace testudo::training {

namespace {

constexpr std::size_t most_columns = 200;  // a file may be anything

std::optional<std::int64_t> whole(const Json& event, const char* key) {
    const auto found = event.find(key);
    if (found == event.end() || !found->is_number()) return {};
    const double value = found->get<double>();
    if (!(std::abs(value) < 9e15) || value != std::floor(value)) return {};
    return static_cast<std::int64_t>(value);
}

std::string csv_number(double value) {
    if (!std::isfinite(value)) return "";
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string csv_text(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
}

}  // namespace

std::string metric_mode(const Json& event) {
    const auto text = [&](const char* key, const char* absent) -> std::string {
        const auto found = event.find(key);
        if (found == event.end()) return absent;
        return found->is_string() ? found->get<std::string>() : "";
    };
    if (!event.is_object() || text("type", "") != "metric") return "";
    const std::string mode = text("mode", "training");
    return mode == "training" || mode == "validation" ? mode : "";
}

std::optional<std::size_t> MetricTable::column(const std::string& name) {
    if (const auto found = index_.find(name); found != index_.end()) return found->second;
    if (columns_.size() == most_columns) return {};
    columns_.push_back(name);
    return index_[name] = columns_.size() - 1;
}

void MetricTable::rewind_to(std::int64_t iteration, bool keep_validation) {
    std::optional<MetricRow> kept;
    while (!rows_.empty() && rows_.back().iteration >= iteration) {
        if (keep_validation && rows_.back().validation && rows_.back().iteration == iteration && !kept)
            kept = std::move(rows_.back());
        rows_.pop_back();
    }
    last_ = 0;
    for (auto row = rows_.rbegin(); row != rows_.rend() && last_ == 0; ++row)
        if (!row->validation) last_ = row->iteration;
    if (kept) rows_.push_back(std::move(*kept));
}

void MetricTable::add(const Json& event) {
    const std::string mode = metric_mode(event);
    const auto iteration = mode.empty() ? std::nullopt : whole(event, "it");
    if (!iteration || *iteration < 0) return;
    MetricRow row;
    row.iteration = *iteration;
    row.validation = mode == "validation";
    row.epoch = whole(event, "epoch");
    for (const auto& [key, value] : event.items()) {
        if (key == "it" || key == "epoch" || key == "seq" || !value.is_number()) continue;
        if (key == "time") {
            row.time = value.get<double>();
            continue;
        }
        const auto at = column(key);
        if (!at) continue;
        if (row.values.size() <= *at) row.values.resize(*at + 1, std::nan(""));
        row.values[*at] = value.get<double>();
    }
    const bool ahead = rows_.empty() || rows_.back().iteration < row.iteration;
    if (row.validation) {
        if (!ahead && rows_.back().iteration > row.iteration) rewind_to(row.iteration, false);
        for (auto at = rows_.end(); at != rows_.begin() && (at - 1)->iteration == row.iteration; --at)
            if ((at - 1)->validation) {
                rows_.erase(at - 1);
                break;
            }
    } else {
        // A validation of this very iteration that was written since the last step belongs to this step.
        const bool waiting = !ahead && rows_.back().validation && rows_.back().iteration == row.iteration;
        if (!ahead && !(waiting && last_ < row.iteration)) rewind_to(row.iteration, waiting);
        last_ = row.iteration;
    }
    rows_.push_back(std::move(row));
}

void MetricTable::cut_after(std::int64_t iteration) { rewind_to(iteration + 1, false); }

void MetricTable::append(const MetricTable& later) {
    for (const MetricRow& row : later.rows_) {
        MetricRow moved = row;
        moved.values.assign(columns_.size(), std::nan(""));
        for (std::size_t i = 0; i < row.values.size(); ++i) {
            const auto at = column(later.columns_[i]);
            if (!at) continue;
            if (moved.values.size() <= *at) moved.values.resize(*at + 1, std::nan(""));
            moved.values[*at] = row.values[i];
        }
        rows_.push_back(std::move(moved));
    }
    if (later.last_ > 0) last_ = later.last_;
}

void MetricTable::place_validations() {
    std::optional<std::int64_t> before;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        MetricRow& row = rows_[i];
        if (!row.validation) {
            if (row.epoch) before = row.epoch;
            continue;
        }
        if (row.epoch) continue;
        const MetricRow* next = i + 1 < rows_.size() ? &rows_[i + 1] : nullptr;
        if (next && (next->iteration == row.iteration || !before))
            row.epoch = next->epoch;
        else
            row.epoch = before;
    }
}

double MetricTable::value(const MetricRow& row, const std::string& column) const {
    const auto found = index_.find(column);
    return found == index_.end() || found->second >= row.values.size() ? std::nan("")
                                                                       : row.values[found->second];
}

std::string csv_header(const std::vector<std::string>& columns) {
    std::string line = "mode,it,epoch,time";
    for (const auto& column : columns) line += "," + csv_text(column);
    return line + "\n";
}

std::string csv_row(const MetricRow& row, std::size_t columns) {
    std::string line = row.validation ? "validation," : "training,";
    line += std::to_string(row.iteration) + "," + (row.epoch ? std::to_string(*row.epoch) : "") + "," +
            csv_number(row.time);
    for (std::size_t i = 0; i < columns; ++i)
        line += "," + (i < row.values.size() ? csv_number(row.values[i]) : "");
    return line + "\n";
}

std::string to_csv(const MetricTable& table) {
    std::string text = csv_header(table.columns());
    for (const MetricRow& row : table.rows()) text += csv_row(row, table.columns().size());
    return text;
}

}  // namespace testudo::training
