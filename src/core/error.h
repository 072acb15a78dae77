#pragma once
// The one exception type of Testudo: what failed, on which file or line, and what to do about it.
// Only cli (and later server) catches it; its kind decides the exit code.
#include <stdexcept>
#include <string>

namespace testudo {

// Documented exit codes of the program (docs/manual.md).
enum class ErrorKind {
    internal = 1,     // a defect of Testudo
    usage = 2,        // wrong flags or settings
    input = 3,        // a file, recording, model or line that cannot be used
    environment = 4,  // disk full, no permission, missing program, download failed
    diverged = 5,     // training produced numbers that cannot be used
    interrupted = 130,
};

class Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string& what, std::string hint)
        : std::runtime_error(what), kind_(kind), hint_(std::move(hint)) {}
    ErrorKind kind() const { return kind_; }
    const std::string& hint() const { return hint_; }        // one imperative sentence: the remedy
    const std::string& setting() const { return setting_; }  // the key of the setting to change; often empty
    void add_remedy(const std::string& another) {
        hint_ += (hint_.empty() || another.empty() ? "" : " ") + another;
    }
    void is_about(const std::string& setting) {
        if (setting_.empty()) setting_ = setting;
    }

  private:
    ErrorKind kind_;
    std::string hint_;
    std::string setting_;
};

inline Error input_error(const std::string& what, std::string hint) {
    return {ErrorKind::input, what, std::move(hint)};
}
inline Error usage_error(const std::string& what, std::string hint) {
    return {ErrorKind::usage, what, std::move(hint)};
}
inline Error environment_error(const std::string& what, std::string hint) {
    return {ErrorKind::environment, what, std::move(hint)};
}

// What is wrong in `work` is that setting.
template <class Work>
decltype(auto) with_setting(const std::string& setting, Work&& work) {
    try {
        return work();
    } catch (Error& error) {
        error.is_about(setting);
        throw;
    }
}

}  // namespace testudo
