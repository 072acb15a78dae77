#include "text/phonemes.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/strings.h"
#include "core/subprocess.h"

namespace testudo::text {

namespace {

constexpr const char* remedy =
    "Install espeak-ng with `sudo apt-get install espeak-ng`, or name the program in the environment "
    "variable ESPEAK.";

// Whisper's codes and names of languages that espeak calls otherwise.
constexpr std::pair<std::string_view, std::string_view> voices_of_languages[] = {
    {"en", "en-us"},      {"english", "en-us"}, {"fr", "fr-fr"},   {"french", "fr-fr"}, {"zh", "cmn"},
    {"chinese", "cmn"},   {"mandarin", "cmn"},  {"no", "nb"},      {"norwegian", "nb"}, {"nn", "nb"},
    {"cantonese", "yue"}, {"iw", "he"},         {"hebrew", "he"},  {"spanish", "es"},   {"castilian", "es"},
    {"portuguese", "pt"}, {"flemish", "nl"},    {"dutch", "nl"},   {"valencian", "ca"}, {"persian", "fa"},
    {"armenian", "hy"},   {"vietnamese", "vi"}, {"bengali", "bn"}, {"german", "de"},    {"italian", "it"},
    {"russian", "ru"},    {"japanese", "ja"},   {"korean", "ko"},  {"polish", "pl"},    {"turkish", "tr"},
    {"arabic", "ar"},     {"ukrainian", "uk"},  {"czech", "cs"},   {"swedish", "sv"},   {"hindi", "hi"},
    {"greek", "el"},      {"hungarian", "hu"},  {"finnish", "fi"}, {"danish", "da"},    {"romanian", "ro"}};

std::string program(const PhonemeOptions& options) {
    if (!options.espeak.empty()) return options.espeak;
    const char* set = std::getenv("ESPEAK");
    return set && *set ? set : "espeak-ng";
}

std::string run_espeak(std::vector<std::string> arguments, std::string_view input,
                       const PhonemeOptions& options) {
    ProgramLimits limits;
    limits.seconds =
        options.seconds + 0.2 * static_cast<double>(std::count(input.begin(), input.end(), '\n'));
    const std::string name = program(options);
    const ProgramRun run = run_program(name, arguments, input, remedy, limits);
    if (run.code != 0)
        throw environment_error(
            cat(name, " ended with ", run.code, run.err.empty() ? " and said nothing" : ": ",
                printable(to_utf8(trim(run.err)).substr(0, 300))),
            remedy);
    return to_utf8(run.out);
}

// Marks that espeak would swallow.
bool always_mark(char32_t c) {
    return std::u32string_view(U";:!?¡¿—…\"«»“”(){}[]").find(c) != std::u32string_view::npos;
}

// A comma or point between digits belongs to the number.
bool is_mark(std::u32string_view text, std::size_t at) {
    if (always_mark(text[at])) return true;
    if (text[at] != U',' && text[at] != U'.') return false;
    const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= U'0' && text[i] <= U'9'; };
    return at == 0 || !digit(at - 1) || !digit(at + 1);
}

bool is_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

struct Piece {
    std::string text;
    bool marks = false;  // punctuation with the spaces around it
};

std::vector<Piece> split_at_marks(std::u32string_view text) {
    std::vector<Piece> pieces;
    const auto add = [&](std::size_t begin, std::size_t end, bool marks) {
        if (begin < end) pieces.push_back({to_utf8(text.substr(begin, end - begin)), marks});
    };
    std::size_t begin = 0;  // of what is said
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        bool marks = false;
        for (; end < text.size(); ++end)
            if (is_mark(text, end))
                marks = true;
            else if (!is_space(text[end]))
                break;
        if (marks) {
            add(begin, at, false);
            add(at, end, true);
            begin = end;
        }
        at = std::max(end, at + 1);
    }
    add(begin, text.size(), false);
    return pieces;
}

// One line of text: no control characters, which would end a line of espeak's input.
std::u32string one_line(const std::string& text) {
    std::u32string line = code_points(text);
    for (char32_t& c : line)
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029) c = U' ';
    return line;
}

std::string without_marks(std::u32string_view line) {
    std::string text;
    for (const Piece& piece : split_at_marks(line)) text += piece.marks ? " " : piece.text;
    return trim(text);
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else
            out += c;
    return out;
}

// A piece as one line of SSML, or more where it has over 999 bytes: the program reads no longer ones. The
// break leaves the clause without a tone; else the program would stress a word of any clause that has no
// stressed one, which its library (that the original calls) does not.
void add_lines(std::string& input, const std::string& text) {
    constexpr std::size_t most = 980, longest_word = 150;
    std::string line;
    const auto end_line = [&] { input += std::exchange(line, {}) + "<break/>\n"; };
    for (std::string_view word : split(text, ' ')) {
        while (!word.empty()) {
            std::size_t end = std::min(word.size(), longest_word);
            while (end < word.size() && (static_cast<unsigned char>(word[end]) & 0xC0) == 0x80) --end;
            const std::string part = escaped(word.substr(0, end));
            word.remove_prefix(end);
            if (line.size() + part.size() > most) end_line();
            line += part;
        }
        line += ' ';
    }
    end_line();
}

