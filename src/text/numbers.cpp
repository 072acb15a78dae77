#include "text/numbers.h"

#include <array>
#include <vector>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::text {

namespace {

constexpr std::array<const char*, 20> small = {"",        "one",     "two",       "three",    "four",
                                               "five",    "six",     "seven",     "eight",    "nine",
                                               "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                               "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<const char*, 10> tens = {"",      "",      "twenty",  "thirty", "forty",
                                              "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr std::array<const char*, 12> powers = {"",
                                                " thousand",
                                                " million",
                                                " billion",
                                                " trillion",
                                                " quadrillion",
                                                " quintillion",
                                                " sextillion",
                                                " septillion",
                                                " octillion",
                                                " nonillion",
                                                " decillion"};

bool digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_zeros(std::string_view digits) {
    const auto first = digits.find_first_not_of('0');
    return first == std::string_view::npos ? std::string_view{} : digits.substr(first);
}

std::string below_hundred(int n) {
    if (n < 20) return small[static_cast<std::size_t>(n)];
    return cat(tens[static_cast<std::size_t>(n / 10)], n % 10 ? "-" : "",
               small[static_cast<std::size_t>(n % 10)]);
}

// The words of each group of three digits that is not zero, the highest first.
std::vector<std::string> group_words(std::string_view digits, bool with_and) {
    if (digits.size() > 3 * powers.size())
        throw input_error(cat("a number of ", digits.size(), " digits cannot be read out"),
                          "Write the number as words, or leave it out.");
    std::vector<std::string> words;
    for (std::size_t done = 0; done < digits.size();) {
        const std::size_t left = digits.size() - done, length = (left - 1) % 3 + 1;
        int value = 0;
        for (const char c : digits.substr(done, length)) value = value * 10 + (c - '0');
        done += length;
        if (value == 0) continue;
        std::string group;
        if (value >= 100) {
            group = cat(small[static_cast<std::size_t>(value / 100)], " hundred");
            if (value % 100) group += with_and ? " and " : " ";
        }
        words.push_back(cat(group, below_hundred(value % 100), powers[(left - length) / 3]));
    }
    return words;
}

std::string say(std::string_view written, bool ordinal) {
    const std::string_view digits = without_zeros(written);
    std::vector<std::string> words = group_words(digits, ordinal);
    if (words.empty()) words = {"zero"};
    // A last part of one word is joined without a comma: "five thousand five", "five thousand and fifth".
    if (words.size() > 1 && words.back().find(' ') == std::string::npos) {
        const std::string last = std::move(words.back());
        words.pop_back();
        words.back() += (ordinal ? " and " : " ") + last;
    }
    if (ordinal) {
        static constexpr std::pair<std::string_view, std::string_view> irregular[] = {
            {"twelve", "twelfth"}, {"ty", "tieth"},   {"one", "first"},    {"two", "second"},
            {"three", "third"},    {"five", "fifth"}, {"eight", "eighth"}, {"nine", "ninth"}};
        std::string& last = words.back();
        bool changed = false;
        for (const auto& [from, to] : irregular)
            if (!changed && std::string_view(last).ends_with(from)) {
                last.replace(last.size() - from.size(), from.size(), to);
                changed = true;
            }
        if (!changed) last += "th";
    }
    return join(words, ", ");
}

// As a year where 1000 < n < 3000, else in full.
std::string say_plain(std::string_view written) {
    const std::string_view digits = without_zeros(written);
    if (digits.size() != 4 || digits[0] > '2') return say(digits, false);
    const int value = std::stoi(std::string(digits)), rest = value % 100;
    if (value == 1000) return say(digits, false);
    if (value == 2000) return "two thousand";
    if (value > 2000 && value < 2010) return "two thousand " + below_hundred(rest);
    const std::string century = below_hundred(value / 100);
    if (rest == 0) return century + " hundred";
    return century + (rest < 10 ? " oh " : " ") + below_hundred(rest);
}

// Walks `text`; at each position `match` may replace what starts there: it appends to `out` and returns the
// length it took, or 0.
template <class Match>
std::string replace_each(std::string_view text, Match&& match) {
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t taken = match(text.substr(at), out);
        if (taken == 0) out.push_back(text[at]);
        at += taken ? taken : 1;
    }
    return out;
}

std::size_t run_of_digits(std::string_view text) {
    std::size_t length = 0;
    while (length < text.size() && digit(text[length])) ++length;
    return length;
}

std::size_t run_to_last_digit(std::string_view text, std::string_view also) {
    std::size_t length = 0, end = 0;
    for (; length < text.size() && (digit(text[length]) || also.find(text[length]) != also.npos); ++length)
        if (digit(text[length])) end = length + 1;
    return end;
}

std::string remove_commas(std::string_view text) {
    return replace_each(text, [](std::string_view rest, std::string& out) -> std::size_t {
        if (!digit(rest[0])) return 0;
        const std::size_t length = run_to_last_digit(rest, ",");
        for (const char c : rest.substr(0, length))
            if (c != ',') out.push_back(c);
        return length;
    });
}

std::string amount(std::string_view written) {
    const std::vector<std::string> parts = split(written, '.');
    if (parts.size() > 2) return cat(written, " dollars");
    std::array<std::string, 2> values;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].find(',') != std::string::npos)
            throw input_error(cat("the amount $", written, " cannot be read out"),
                              "Write the amount without stray commas.");
        values[i] = without_zeros(parts[i]);
    }
    const auto& [dollars, cents] = values;
    const auto unit = [](const std::string& value, const char* name) {
        return cat(value, " ", name, value == "1" ? "" : "s");
    };
    if (!dollars.empty() && !cents.empty()) return cat(unit(dollars, "dollar"), ", ", unit(cents, "cent"));
    if (!dollars.empty()) return unit(dollars, "dollar");
    if (!cents.empty()) return unit(cents, "cent");
    return "zero dollars";
}

