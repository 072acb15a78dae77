#include "text/coverage.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/strings.h"
#include "text/tokenizer_file.h"
#include "text/unidecode.h"

namespace testudo::text {

namespace {

constexpr std::size_t most_examples = 3, longest_example = 60;

std::string shortened(const std::string& text) {
    const std::u32string points = code_points(text);
    if (points.size() <= longest_example) return text;
    return to_utf8(std::u32string_view(points).substr(0, longest_example)) + "…";
}

std::string name_of_character(char32_t c) {
    char name[128] = {};
    UErrorCode status = U_ZERO_ERROR;
    u_charName(static_cast<UChar32>(c), U_EXTENDED_CHAR_NAME, name, sizeof name, &status);
    return U_SUCCESS(status) ? name : "";
}

// What the vocabulary can write instead, or where else the remedy lies.
std::string suggest(const Tokenizer& tokenizer, char32_t c) {
    const auto point = static_cast<UChar32>(c);
    const auto& known = tokenizer.vocabulary().characters;
    if (tokenizer.cleaning() == Cleaning::none && u_isupper(point))
        return "the line is not in phonemes: write the lists anew, with this vocabulary as --tokenizer-json";
    if (c == 0x361 || c == 0x35c) return "leave the tie bar out";
    if (u_isdigit(point)) return "write numbers in words";
    if (const std::u32string letters =
            code_points(lower_ascii(unidecode(to_utf8(std::u32string_view(&c, 1)))));
        !letters.empty() && letters != std::u32string_view(&c, 1) && letters.find(U' ') == letters.npos &&
        std::all_of(letters.begin(), letters.end(), [&](char32_t one) { return known.contains(one); }))
        return cat("write \"", to_utf8(std::u32string_view(letters)), "\"");
    if (u_getCombiningClass(point) != 0) return "write the letter without this mark";
    if (u_isalpha(point))
        return "use a vocabulary of this language, or make one with `testudo tokenizer train VOICE`";
    if (u_hasBinaryProperty(point, UCHAR_EMOJI)) return "leave it out";
    return u_ispunct(point) ? "leave it out, or use another mark" : "leave it out, or write it in words";
}

using Gaps = std::map<std::string, CoverageGap>;

void note(Gaps& gaps, const std::string& character, std::int64_t count, const PlacedText& text) {
    CoverageGap& gap = gaps[character];
    gap.character = character;
    gap.count += count;
    ++gap.lines;
    if (gap.examples.size() < most_examples)
        gap.examples.push_back(cat(to_utf8(text.where), ": ", shortened(to_utf8(text.text))));
}

std::int64_t occurrences(std::string_view text, const std::string& part) {
    std::int64_t count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++count;
    return count;
}

void note_rewritten(Gaps& gaps, const std::string& text) {
    for (const char32_t c : code_points(text)) {
        if (c < 0x80 || !u_isalpha(static_cast<UChar32>(c))) continue;
        const std::string character = to_utf8(std::u32string_view(&c, 1));
        const std::string reading = unidecode(character);
        if (reading.empty()) continue;  // told as dropped
        CoverageGap& gap = gaps[character];
        gap.character = character;
        ++gap.count;
        gap.suggestion = cat("is read as \"", reading, "\"");
    }
}

void sort_by_count(std::vector<CoverageGap>& list) {
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.count > b.count; });
}

std::vector<CoverageGap> sorted(const Gaps& gaps, const Tokenizer& tokenizer, bool unknown) {
    std::vector<CoverageGap> list;
    for (const auto& [character, gap] : gaps) {
        list.push_back(gap);
        const std::u32string points = code_points(character);
        if (points.size() == 1) list.back().name = name_of_character(points[0]);
        if (unknown)
            list.back().suggestion = points.size() == 1 ? suggest(tokenizer, points[0]) : "leave it out";
        else
            list.back().suggestion = "write it in words, or let it go";
    }
    sort_by_count(list);
    return list;
}

Json to_json(const std::vector<CoverageGap>& gaps) {
    Json list = Json::array();
    for (const auto& gap : gaps)
        list.push_back({{"character", gap.character},
                        {"name", gap.name},
                        {"count", gap.count},
                        {"lines", gap.lines},
                        {"examples", gap.examples},
                        {"suggestion", gap.suggestion}});
    return list;
}

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