// espeak-ng answers a line with one line for each of its clauses, so a line of our own goes in between; what
// it says to that is learnt from the first.
std::string separator_for(const std::vector<std::string>& chunks) {
    std::string separator = "zqxj";
    while (std::any_of(chunks.begin(), chunks.end(), [&](const std::string& chunk) {
        return lower_ascii(chunk).find(separator) != std::string::npos;
    }))
        separator += "qx";
    return separator;
}

std::vector<std::string> speak_chunks(const std::vector<std::string>& chunks, const std::string& voice,
                                      const PhonemeOptions& options) {
    std::vector<std::string> spoken;
    if (chunks.empty()) return spoken;
    const std::string separator = separator_for(chunks);
    std::string input;
    add_lines(input, separator);
    for (const auto& chunk : chunks) {
        add_lines(input, chunk);
        add_lines(input, separator);
    }
    const auto answer =
        split_lines(run_espeak({"-q", "-m", "--ipa", "-b", "1", "-v", voice}, input, options));
    std::string chunk;
    for (std::size_t i = 1; i < answer.size(); ++i) {
        if (answer[i] == answer[0]) {
            spoken.push_back(std::exchange(chunk, {}));
            continue;
        }
        for (const auto& word : split(answer[i], ' '))
            if (!word.empty()) chunk += (chunk.empty() ? "" : " ") + word;
    }
    if (spoken.size() != chunks.size() || !chunk.empty())
        throw environment_error(
            cat(program(options), " answered ", spoken.size(), " of ", chunks.size(), " pieces of text"),
            "Use espeak-ng 1.51 or newer.");
    return spoken;
}

// How many insertions, deletions and exchanges of letters lie between two names.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j)
            diagonal = std::exchange(
                row[j + 1], std::min({row[j + 1] + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)}));
    }
    return row.back();
}

Error no_such_voice(const std::string& voice, const std::map<std::string, std::string>& known) {
    std::vector<std::string> voices;
    for (const auto& [name, written] : known) voices.push_back(name);
    const std::string stem = voice.substr(0, voice.find('-'));
    const auto unlike = [&](const std::string& other) {
        const bool same_language = other == stem || other.starts_with(stem + "-");
        return same_language ? 0 : distance(stem, other.substr(0, other.find('-')));
    };
    std::stable_sort(voices.begin(), voices.end(),
                     [&](const auto& a, const auto& b) { return unlike(a) < unlike(b); });
    voices.resize(std::min<std::size_t>(voices.size(), 6));
    return input_error(cat("espeak-ng has no language \"", printable(to_utf8(voice).substr(0, 60)), "\""),
                       cat("Similar ones are ", join(voices, ", "),
                           "; see all with `espeak-ng --voices`. Or write \"phonemes\" into whisper.json."));
}

// Languages in lower case, as espeak wants them written.
std::map<std::string, std::string> find_voices(const PhonemeOptions& options) {
    std::map<std::string, std::string> voices;
    // Columns: priority, language, age and gender, name, file, other languages.
    for (const auto& line : split_lines(run_espeak({"--voices"}, {}, options))) {
        std::vector<std::string> columns = split(line, ' ');
        std::erase(columns, "");
        const bool complete = columns.size() >= 5 && columns[0] != "Pty";
        if (complete && !columns[4].starts_with("mb/"))  // those need mbrola, another program
            voices.emplace(lower_ascii(columns[1]), columns[1]);
    }
    if (voices.empty())
        throw environment_error(cat(program(options), " is not espeak-ng: it names no languages"), remedy);
    return voices;
}

}  // namespace

std::string espeak_voice(const std::string& language) {
    const std::string wanted = lower_ascii(trim(language));
    for (const auto& [name, voice] : voices_of_languages)
        if (wanted == name) return std::string(voice);
    return wanted;
}

std::vector<std::string> espeak_voices(const PhonemeOptions& options) {
    std::vector<std::string> names;
    for (const auto& [name, written] : find_voices(options)) names.push_back(name);
    return names;
}

std::vector<std::string> phonemize(const std::vector<std::string>& lines, const std::string& language,
                                   const PhonemeOptions& options) {
    const auto voices = find_voices(options);
    const auto voice = voices.find(espeak_voice(language));
    if (voice == voices.end()) throw no_such_voice(espeak_voice(language), voices);

    std::vector<std::vector<Piece>> pieces;
    std::vector<std::string> chunks;
    for (const auto& text : lines) {
        const std::u32string line = one_line(text);
        pieces.push_back(options.punctuation ? split_at_marks(line)
                                             : std::vector<Piece>{{without_marks(line), false}});
        for (const Piece& piece : pieces.back())
            if (!piece.marks) chunks.push_back(piece.text);
    }
    const std::vector<std::string> spoken = speak_chunks(chunks, voice->second, options);
    std::vector<std::string> out;
    std::size_t next = 0;
    for (const auto& line : pieces) {
        std::string text;
        for (const Piece& piece : line) {
            // Marks with nothing to say between them: phonemizer takes the space of the first away.
            if (piece.marks && text.ends_with(' ')) text.pop_back();
            text += piece.marks ? piece.text : spoken[next++];
        }
        out.push_back(trim(text));
    }
    return out;
}

}  // namespace testudo::text
