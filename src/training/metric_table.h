#pragma once
// The numbers of a training as a table: what graphs, CSV and TensorBoard are made of, whether they come from
// events.jsonl or from a log of the original.
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace testudo::training {

struct MetricRow {
    std::int64_t iteration = 0;
    bool validation = false;
    std::optional<std::int64_t> epoch;  // from 1
    double time = std::nan("");         // seconds since 1970
    std::vector<double> values;         // by column; NaN, or beyond the end, where there is none
};

// Rows in the order of iterations, one for each trained one and one for each validation. A training that went
// back, or was resumed from an earlier state, makes iterations anew: the table holds the course that led to
// its end, what that replaced is left out.
class MetricTable {
  public:
    // A metric event (docs/formats.md) of a step or a validation; anything else is passed over. Of a
    // validation it does not matter whether it comes before (the original) or after the step of its
    // iteration.
    void add(const Json& event);
    void cut_after(std::int64_t iteration);
    void append(const MetricTable& later);  // whose rows are all behind this one's
    // Validations without an epoch (the original's) get that of their iteration, else of the step before.
    void place_validations();

    const std::vector<std::string>& columns() const { return columns_; }
    const std::vector<MetricRow>& rows() const { return rows_; }
    bool empty() const { return rows_.empty(); }
    bool has(const std::string& column) const { return index_.count(column) > 0; }
    double value(const MetricRow& row, const std::string& column) const;  // NaN when there is none
    std::int64_t last_iteration() const { return last_; }                 // trained; 0: none

  private:
    void rewind_to(std::int64_t iteration, bool keep_validation);
    std::optional<std::size_t> column(const std::string& name);

    std::vector<std::string> columns_;
    std::map<std::string, std::size_t> index_;
    std::vector<MetricRow> rows_;
    std::int64_t last_ = 0;
};

// "training" or "validation", of a metric event; empty for anything else.
std::string metric_mode(const Json& event);

// mode, it, epoch, time, then the columns; with lines ended by \n. Numbers as short as they read back the
// same.
std::string csv_header(const std::vector<std::string>& columns);
std::string csv_row(const MetricRow& row, std::size_t columns);
std::string to_csv(const MetricTable& table);

}  // namespace testudo::training
