#include "training/original_log_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <optional>

#include "core/strings.h"

namespace testudo::training {

namespace {

constexpr std::size_t longest_line = 1 << 20;

std::optional<double> number_of(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

// "   1,234"
std::optional<std::int64_t> count_of(std::string_view text) {
    std::string digits;
    for (const char c : trim(text))
        if (c != ',') digits += c;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || value < 0)
        return {};
    return value;
}

// "26-01-31 12:00:00.123 - INFO: …", local time.
std::optional<double> time_of(std::string_view text) {
    int year, month, day, hour, minute, second, thousandth;
    const std::string start(text.substr(0, 32));
    if (std::sscanf(start.c_str(), "%2d-%2d-%2d %2d:%2d:%2d.%3d -", &year, &month, &day, &hour, &minute,
                    &second, &thousandth) != 7)
        return {};
    std::tm local{};
    local.tm_year = 100 + year;
    local.tm_mon = month - 1;
    local.tm_mday = day;
    local.tm_hour = hour;
    local.tm_min = minute;
    local.tm_sec = second;
    local.tm_isdst = -1;
    const std::time_t whole = std::mktime(&local);
    if (whole == -1) return {};
    return static_cast<double>(whole) + thousandth / 1000.0;
}

// Python writes NaN and Infinity, which are no JSON.
Json parse_python(std::string text) {
    Json values = Json::parse(text, nullptr, false);
    if (!values.is_discarded()) return values;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"})
        for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;)
            text.replace(at, word.size(), "null");
    return Json::parse(text, nullptr, false);
}

std::string_view after(std::string_view text, std::string_view mark) {
    const auto at = text.find(mark);
    return at == std::string_view::npos ? std::string_view() : text.substr(at + mark.size());
}

}  // namespace

Json OriginalLogReader::studio(std::string_view values, bool validation) {
    const auto start = values.find('{'), end = values.rfind('}');
    if (start == std::string_view::npos || end == std::string_view::npos || end < start) return nullptr;
    const Json read = parse_python(std::string(values.substr(start, end - start + 1)));
    if (!read.is_object() || !read.contains("it") || !read["it"].is_number()) return nullptr;
    Json event = {{"type", "metric"}};
    if (validation) event["mode"] = "validation";
    for (const auto& [key, value] : read.items()) {
        if (key == "epoch" && value.is_number_integer())
            event["epoch"] = value.get<std::int64_t>() + 1;
        else
            event[key == "iteration_rate" ? "iteration_seconds" : key] = value;
    }
    if (!validation && read["it"].is_number_integer()) last_ = read["it"].get<std::int64_t>();
    evaluation_ = nullptr;
    return event;
}

Json OriginalLogReader::steps(std::string_view text) {
    const auto iteration_at = text.find(", iter:"), rate_at = text.find(", lr:("), end = text.find(")]");
    if (iteration_at == std::string_view::npos || rate_at == std::string_view::npos ||
        end == std::string_view::npos || !(iteration_at < rate_at && rate_at < end))
        return nullptr;
    const auto epoch = count_of(text.substr(0, iteration_at));
    const auto iteration = count_of(text.substr(iteration_at + 7, rate_at - iteration_at - 7));
    if (!epoch || !iteration) return nullptr;
    last_ = *iteration;
    evaluation_ = nullptr;
    Json event = {{"type", "metric"}, {"it", *iteration}, {"epoch", *epoch + 1}};
    const std::string_view rates = text.substr(rate_at + 6, end - rate_at - 6);
    if (const auto rate = number_of(rates.substr(0, rates.find(',')))) event["lr"] = *rate;
    std::optional<double> clips, clip_seconds;
    std::string key;
    for (const auto& word : split(text.substr(end + 2), ' ')) {
        if (word.ends_with(":")) {
            key = word.substr(0, word.size() - 1);
            continue;
        }
        const auto value = number_of(word);
        if (key.empty() || !value) continue;
        if (key == "learning_rate_gpt_0")
            event["lr"] = *value;  // one digit more than in the brackets
        else if (key == "samples" && *iteration > 0)
            clips = std::max(1.0, std::round(*value / static_cast<double>(*iteration)));
        else if (key == "iteration_rate")
            clip_seconds = *value;
        else if (key != "step" && key != "megasamples" && key != "learning_rate_gpt_1")
            event[key] = *value;
        key.clear();
    }
    if (clips) event["clips"] = *clips;
    if (clip_seconds && clips) event["iteration_seconds"] = *clip_seconds * *clips;
    return event;
}

Json OriginalLogReader::evaluation(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || last_ == 0) return nullptr;
    const auto value = number_of(trim(text.substr(colon + 1)));
    const std::string key = trim(text.substr(0, colon));
    if (!value || key.empty()) return nullptr;
    if (evaluation_.is_null()) evaluation_ = {{"type", "metric"}, {"mode", "validation"}, {"it", last_}};
    evaluation_[key] = *value;
    return evaluation_;
}

Json OriginalLogReader::line(std::string_view text) {
    if (text.size() > longest_line) return nullptr;
    Json event;
    if (const auto training = after(text, "Training Metrics:"); !training.empty())
        event = studio(training, false);
    else if (const auto validation = after(text, "Validation Metrics:"); !validation.empty())
        event = studio(validation, true);
    else if (const auto step = after(text, "[epoch:"); !step.empty())
        event = steps(step);
    else if (const auto found = after(text, ">>Eval "); !found.empty())
        event = evaluation(found);
    if (!event.is_null())
        if (const auto time = time_of(text)) event["time"] = *time;
    return event;
}

}  // namespace testudo::training
