#pragma once
// Refusals of the environment that a front end answers in ways of their own.
#include <cerrno>

#include "core/error.h"

namespace testudo {

class DiskFull : public Error {
  public:
    DiskFull(const std::string& what, std::string hint)
        : Error(ErrorKind::environment, what, std::move(hint)) {}
};

inline bool is_disk_full(int error) { return error == ENOSPC || error == EDQUOT; }  // an errno

class FolderBusy : public Error {  // a job works there
  public:
    FolderBusy(const std::string& what, std::string hint)
        : Error(ErrorKind::environment, what, std::move(hint)) {}
};

}  // namespace testudo
