#pragma once
#include <string>
#include <string_view>

namespace testudo::server {

std::string gzip(std::string_view bytes);
std::string gunzip(std::string_view bytes);  // of our own making

}  // namespace testudo::server
