// Vocabularies: what they hold, how they cut a text, what they cannot write.
#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "dataset/vocabulary.h"
#include "server/shared.h"
#include "studio/tokenizers.h"
#include "text/coverage.h"
#include "text/find_tokenizer.h"
#include "text/tokenizer_file.h"

namespace testudo::server {

namespace {

constexpr std::size_t most_texts = 1000, longest_text = 10000;
constexpr const char* builtin = "builtin";

std::shared_ptr<const text::Tokenizer> open(const Shared& shared, const std::string& name) {
    if (name == builtin) return text::load_tokenizer({});
    const fs::path file = shared.workspace.tokenizers() / (name + ".json");
    std::error_code error;
    if (!fs::is_regular_file(file, error) || !is_inside(file, shared.workspace.root()))
        throw not_found(cat("there is no tokenizer ", printable(name)),
                        "See /api/tokenizers for those there are.");
    return text::load_tokenizer(file);
}

int tokens_in(const text::Tokenizer& tokenizer) {
    int count = 0;
    for (int id = 0; id < tokenizer.size(); ++id) count += tokenizer.token(id).empty() ? 0 : 1;
    return count;
}

Json about(const Shared& shared, const std::string& name) {
    const auto tokenizer = open(shared, name);
    Json out = {{"name", name},
                {"tokens_in_all", tokens_in(*tokenizer)},
                {"language", tokenizer->language()},
                {"cleaning", text::name_of(tokenizer->cleaning())},
                {"merges", tokenizer->vocabulary().merges.size()}};
    if (name != builtin) out["path"] = relative_to(shared, shared.workspace.tokenizers() / (name + ".json"));
    return out;
}

Json list(const Shared& shared) {
    Json out = Json::array({about(shared, builtin)});
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(shared.workspace.tokenizers(), error), end; !error && entry != end;
         entry.increment(error)) {
        const fs::path file = entry->path();
        if (file.extension() == ".json" && !file.filename().string().starts_with('.') &&
            is_utf8(file.stem().string()))
            names.push_back(file.stem().string());
    }
    std::sort(names.begin(), names.end());
    for (const auto& name : names) try {
            out.push_back(about(shared, name));
        } catch (const Error& problem) {
            out.push_back({{"name", name},
                           {"tokens_in_all", 0},
                           {"problem", to_utf8(std::string_view(problem.what()))}});
        } catch (const HttpError& problem) {
            out.push_back({{"name", name}, {"tokens_in_all", 0}, {"problem", problem.what}});
        }
    return out;
}

Json show(const Shared& shared, const std::string& name) {
    Json out = about(shared, name);
    const auto tokenizer = open(shared, name);
    out["tokens"] = Json::array();
    for (int id = 0; id < tokenizer->size(); ++id)
        if (!tokenizer->token(id).empty())
            out["tokens"].push_back({{"id", id}, {"token", tokenizer->token(id)}});
    return out;
}

Json tokenize(const text::Tokenizer& tokenizer, const std::string& given) {
    Json out = {{"text", given}};
    try {
        const text::Encoded encoded = tokenizer.encode(given);
        std::vector<std::string> tokens;
        for (const int id : encoded.ids) tokens.push_back(tokenizer.token(id));
        out.update({{"cleaned", tokenizer.clean(given)},
                    {"ids", encoded.ids},
                    {"tokens", tokens},
                    {"unknown", encoded.unknown},
                    {"dropped", encoded.dropped}});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        out["error"] = {
            {"what", to_utf8(std::string_view(error.what()))}, {"hint", error.hint()}, {"kind", "input"}};
    }
    return out;
}

Response tokenize(const Shared& shared, const Request& request) {
    const auto tokenizer = open(shared, request.part("tokenizer"));
    const Json body = json_body(request);
    const auto texts = body.find("texts");
    if (texts == body.end() || !texts->is_array() || texts->size() > most_texts)
        throw usage_error(cat("texts must be a list of at most ", most_texts), "Send {\"texts\": [\"…\"]}.");
    Json out = Json::array();
    for (const Json& one : *texts) {
        if (!one.is_string() || one.get_ref<const std::string&>().size() > longest_text)
            throw usage_error(cat("a text is none, or longer than ", longest_text, " bytes"),
                              "Send shorter texts.");
        out.push_back(tokenize(*tokenizer, one.get<std::string>()));
    }
    return json_response(out);
}

Response coverage(const Shared& shared, const Request& request) {
    const auto tokenizer = open(shared, request.part("tokenizer"));
    const std::string voice = request.value("voice").value_or("");
    const auto texts = dataset::texts_of(shared.workspace.training(voice), true);
    const auto found = text::measure_coverage(*tokenizer, texts, dataset::longest_text_tokens);
    Json out = text::to_json(found);
    out["sentences"] = text::sentences(found, 50);
    return json_response(out);
}

}  // namespace

void add_tokenizer_routes(Router& router, Shared& shared) {
    const std::string path = "/api/tokenizers/{tokenizer}";
    router.add("GET", "/api/tokenizers", [&shared](const Request&) { return json_response(list(shared)); });
    router.add("GET", path, [&shared](const Request& request) {
        return json_response(show(shared, request.part("tokenizer")));
    });
    router.add("POST", path + "/tokenize",
               [&shared](const Request& request) { return tokenize(shared, request); });
    router.add("GET", path + "/coverage",
               [&shared](const Request& request) { return coverage(shared, request); });
}

}  // namespace testudo::server
