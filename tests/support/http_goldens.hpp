// Golden requests: bytes as they come over the wire, and what HttpParser must make of them. One table for the parser's
// own test and for the every-split property, so that a case added here is tested at every cut.
//
// `events` is a list joined by " | ":
//   METHOD target 1.x keep|close 'body'   one whole request
//   head                                        a head that asks for 100-continue was complete before this request
//   refused <code>                              the stream ended here
//   more                                        a request is begun and not complete
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/limits.hpp"

namespace sluice::tests {

struct HttpGolden {
    std::string name;
    std::string bytes;
    std::string events;
};

// Bodies larger than this are refused in every golden run.
inline constexpr std::size_t golden_body_bytes_max = 64;

namespace goldens {

inline const std::string host = "Host: h\r\n";

[[nodiscard]] inline std::string post(std::string_view headers, std::string_view rest) {
    return "POST /t HTTP/1.1\r\n" + host + std::string(headers) + "\r\n" + std::string(rest);
}
[[nodiscard]] inline std::string get(std::string_view headers) {
    return "GET / HTTP/1.1\r\n" + host + std::string(headers) + "\r\n";
}
[[nodiscard]] inline std::string chunked(std::string_view rest) { return post("Transfer-Encoding: chunked\r\n", rest); }
[[nodiscard]] inline std::string headers(std::size_t count) {
    std::string lines;
    for (std::size_t i = 0; i < count; ++i) lines += "A" + std::to_string(i) + ": b\r\n";
    return lines;
}
// Header lines whose names and values take exactly `bytes`, "Host" and "h" included.
[[nodiscard]] inline std::string header_bytes(std::size_t bytes) {
    return "X: " + std::string(bytes - sizeof("Host") - sizeof("X") + 1, 'v') + "\r\n";
}

// Requests that must be understood.
// NOLINTNEXTLINE(readability-function-size): a table
[[nodiscard]] inline std::vector<HttpGolden> valid() {
    const std::string get_ok = "GET / 1.1 keep ''";
    const std::string post_ok = "POST /t 1.1 keep ";
    return {
        {"get", get(""), get_ok},
        {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", get_ok},
        {"host with port", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", get_ok},
        {"header names ignore case", "GET / HTTP/1.1\r\nhOsT: h\r\n\r\n", get_ok},
        {"space around a value", "GET / HTTP/1.1\r\nHost: \t h \t\r\n\r\n", get_ok},
        {"empty lines before a request", "\r\n\r\n" + get(""), get_ok},
        {"head", "HEAD /health?x=1 HTTP/1.1\r\n" + host + "\r\n", "HEAD /health?x=1 1.1 keep ''"},
        {"absolute form", "GET http://h/x HTTP/1.1\r\n" + host + "\r\n", "GET http://h/x 1.1 keep ''"},
        {"asterisk form", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "OTHER * 1.1 keep ''"},
        {"connect", "CONNECT h:443 HTTP/1.1\r\n" + host + "\r\n" + get(""), "OTHER h:443 1.1 keep '' | " + get_ok},
        {"delete with a body", "DELETE / HTTP/1.1\r\n" + host + "Content-Length: 1\r\n\r\nx", "OTHER / 1.1 keep 'x'"},
        {"content length", post("Content-Length: 5\r\n", "hello"), post_ok + "'hello'"},
        {"content length zero", post("Content-Length: 0\r\n", ""), post_ok + "''"},
        {"content length with leading zeros", post("Content-Length: 0005\r\n", "hello"), post_ok + "'hello'"},
        {"content length with space around", post("Content-Length: \t5 \r\n", "hello"), post_ok + "'hello'"},
        {"no content length", post("", ""), post_ok + "''"},
        {"body of exactly the limit", post("Content-Length: 64\r\n", std::string(64, 'b')),
         post_ok + "'" + std::string(64, 'b') + "'"},
        {"body holding a request", post("Content-Length: 27\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
         post_ok + "'GET / HTTP/1.1\r\nHost: h\r\n\r\n'"},
        {"json", post("Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n", "{}"),
         "POST /t 1.1 keep '{}'"},
        {"ndjson", post("Content-Type: application/x-ndjson\r\nContent-Length: 2\r\n", "{}"), "POST /t 1.1 keep '{}'"},
        {"another media type", post("Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}"),
         "POST /t 1.1 keep '{}'"},
        {"media type too long to be known",
         post("Content-Type: application/json;" + std::string(300, 'p') + "\r\n", ""), "POST /t 1.1 keep ''"},
        {"pipelined", get("") + post("Content-Length: 1\r\n", "x") + get(""),
         get_ok + " | " + post_ok + "'x' | " + get_ok},
        {"chunked", chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), post_ok + "'hello world'"},
        {"chunked, upper case", post("TRANSFER-ENCODING: CHUNKED\r\n", "A\r\n0123456789\r\n0\r\n\r\n"),
         post_ok + "'0123456789'"},
        {"chunked with space around", post("Transfer-Encoding: \tchunked \r\n", "1\r\nx\r\n0\r\n\r\n"),
         post_ok + "'x'"},
        {"chunked, nothing in it", chunked("0\r\n\r\n"), post_ok + "''"},
        {"chunk size with leading zeros", chunked("0005\r\nhello\r\n000\r\n\r\n"), post_ok + "'hello'"},
        {"chunk extensions", chunked("5;a=b;c=\"d;\\\"e\";f\r\nhello\r\n0;last\r\n\r\n"), post_ok + "'hello'"},
        {"trailers are ignored",
         chunked("1\r\nx\r\n0\r\nHost: other\r\nContent-Type: application/json\r\nExpect: y\r\n\r\n") + get(""),
         post_ok + "'x' | " + get_ok},
        {"upgrade is ignored", get("Connection: Upgrade\r\nUpgrade: websocket\r\n") + get(""), get_ok + " | " + get_ok},
        {"upgrade with a body is ignored",
         post("Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n", "x") + get(""),
         post_ok + "'x' | " + get_ok},
        {"connection close", get("Connection: close\r\n"), "GET / 1.1 close ''"},
        {"connection close in a list", get("Connection: x, Close\r\n"), "GET / 1.1 close ''"},
        {"http 1.0", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close ''"},
        {"http 1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get(""),
         "GET / 1.0 keep '' | " + get_ok},
        {"http 1.0 ignores expectations",
         "POST /t HTTP/1.0\r\nExpect: 200-maybe\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
         "POST /t 1.0 keep 'x'"},
        {"http 1.0 need not be told to go on",
         "POST /t HTTP/1.0\r\nExpect: 100-continue\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
         "POST /t 1.0 keep 'x'"},
        {"expect", post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "x"), "head | " + post_ok + "'x'"},
        {"expect with space around", post("Expect:  100-continue \r\nContent-Length: 1\r\n", "x"),
         "head | " + post_ok + "'x'"},
        {"expect, chunked", post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
         "head | " + post_ok + "'x'"},
        {"expect without a body", post("Expect: 100-continue\r\nContent-Length: 0\r\n", "") + get(""),
         post_ok + "'' | " + get_ok},
        {"target of exactly the limit",
         "GET /" + std::string(limits::request_target_bytes_max - 1, 'a') + " HTTP/1.1\r\n" + host + "\r\n",
         "GET /" + std::string(limits::request_target_bytes_max - 1, 'a') + " 1.1 keep ''"},
        {"headers of exactly the number allowed", get(headers(limits::request_headers_count_max - 1)), get_ok},
        {"headers of exactly the size allowed", get(header_bytes(limits::request_header_bytes_max)), get_ok},
        {"unfinished request line", "GET / HT", "more"},
        {"unfinished header", "GET / HTTP/1.1\r\nHost: h\r\n", "more"},
        {"unfinished body", post("Content-Length: 5\r\n", "hell"), "more"},
        {"unfinished chunk", chunked("5\r\nhe"), "more"},
        {"unfinished trailer", chunked("0\r\nA: b\r\n"), "more"},
    };
}

// Requests that must be refused, and nothing behind them read: each is followed by a request that must not be seen.
// NOLINTNEXTLINE(readability-function-size): a table
[[nodiscard]] inline std::vector<HttpGolden> hostile() {
    const auto nul = [](std::string_view before, std::string_view after) {
        return std::string(before) + '\0' + std::string(after);
    };
    const std::string body = "5\r\nhello\r\n0\r\n\r\n";
    std::vector<HttpGolden> goldens{
        // Framing that two readers could see differently (RFC 9112 sections 6.1, 6.3 and 11.2).
        {"length, then coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", body),
         "conflicting_framing"},
        {"coding, then length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", body),
         "conflicting_framing"},
        {"coding, then length zero", post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", body),
         "conflicting_framing"},
        {"coding in 1.0", "POST /t HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + body, "conflicting_framing"},
        {"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), "bad_content_length"},
        {"two equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "bad_content_length"},
        {"length as a list", post("Content-Length: 5, 5\r\n", "hello"), "bad_content_length"},
        {"signed length", post("Content-Length: +5\r\n", "hello"), "bad_content_length"},
        {"negative length", post("Content-Length: -1\r\n", "hello"), "bad_content_length"},
        {"hexadecimal length", post("Content-Length: 0x5\r\n", "hello"), "bad_content_length"},
        {"length of two words", post("Content-Length: 5 5\r\n", "hello"), "bad_content_length"},
        {"empty length", post("Content-Length:\r\n", "hello"), "bad_content_length"},
        {"length past 64 bits", post("Content-Length: 18446744073709551621\r\n", "hello"), "bad_content_length"},
        {"unknown coding", post("Transfer-Encoding: gzip\r\n", body), "unknown_transfer_coding"},
        {"chunked within another coding", post("Transfer-Encoding: gzip, chunked\r\n", body),
         "unknown_transfer_coding"},
        {"chunked not last", post("Transfer-Encoding: chunked, gzip\r\n", body), "unknown_transfer_coding"},
        {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body),
         "unknown_transfer_coding"},
        {"chunked and identity", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", body),
         "unknown_transfer_coding"},
        {"chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", body), "unknown_transfer_coding"},
        {"nearly chunked", post("Transfer-Encoding: xchunked\r\n", body), "unknown_transfer_coding"},
        {"chunked behind a vertical tab", post("Transfer-Encoding: \vchunked\r\n", body), "malformed_header"},
        {"empty coding", post("Transfer-Encoding:\r\n", body), "unknown_transfer_coding"},
        // Lines (RFC 9112 sections 2.2 and 5.1).
        {"bare LF behind the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", "malformed_request_line"},
        {"bare LF behind a header", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", "malformed_header"},
        {"bare LF behind the last header", "GET / HTTP/1.1\r\nHost: h\n\r\n", "malformed_header"},
        {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", "malformed_header"},
        {"bare CR in a value", get("A: b\rc\r\n"), "malformed_header"},
        {"bare CR behind the request line", "GET / HTTP/1.1\rHost: h\r\n\r\n", "malformed_header"},
        {"obs-fold", get("A: b\r\n c\r\n"), "malformed_header"},
        {"obs-fold of a coding", post("Transfer-Encoding:\r\n chunked\r\n", body), "malformed_header"},
        {"obs-fold of a length", post("Content-Length:\r\n 5\r\n", "hello"), "malformed_header"},
        {"space before the colon", get("A : b\r\n"), "malformed_header"},
        {"space before the colon of a length", post("Content-Length : 5\r\n", "hello"), "malformed_header"},
        {"space before the first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "malformed_header"},
        {"empty header name", get(": b\r\n"), "malformed_header"},
        {"header without colon", get("Abc\r\n"), "malformed_header"},
        {"NUL in a name", get(nul("A", "B: c\r\n")), "malformed_header"},
        {"NUL in a value", get(nul("A: b", "c\r\n")), "malformed_header"},
        {"NUL in the host", "GET / HTTP/1.1\r\n" + nul("Host: h", "\r\n\r\n"), "malformed_header"},
        {"NUL in the target", nul("GET /", " HTTP/1.1\r\nHost: h\r\n\r\n"), "malformed_request_line"},
        {"8-bit name", get("\xc4: b\r\n"), "malformed_header"},
        // Request line.
        {"unknown method", "FROB / HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"method in lower case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"a response", "HTTP/1.1 200 OK\r\n\r\n", "malformed_request_line"},
        {"TLS", "\x16\x03\x01\x02\x01\x01", "malformed_request_line"},
        {"space at the end of the line", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http 0.9", "GET /\r\n", "malformed_request_line"},
        {"http 1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "unsupported_version"},
        {"http 2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "unsupported_version"},
        {"http 2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unsupported_version"},
        // Host (RFC 9112 section 3.2).
        {"no host", "GET / HTTP/1.1\r\n\r\n", "missing_host"},
        {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "duplicate_host"},
        {"two equal hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "duplicate_host"},
        {"two hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "duplicate_host"},
        {"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "bad_host"},
        {"host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "bad_host"},
        {"host of two words", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad_host"},
        {"host too long", "GET / HTTP/1.1\r\nHost: " + std::string(300, 'h') + "\r\n\r\n", "bad_host"},
        // Chunks (RFC 9112 section 7.1).
        {"chunk size with a sign", chunked("+5\r\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"chunk size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"chunk size behind a space", chunked(" 5\r\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"chunk size past 64 bits", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"empty chunk size", chunked("\r\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"bare LF behind a chunk size", chunked("5\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"bare LF in a chunk extension", chunked("5;a\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"bare CR behind a chunk size", chunked("5\rhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"bare LF behind a chunk", chunked("5\r\nhello\n0\r\n\r\n"), "malformed_chunk"},
        {"chunk longer than its size", chunked("5\r\nhello!\r\n0\r\n\r\n"), "malformed_chunk"},
        {"space behind a chunk size", chunked("5 \r\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"malformed trailer", chunked("0\r\nA b\r\n\r\n"), "malformed_chunk"},
        // Limits, each passed by one.
        {"target too long",
         "GET /" + std::string(limits::request_target_bytes_max, 'a') + " HTTP/1.1\r\n" + host + "\r\n",
         "target_too_long"},
        {"too many headers", get(headers(limits::request_headers_count_max)), "headers_too_large"},
        {"headers too large", get(header_bytes(limits::request_header_bytes_max + 1)), "headers_too_large"},
        {"trailers too large", chunked("0\r\n" + header_bytes(limits::request_header_bytes_max) + "\r\n"),
         "headers_too_large"},
        {"length too large", post("Content-Length: 65\r\n", std::string(65, 'b')), "body_too_large"},
        {"chunks too large", chunked("40\r\n" + std::string(64, 'b') + "\r\n1\r\nx\r\n0\r\n\r\n"), "body_too_large"},
        // Expectations (RFC 9110 section 10.1.1).
        {"unknown expectation", post("Expect: 200-maybe\r\nContent-Length: 1\r\n", "x"), "expectation_failed"},
        {"known and unknown expectation",
         post("Expect: 200-maybe\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", "x"), "expectation_failed"},
        {"expected body too large", post("Expect: 100-continue\r\nContent-Length: 65\r\n", ""), "body_too_large"},
    };
    for (HttpGolden& golden : goldens) {
        golden.bytes += get("");
        golden.events = "refused " + golden.events;
    }
    goldens.push_back({"refused behind a good one", get("") + "GET / HTTP/1.1\r\n\r\n" + get(""),
                       "GET / 1.1 keep '' | refused missing_host"});
    return goldens;
}

[[nodiscard]] inline std::vector<HttpGolden> all() {
    std::vector<HttpGolden> goldens = valid();
    for (HttpGolden& golden : hostile()) goldens.push_back(std::move(golden));
    return goldens;
}

}  // namespace goldens
}  // namespace sluice::tests