Coverage measure_coverage(const Tokenizer& tokenizer, std::span<const PlacedText> texts, int most_tokens) {
    Coverage coverage;
    Gaps unknown, dropped, rewritten;
    std::set<int> used;
    const auto problem = [&](const PlacedText& text, const std::string& reason) {
        coverage.problems.push_back({to_utf8(text.where), reason});
    };
    for (const PlacedText& text : texts) {
        ++coverage.lines;
        std::string cleaned;
        Encoded encoded;
        try {
            cleaned = tokenizer.clean(text.text);
            encoded = tokenizer.encode(text.text);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            problem(text, error.what());
            continue;
        }
        const auto count = static_cast<int>(encoded.ids.size());
        coverage.characters += static_cast<std::int64_t>(count_code_points(cleaned));
        coverage.tokens += count;
        if (text.seconds > 0) {
            coverage.seconds += text.seconds;
            coverage.tokens_of_seconds += count;
        }
        if (count > coverage.longest) {
            coverage.longest = count;
            coverage.longest_where = to_utf8(text.where);
        }
        if (tokenizer.cleaning() == Cleaning::english) note_rewritten(rewritten, text.text);
        used.insert(encoded.ids.begin(), encoded.ids.end());
        for (const auto& character : encoded.unknown)
            note(unknown, character, occurrences(cleaned, character), text);
        for (const auto& character : encoded.dropped)
            note(dropped, character, occurrences(to_utf8(text.text), character), text);
        if (!encoded.unknown.empty())
            ++coverage.lines_with_unknown;
        else if (count == 0)
            problem(text, "nothing is left of its text after cleaning");
        else if (count > most_tokens)
            problem(text, cat("its text has ", count, " tokens, more than ", most_tokens));
    }
    used.erase(Tokenizer::unk);
    coverage.tokens_used = static_cast<int>(used.size());
    for (int id = 0; id < tokenizer.size(); ++id)
        if (!tokenizer.token(id).empty()) ++coverage.tokens_in_all;
    coverage.unknown = sorted(unknown, tokenizer, true);
    coverage.dropped = sorted(dropped, tokenizer, false);
    for (const auto& [character, gap] : rewritten) coverage.rewritten.push_back(gap);
    sort_by_count(coverage.rewritten);
    return coverage;
}

Json to_json(const Coverage& coverage) {
    Json problems = Json::array();
    for (const auto& problem : coverage.problems)
        problems.push_back({{"where", problem.where}, {"reason", problem.reason}});
    const auto tokens = static_cast<double>(coverage.tokens);
    return {{"lines", coverage.lines},
            {"lines_with_unknown", coverage.lines_with_unknown},
            {"characters", coverage.characters},
            {"tokens", coverage.tokens},
            {"characters_per_token", ratio(static_cast<double>(coverage.characters), tokens)},
            {"tokens_per_line", ratio(tokens, coverage.lines)},
            {"seconds", coverage.seconds},
            {"tokens_per_second", ratio(static_cast<double>(coverage.tokens_of_seconds), coverage.seconds)},
            {"longest_line", {{"tokens", coverage.longest}, {"where", coverage.longest_where}}},
            {"tokens_used", coverage.tokens_used},
            {"tokens_in_all", coverage.tokens_in_all},
            {"unknown", to_json(coverage.unknown)},
            {"dropped", to_json(coverage.dropped)},
            {"rewritten", to_json(coverage.rewritten)},
            {"problems", problems}};
}

std::vector<std::string> sentences(const Coverage& coverage, std::size_t most) {
    std::vector<std::string> out;
    const auto list = [&](const auto& items, const char* more, const auto& say) {
        for (std::size_t i = 0; i < std::min(items.size(), most); ++i) out.push_back(say(items[i]));
        if (items.size() > most) out.push_back(cat("and ", items.size() - most, " ", more));
    };
    const auto gap_text = [](const CoverageGap& gap, const char* what) {
        const std::string code = gap.name.empty() ? "" : cat(" (", gap.name, ")");
        return cat(what, " ", printable(gap.character), code, ": ", gap.count, "× in ", gap.lines,
                   gap.lines == 1 ? " line" : " lines", ", first ", printable(gap.examples.front()), " — ",
                   gap.suggestion);
    };
    list(coverage.unknown, "unknown characters more",
         [&](const CoverageGap& gap) { return gap_text(gap, "the tokenizer does not know"); });
    list(coverage.dropped, "characters without a reading more",
         [&](const CoverageGap& gap) { return gap_text(gap, "cleaning leaves out"); });
    if (!coverage.rewritten.empty()) {
        std::vector<std::string> letters;
        for (std::size_t i = 0; i < std::min(coverage.rewritten.size(), most); ++i)
            letters.push_back(cat(coverage.rewritten[i].character, " ", coverage.rewritten[i].suggestion,
                                  " (", coverage.rewritten[i].count, "×)"));
        out.push_back(cat(join(letters, ", "), coverage.rewritten.size() > most ? ", …" : "",
                          ": for another language use a vocabulary of its own"));
    }
    list(coverage.problems, "lines more", [](const CoverageProblem& problem) {
        return cat(printable(problem.where), " cannot be trained on: ", printable(problem.reason));
    });
    return out;
}

}  // namespace testudo::text
