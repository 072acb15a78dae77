#include "server/http.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "server/byte_range.h"
#include "server/connection.h"
#include "server/gzip.h"
#include "server/router.h"

namespace testudo::server {
namespace {

using Meaning = ByteRange::Meaning;

TEST(ByteRange, IsReadAsTheRfcSays) {
    const auto expect = [](const char* header, std::uint64_t size, Meaning meaning, std::uint64_t first = 0,
                           std::uint64_t count = 0) {
        const ByteRange range = parse_range(header, size);
        EXPECT_EQ(range.meaning, meaning) << header;
        EXPECT_EQ(range.first, first) << header;
        EXPECT_EQ(range.count, count) << header;
    };
    expect("bytes=0-0", 10, Meaning::part, 0, 1);
    expect("bytes=2-5", 10, Meaning::part, 2, 4);
    expect("bytes=7-", 10, Meaning::part, 7, 3);
    expect("bytes=7-99", 10, Meaning::part, 7, 3);
    expect("bytes=-3", 10, Meaning::part, 7, 3);
    expect("bytes=-30", 10, Meaning::part, 0, 10);
    expect("bytes=10-", 10, Meaning::past_end);
    expect("bytes=99999999-", 10, Meaning::past_end);
    expect("bytes=-0", 10, Meaning::past_end);
    expect("bytes=0-", 0, Meaning::past_end);
    for (const char* header : {"", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1-2,4-5",
                               "items=0-1", "bytes=0x1-2", "bytes=18446744073709551616-", "bytes=--1"})
        expect(header, 10, Meaning::all);
}

TEST(Http, DecodesPercentSigns) {
    EXPECT_EQ(decode_percent("a%20b+c"), "a b+c");
    EXPECT_EQ(decode_percent("a+b", true), "a b");
    EXPECT_EQ(decode_percent("%C3%A4"), "ä");
    for (const char* bad : {"%", "%1", "%zz", "%ff", "%C3"}) EXPECT_FALSE(decode_percent(bad)) << bad;
}

TEST(Http, CompressedBytesComeBack) {
    std::string text;
    for (int i = 0; i < 10000; ++i) text += std::to_string(i * 7919 % 1000) + " ";
    EXPECT_LT(gzip(text).size(), text.size() / 2);
    EXPECT_EQ(gunzip(gzip(text)), text);
    EXPECT_EQ(gunzip(gzip("")), "");
}

TEST(Http, HeadsAreChecked) {
    const ConnectionLimits limits;
    std::uint64_t body = 0;
    const auto status = [&](const std::string& head) {
        const auto refusal = check_head(head + "\r\n\r\n", limits, body);
        return refusal ? refusal->status : 0;
    };
    EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a"), 0);
    EXPECT_EQ(status("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 12"), 0);
    EXPECT_EQ(body, 12u);
    EXPECT_EQ(status("GET http://a/ HTTP/1.1"), 400);
    EXPECT_EQ(status("GET /"), 400);
    EXPECT_EQ(status("GET / FTP/1.1"), 400);
    EXPECT_EQ(status("G\x01T / HTTP/1.1"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1\r\nno colon"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1\r\n folded: line"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1\r\nX: a\x01"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1\r\nX: a\nRange: bytes=99999999999999999999-"), 400);
    EXPECT_EQ(status("GET / HTTP/1.1\r\nX: a\rRange: bytes=0-"), 400);
    EXPECT_EQ(status("PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2"), 400);
    for (const char* length : {"", "-1", "+1", "1x", "0x10", "99999999999999999999"})
        EXPECT_EQ(status(std::string("PUT / HTTP/1.1\r\nContent-Length: ") + length), 400) << length;
    EXPECT_EQ(status("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked"), 411);
    EXPECT_EQ(status("PUT / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"), 411);
    EXPECT_EQ(status("PUT / HTTP/1.1\r\nContent-Length: 5\r\nContent-Encoding: gzip"), 415);
    EXPECT_EQ(status("GET /" + std::string(9000, 'a') + " HTTP/1.1"), 414);
    EXPECT_EQ(status("GET / HTTP/1.1\r\nX: " + std::string(9000, 'a')), 431);
    std::string many = "GET / HTTP/1.1";
    for (int i = 0; i < 101; ++i) many += "\r\nX: y";
    EXPECT_EQ(status(many), 431);
}

TEST(Http, HeadersThatTheLibraryMisreadsAreHidden) {
    EXPECT_EQ(
        hidden_from_library("GET / HTTP/1.1\r\nRANGE: bytes=0-\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"),
        "GET / HTTP/1.1\r\nown-RANGE: bytes=0-\r\nHost: a\r\nown-Accept-Encoding: gzip\r\n\r\n");
}

TEST(Router, FindsHandlersAndRefusesWhatNoNameCanHold) {
    Router router;
    router.add("GET", "/api/voices/{voice}/recordings/{file}", [](const Request& request) {
        Response response;
        response.body = request.part("voice") + "|" + request.part("file");
        return response;
    });
    const auto answer = [&](const std::string& path, const std::string& method = "GET") {
        Request request;
        request.method = method;
        request.path = path;
        return router.answer(request).body;
    };
    EXPECT_EQ(answer("/api/voices/ad%C3%A4/recordings/a%20b.wav"), "adä|a b.wav");
    EXPECT_EQ(answer("/api/voices/..x/recordings/a.wav", "HEAD"), "..x|a.wav");
    EXPECT_THROW(answer("/api/voices/a/recordings/b.wav", "DELETE"), HttpError);
    EXPECT_THROW(answer("/api/voices//recordings/b.wav"), HttpError);
    for (const char* path :
         {"/api/voices/../recordings/b.wav", "/api/voices/%2e%2e/recordings/b.wav",
          "/api/voices/a/recordings/..%2f..%2fetc%2fpasswd", "/api/voices/a/recordings/b%00.wav",
          "/api/voices/a/recordings/%5c..%5cx", "/api/voices/%ff/recordings/x", "/api/%zz"})
        EXPECT_THROW(answer(path), Error) << path;
}

TEST(Http, MistakesOfFilesTellTheirPlace) {
    try {
        throw input_error("train.yaml, line 12, column 3: wrong", "Correct it.");
    } catch (...) {
        const Response response = error_response();
        const Json error = Json::parse(response.body)["error"];
        EXPECT_EQ(response.status, 422);
        EXPECT_EQ(error["line"], 12);
        EXPECT_EQ(error["column"], 3);
        EXPECT_EQ(error["hint"], "Correct it.");
    }
}

}  // namespace
}  // namespace testudo::server
