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
#include "tests/support/texts.hpp"

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
[[nodiscard]] inline std::string empty_lines(std::size_t count) { return repeated("\r\n", count); }
[[nodiscard]] inline std::string headers(std::size_t count) {
    std::string lines;
    for (std::size_t i = 0; i < count; ++i) lines += "A" + std::to_string(i) + ": b\r\n";
    return lines;
}
// `bytes` with `filler` in place of its first '~', as often as makes it `size` bytes long.
[[nodiscard]] inline std::string filled(std::string bytes, std::size_t size, char filler) {
    return bytes.replace(bytes.find('~'), 1, std::string(size + 1 - bytes.size(), filler));
}
inline constexpr std::size_t head_max = limits::request_head_bytes_max;
// The head of a chunked request up to its first chunk's data, `size` bytes long, the data, and the end.
[[nodiscard]] inline std::string one_chunk(std::string_view line, std::size_t size, char filler) {
    return filled(chunked(line), size, filler) + "x\r\n0\r\n\r\n";
}

// Requests that must be understood.
// NOLINTNEXTLINE(readability-function-size): a table
[[nodiscard]] inline std::vector<HttpGolden> valid() {
    const std::string get_ok = "GET / 1.1 keep ''";
    const std::string post_ok = "POST /t 1.1 keep ";
    return {
        {"get", get(""), get_ok},
        {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", get_ok},
        {"host of 192 bytes", "GET / HTTP/1.1\r\nHost: " + std::string(192, 'h') + "\r\n\r\n", get_ok},
        {"host of 3000 bytes", "GET / HTTP/1.1\r\nHost: " + std::string(3000, 'h') + "\r\n\r\n", get_ok},
        {"header names ignore case", "GET / HTTP/1.1\r\nhOsT: h\r\n\r\n", get_ok},
        {"space around a value", "GET / HTTP/1.1\r\nHost: \t h \t\r\n\r\n", get_ok},
        {"tab behind a value", "GET / HTTP/1.1\r\nHost:\th\t\r\n\r\n", get_ok},
        {"an empty line before a request", "\r\n" + get(""), get_ok},
        {"empty lines before and between requests", empty_lines(8) + get("") + empty_lines(8) + get(""),
         get_ok + " | " + get_ok},
        {"head", "HEAD /health?x=1 HTTP/1.1\r\n" + host + "\r\n", "HEAD /health?x=1 1.1 keep ''"},
        {"absolute form", "GET http://h/x HTTP/1.1\r\n" + host + "\r\n", "GET http://h/x 1.1 keep ''"},
        {"asterisk form", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "OPTIONS * 1.1 keep ''"},
        {"options", "OPTIONS /t HTTP/1.1\r\n" + host + "\r\n", "OPTIONS /t 1.1 keep ''"},
        {"delete with a body", "DELETE / HTTP/1.1\r\n" + host + "Content-Length: 1\r\n\r\nx", "OTHER / 1.1 keep 'x'"},
        {"content length", post("Content-Length: 5\r\n", "hello"), post_ok + "'hello'"},
        {"content length zero", post("Content-Length: 0\r\n", ""), post_ok + "''"},
        {"content length with leading zeros", post("Content-Length: 0005\r\n", "hello"), post_ok + "'hello'"},
        {"content length with space around", post("Content-Length: \t5 \r\n", "hello"), post_ok + "'hello'"},
        {"content length with tabs around", post("Content-Length:\t\t5\t \t\r\n", "hello"), post_ok + "'hello'"},
        {"content length with many leading zeros", post("Content-Length: " + std::string(300, '0') + "5\r\n", "hello"),
         post_ok + "'hello'"},
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
        {"long media type", post("Content-Type: application/json;" + std::string(3000, 'p') + "\r\n", ""),
         "POST /t 1.1 keep ''"},
        {"pipelined", get("") + post("Content-Length: 1\r\n", "x") + get(""),
         get_ok + " | " + post_ok + "'x' | " + get_ok},
        {"chunked", chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), post_ok + "'hello world'"},
        {"chunked, upper case", post("TRANSFER-ENCODING: CHUNKED\r\n", "A\r\n0123456789\r\n0\r\n\r\n"),
         post_ok + "'0123456789'"},
        {"chunked with space around", post("Transfer-Encoding: \tchunked \r\n", "1\r\nx\r\n0\r\n\r\n"),
         post_ok + "'x'"},
        {"chunked with a tab behind", post("Transfer-Encoding: chunked\t\r\n", "1\r\nx\r\n0\r\n\r\n"), post_ok + "'x'"},
        {"chunked behind an empty element", post("Transfer-Encoding: , chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
         post_ok + "'x'"},
        {"chunked before empty elements", post("Transfer-Encoding: chunked\t,, \t,\r\n", "1\r\nx\r\n0\r\n\r\n"),
         post_ok + "'x'"},
        {"chunked behind an empty line of its list",
         post("Transfer-Encoding:\r\nX: y\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"), post_ok + "'x'"},
        {"chunked, nothing in it", chunked("0\r\n\r\n"), post_ok + "''"},
        {"chunk size with leading zeros", chunked("0005\r\nhello\r\n000\r\n\r\n"), post_ok + "'hello'"},
        {"chunk extensions of exactly what the head has left", one_chunk("1;~\r\n", head_max, 'e'), post_ok + "'x'"},
        {"chunk size of exactly what the head has left", one_chunk("~1\r\n", head_max, '0'), post_ok + "'x'"},
        {"many short chunks behind a long head",
         filled(post("Transfer-Encoding: chunked\r\nX: ~\r\n", ""), head_max - 16, 'v') + repeated("1\r\nx\r\n", 64) +
             "0\r\n\r\n",
         post_ok + "'" + std::string(64, 'x') + "'"},
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
        {"connection close before a tab", get("Connection: close\t\r\n"), "GET / 1.1 close ''"},
        {"connection close before a tab and a comma", get("Connection:\tclose\t,\tx\r\n"), "GET / 1.1 close ''"},
        {"connection close in a second line", get("Connection: x\r\nA: b\r\nConnection: close\r\nC: d\r\n"),
         "GET / 1.1 close ''"},
        {"connection close beats keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
         "GET / 1.0 close ''"},
        {"no connection close", get("Connection: closed, xclose, \"close\"\r\n"), get_ok},
        {"proxy-connection is ignored", get("Proxy-Connection: close\r\n"), get_ok},
        {"http 1.2 is read as 1.1", "GET / HTTP/1.2\r\nHost: h\r\n\r\n" + get(""), get_ok + " | " + get_ok},
        {"http 1.9 is read as 1.1", "GET / HTTP/1.9\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / 1.1 close ''"},
        {"http 1.0", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close ''"},
        {"http 1.0 keep-alive before a tab", "GET / HTTP/1.0\r\nConnection: keep-alive\t\r\n\r\n" + get(""),
         "GET / 1.0 keep '' | " + get_ok},
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
        {"head of exactly the size allowed", filled(get("X: ~\r\n"), head_max, 'v'), get_ok},
        {"head of exactly the size allowed, a body behind",
         filled(post("Content-Length: 5\r\nX: ~\r\n", ""), head_max, 'v') + "hello", post_ok + "'hello'"},
        {"blanks of exactly the size allowed", filled(get("X:~v\r\n"), head_max, ' '), get_ok},
        {"trailers of exactly the size allowed", filled(chunked("0\r\nX: ~\r\n\r\n"), head_max, 'v'), post_ok + "''"},
        {"unfinished method", "FRO", "more"},
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
        {"equal lengths with a tab", post("Content-Length: 5\t\r\nContent-Length: 5\r\n", "hello"),
         "bad_content_length"},
        {"length with a comma", post("Content-Length: 5,\r\n", "hello"), "bad_content_length"},
        {"length and a vertical tab", post("Content-Length: 5\v\r\n", "hello"), "malformed_header"},
        {"length with tab, then coding", post("Content-Length: 5\t\r\nTransfer-Encoding: chunked\r\n", body),
         "conflicting_framing"},
        {"another coding alone", post("Transfer-Encoding: gzip\r\n", body), "bad_transfer_encoding"},
        {"unknown coding", post("Transfer-Encoding: identity, chunked\r\n", body), "unknown_transfer_coding"},
        {"unknown coding with a parameter", post("Transfer-Encoding: x ; q=1, chunked\r\n", body),
         "unknown_transfer_coding"},
        {"unknown coding in another line", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", body),
         "unknown_transfer_coding"},
        {"coding with a comma in quotes", post("Transfer-Encoding: x;a=\"b,\", chunked\r\n", body),
         "bad_transfer_encoding"},
        {"coding of two words", post("Transfer-Encoding: x y, chunked\r\n", body), "bad_transfer_encoding"},
        {"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", body), "bad_transfer_encoding"},
        {"identity", post("Transfer-Encoding: identity\r\n", body), "bad_transfer_encoding"},
        {"identity and length", post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello"),
         "conflicting_framing"},
        {"only commas as coding", post("Transfer-Encoding: ,\t,\r\n", body), "bad_transfer_encoding"},
        {"chunked within another coding", post("Transfer-Encoding: gzip, chunked\r\n", body),
         "unknown_transfer_coding"},
        {"chunked not last", post("Transfer-Encoding: chunked, gzip\r\n", body), "bad_transfer_encoding"},
        {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body),
         "bad_transfer_encoding"},
        {"chunked and identity", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", body),
         "bad_transfer_encoding"},
        {"chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", body), "bad_transfer_encoding"},
        {"nearly chunked", post("Transfer-Encoding: xchunked\r\n", body), "bad_transfer_encoding"},
        {"chunked behind a vertical tab", post("Transfer-Encoding: \vchunked\r\n", body), "malformed_header"},
        {"empty coding", post("Transfer-Encoding:\r\n", body), "bad_transfer_encoding"},
        {"empty coding and length", post("Transfer-Encoding:\r\nContent-Length: 5\r\n", "hello"),
         "conflicting_framing"},
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
        {"unknown method", "FROB / HTTP/1.1\r\nHost: h\r\n\r\n", "method_not_implemented"},
        {"unknown method that begins as a known one", "POSTS / HTTP/1.1\r\nHost: h\r\n\r\n", "method_not_implemented"},
        {"unknown method without a target", "FROB \r\n\r\n", "method_not_implemented"},
        {"method in lower case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "method_not_implemented"},
        {"method of RTSP", "DESCRIBE / HTTP/1.1\r\nHost: h\r\n\r\n", "method_not_implemented"},
        {"method of ICE", "SOURCE / HTTP/1.1\r\nHost: h\r\n\r\n", "method_not_implemented"},
        {"method of HTTP/2", "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n", "method_not_implemented"},
        {"connect", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "method_not_implemented"},
        {"no method", " / HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"no method's character", "FR(B / HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"method and tab", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"only a method", "FROB\r\n", "malformed_request_line"},
        {"no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"two spaces behind the target", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"tab behind the target", "GET /\tHTTP/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"a response", "HTTP/1.1 200 OK\r\n\r\n", "malformed_request_line"},
        {"TLS", "\x16\x03\x01\x02\x01\x01", "malformed_request_line"},
        {"space at the end of the line", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"LF before the request line", "\n" + get(""), "malformed_request_line"},
        {"CR before the request line", "\r" + get(""), "malformed_request_line"},
        {"LF between requests", "\r\n\n" + get(""), "malformed_request_line"},
        {"more empty lines than are ignored", empty_lines(9) + get(""), "malformed_request_line"},
        // Versions (RFC 9110 section 2.5, RFC 9112 section 2.3).
        {"http 0.9", "GET /\r\n", "malformed_request_line"},
        {"http 0.9 with headers", "GET /\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http 0.9 by its name", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http 1", "GET / HTTP/1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http 01.1", "GET / HTTP/01.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http 1.10", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http space 1.1", "GET / HTTP/ 1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http 2 without a minor version", "GET / HTTP/2\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http in lower case", "GET / http/1.1\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"rtsp 1.0", "GET / RTSP/1.0\r\nHost: h\r\n\r\n", "malformed_request_line"},
        {"http 2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "unsupported_version"},
        {"http 9.9", "GET / HTTP/9.9\r\nHost: h\r\n\r\n", "unsupported_version"},
        {"http 2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unsupported_version"},
        // Targets (RFC 9112 section 3.2, RFC 9110 sections 4.2.1 and 4.2.4). More of them: http_target_test.
        {"asterisk with GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "bad_target"},
        {"asterisk and more", "OPTIONS *x HTTP/1.1\r\nHost: h\r\n\r\n", "bad_target"},
        {"uri without host", "GET http:///t HTTP/1.1\r\nHost: h\r\n\r\n", "bad_target"},
        {"uri with a user", "GET http://u@h/t HTTP/1.1\r\nHost: h\r\n\r\n", "bad_target"},
        {"uri of another scheme", "GET ftp://h/t HTTP/1.1\r\nHost: h\r\n\r\n", "bad_target"},
        {"target with a fragment", "GET /t#f HTTP/1.1\r\nHost: h\r\n\r\n", "bad_target"},
        // Host (RFC 9112 section 3.2). More of them: http_target_test.
        {"no host", "GET / HTTP/1.1\r\n\r\n", "missing_host"},
        {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "duplicate_host"},
        {"two equal hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "duplicate_host"},
        {"two hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "duplicate_host"},
        {"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "bad_host"},
        {"host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "bad_host"},
        {"host of two words", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad_host"},
        {"host with an open bracket", "GET / HTTP/1.1\r\nHost: [\r\n\r\n", "bad_host"},
        {"host with two ports", "GET / HTTP/1.1\r\nHost: a:b:c\r\n\r\n", "bad_host"},
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
        {"length as a trailer", chunked("5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"), "malformed_chunk"},
        {"coding as a trailer", chunked("5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), "malformed_chunk"},
        {"bare LF behind a quoted chunk extension", chunked("5;a=\"b\"\nhello\r\n0\r\n\r\n"), "malformed_chunk"},
        {"bare CR behind a quoted chunk extension", chunked("5;a=\"b\"\rhello\r\n0\r\n\r\n"), "malformed_chunk"},
        // A byte that no target has, behind a part that is refused for itself.
        {"connect, and a target that is none", nul("CONNECT h", " HTTP/1.1\r\nHost: h\r\n\r\n"),
         "method_not_implemented"},
        {"two spaces, and a target that is none", nul("GET  /", " HTTP/1.1\r\nHost: h\r\n\r\n"),
         "malformed_request_line"},
        {"target too long that is none",
         nul("GET /" + std::string(limits::request_target_bytes_max, 'a'), " HTTP/1.1\r\nHost: h\r\n\r\n"),
         "target_too_long"},
        // Limits, each passed by one.
        {"target too long",
         "GET /" + std::string(limits::request_target_bytes_max, 'a') + " HTTP/1.1\r\n" + host + "\r\n",
         "target_too_long"},
        {"too many headers", get(headers(limits::request_headers_count_max)), "headers_too_large"},
        {"head too large", filled(get("X: ~\r\n"), head_max + 1, 'v'), "headers_too_large"},
        {"head too large, a body behind",
         filled(post("Content-Length: 5\r\nX: ~\r\n", ""), head_max + 1, 'v') + "hello", "headers_too_large"},
        {"name too long", filled(get("~: v\r\n"), head_max + 1, 'N'), "headers_too_large"},
        {"unfinished name too long", get("").substr(0, 25) + std::string(head_max, 'N'), "headers_too_large"},
        {"blanks before a value too many", filled(get("X:~v\r\n"), head_max + 1, ' '), "headers_too_large"},
        {"blanks behind a value too many", filled(get("X:v~\r\n"), head_max + 1, '\t'), "headers_too_large"},
        {"blanks before the target", "GET" + std::string(2 * head_max, ' ') + "/ HTTP/1.1\r\nHost: h\r\n\r\n",
         "target_too_long"},
        {"blanks behind the target", "GET /" + std::string(2 * head_max, ' ') + "HTTP/1.1\r\nHost: h\r\n\r\n",
         "target_too_long"},
        {"method of 33 bytes", std::string(33, 'M') + "\r\n", "method_not_implemented"},
        {"no method of 32 bytes", std::string(32, 'M') + "\r\n", "malformed_request_line"},
        {"method of 32 bytes", std::string(32, 'M') + " / HTTP/1.1\r\nHost: h\r\n\r\n", "method_not_implemented"},
        {"method too long", std::string(2 * head_max, 'M') + " / HTTP/1.1\r\nHost: h\r\n\r\n",
         "method_not_implemented"},
        {"trailers too large", filled(chunked("0\r\nX: ~\r\n\r\n"), head_max + 1, 'v'), "headers_too_large"},
        {"chunk extension too long", one_chunk("1;~\r\n", head_max + 1, 'e'), "headers_too_large"},
        {"chunk size too long", one_chunk("~1\r\n", head_max + 1, '0'), "headers_too_large"},
        {"last chunk's extension too long", filled(chunked("0;~\r\n\r\n"), head_max + 1, 'e'), "headers_too_large"},
        {"extensions of all chunks too long",
         chunked(repeated("1;" + std::string(600, 'e') + "\r\nx\r\n", 28) + "0\r\n\r\n"), "headers_too_large"},
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