std::string speak_dollars(std::string_view text) {
    return replace_each(text, [](std::string_view rest, std::string& out) -> std::size_t {
        if (rest[0] != '$') return 0;
        const std::size_t length = run_to_last_digit(rest.substr(1), ".,");
        if (length == 0) return 0;
        out += amount(rest.substr(1, length));
        return length + 1;
    });
}

std::string speak_points(std::string_view text) {
    return replace_each(text, [](std::string_view rest, std::string& out) -> std::size_t {
        const std::size_t whole = run_of_digits(rest);
        if (whole == 0) return 0;
        const bool point = whole < rest.size() && rest[whole] == '.';
        const std::size_t fraction = point ? run_of_digits(rest.substr(whole + 1)) : 0;
        out += rest.substr(0, whole);
        if (fraction == 0) return whole;
        out += cat(" point ", rest.substr(whole + 1, fraction));
        return whole + 1 + fraction;
    });
}

std::string speak_digits(std::string_view text) {
    // Ordinals first, as a pass of its own would: "1st" never reads as a number and "st".
    return replace_each(text, [](std::string_view rest, std::string& out) -> std::size_t {
        const std::size_t length = run_of_digits(rest);
        if (length == 0) return 0;
        const std::string_view suffix = rest.substr(length, 2);
        const bool ordinal = suffix == "st" || suffix == "nd" || suffix == "rd" || suffix == "th";
        out += ordinal ? say(rest.substr(0, length), true) : say_plain(rest.substr(0, length));
        return length + (ordinal ? 2 : 0);
    });
}

}  // namespace

std::string number_words(std::string_view digits) { return say(digits, false); }

std::string speak_numbers(std::string_view text) {
    if (text.find_first_of("0123456789") == std::string_view::npos) return std::string(text);
    return speak_digits(speak_points(speak_dollars(remove_commas(text))));
}

}  // namespace testudo::text
