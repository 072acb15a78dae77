#include "studio/training_charts.h"

#include <cmath>
#include <deque>
#include <numeric>

#include "core/strings.h"

namespace testudo::studio {
namespace {

using training::MetricRow;
using training::MetricTable;

// Where each row stands on the axis; NaN where that is not known.
std::vector<double> places_of(const MetricTable& table, Axis axis) {
    const auto& rows = table.rows();
    double start = std::nan("");
    std::vector<double> places;
    for (const MetricRow& row : rows) {
        if (!std::isfinite(start)) start = row.time;
        double place = static_cast<double>(row.iteration);
        if (axis == Axis::hours) place = (row.time - start) / 3600;
        if (axis == Axis::epoch)
            place = !row.epoch || row.validation ? std::nan("")
                                                 : static_cast<double>(*row.epoch) - 1 +
                                                       table.value(row, "step") / table.value(row, "steps");
        places.push_back(place);
    }
    // A validation knows no step: it stands where that of its iteration does, else where the one before does.
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (std::isfinite(places[i]) || !rows[i].validation) continue;
        const bool with_next = i + 1 < rows.size() && rows[i + 1].iteration == rows[i].iteration;
        if (with_next || i > 0) places[i] = places[with_next ? i + 1 : i - 1];
    }
    return places;
}

Series series_of(const MetricTable& table, const std::string& name, bool validation,
                 const std::string& column, const ChartOptions& options) {
    Series series{name, {}, validation};
    if (!table.has(column)) return series;
    const std::vector<double> places = places_of(table, options.over);
    std::deque<double> last;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const MetricRow& row = table.rows()[i];
        double value = table.value(row, column);
        if (row.validation != validation || !std::isfinite(value) || !std::isfinite(places[i])) continue;
        if (!validation && options.smooth > 1) {
            last.push_back(value);
            if (last.size() > static_cast<std::size_t>(options.smooth)) last.pop_front();
            value = std::accumulate(last.begin(), last.end(), 0.0) / static_cast<double>(last.size());
        }
        series.points.emplace_back(places[i], value);
    }
    return series;
}

}  // namespace

std::vector<std::pair<std::string, Chart>> training_charts(const std::vector<Run>& runs,
                                                           const ChartOptions& options) {
    constexpr const char* labels[] = {"iteration", "epoch", "hours"};
    std::vector<std::pair<std::string, Chart>> out;
    const auto name_of = [&](const Run& run, const std::string& of) {
        return runs.size() == 1 ? of : cat(run.name, " ", of);
    };
    const auto add = [&](const char* name, const char* title, const char* y, std::vector<Series> series) {
        std::erase_if(series, [](const Series& one) { return one.points.empty(); });
        if (series.empty()) return;
        Chart chart;
        chart.title = title;
        chart.x_label = labels[static_cast<int>(options.over)];
        chart.y_label = y;
        chart.series = std::move(series);
        out.emplace_back(name, std::move(chart));
    };
    const auto loss = [&](const char* name, const char* title, const char* column) {
        std::vector<Series> series;
        for (const Run& run : runs)
            for (const bool validation : {false, true})
                series.push_back(series_of(run.metrics, name_of(run, validation ? "validation" : "training"),
                                           validation, column, options));
        add(name, title, "loss (nats per token)", std::move(series));
    };
    loss("loss_mel", "Loss of the mel codes", "loss_mel_ce");
    loss("loss_text", "Loss of the text", "loss_text_ce");
    loss("loss_total", "Total loss", "loss_gpt_total");
    const ChartOptions exact{options.over, 1};
    std::vector<Series> rates, norms;
    for (const Run& run : runs) {
        rates.push_back(series_of(run.metrics, name_of(run, "learning rate"), false, "lr", exact));
        // 152334H's logs have the norms of three parts.
        for (const auto& [column, name] :
             {std::pair("grad_norm", "all"), std::pair("gpt_gpt", "transformer"),
              std::pair("gpt_conditioning_encoder", "conditioning encoder"), std::pair("gpt_heads", "heads")})
            norms.push_back(series_of(run.metrics, name_of(run, name), false, column, options));
    }
    add("learning_rate", "Learning rate", "learning rate", std::move(rates));
    add("grad_norm", "Gradient norm before clipping", "norm", std::move(norms));
    return out;
}

std::vector<fs::path> write_graphs(const std::vector<Run>& runs, const fs::path& folder,
                                   const ChartOptions& options) {
    std::vector<fs::path> files;
    for (const auto& [name, chart] : training_charts(runs, options)) {
        files.push_back(folder / (name + ".svg"));
        write_chart_svg(chart, files.back());
        files.push_back(folder / (name + ".png"));
        write_chart_png(chart, files.back());
    }
    return files;
}

}  // namespace testudo::studio
