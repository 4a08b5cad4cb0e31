#include "tools/load/export/influx_client.hpp"

#include <curl/curl.h>

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/core/escape.hpp"

namespace sluice::load {
namespace {

constexpr std::size_t answer_bytes_max = 300;  // of an error's text; the rest is read and dropped

std::size_t keep_answer(char* bytes, std::size_t size, std::size_t count, void* answer) {
    auto& text = *static_cast<std::string*>(answer);
    if (text.size() < answer_bytes_max) text.append(bytes, std::min(size * count, answer_bytes_max - text.size()));
    return size * count;
}

}  // namespace

struct InfluxClient::Handles {
    struct FreeHandle {
        void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
    };
    struct FreeList {
        void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
    };

    // Thread-safe since curl 7.84, and counted.
    struct Library {
        Library() { CHECK(::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); }
        ~Library() { ::curl_global_cleanup(); }
        Library(const Library&) = delete;
        Library& operator=(const Library&) = delete;
    };

    Library library;  // outlives the handle
    std::unique_ptr<CURL, FreeHandle> curl{::curl_easy_init()};
    std::unique_ptr<curl_slist, FreeList> headers;
    std::string answer;
};

InfluxClient::InfluxClient(const std::string& url, const std::string& token, long timeout_ms)
    : handles_(std::make_unique<Handles>()) {
    CURL* const curl = handles_->curl.get();
    CHECK(curl != nullptr);
    curl_slist* headers = ::curl_slist_append(nullptr, "Content-Type: text/plain; charset=utf-8");
    headers = ::curl_slist_append(headers, "Expect:");  // no 100-continue: it would cost a round trip
    if (!token.empty()) headers = ::curl_slist_append(headers, ("Authorization: Token " + token).c_str());
    handles_->headers.reset(headers);
    ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // not the only thread
    ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_answer);
    ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &handles_->answer);
}

InfluxClient::~InfluxClient() = default;

PostResult InfluxClient::post(const std::string& lines) {
    CURL* const curl = handles_->curl.get();
    handles_->answer.clear();
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(lines.size()));
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, lines.c_str());
    const CURLcode code = ::curl_easy_perform(curl);
    if (code != CURLE_OK) return {.outcome = PostOutcome::postponed, .reason = ::curl_easy_strerror(code)};
    long status = 0;
    ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) return {.outcome = PostOutcome::written, .reason = {}};
    PostResult result{.outcome = status == 429 || status >= 500 ? PostOutcome::postponed : PostOutcome::refused,
                      .reason = "it answered " + std::to_string(status) + " "};
    append_escaped(result.reason, handles_->answer, answer_bytes_max);
    return result;
}

std::string percent_encoded(const std::string& text) {
    char* const encoded = ::curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size()));
    CHECK(encoded != nullptr);
    std::string result = encoded;
    ::curl_free(encoded);
    return result;
}

}  // namespace sluice::load
