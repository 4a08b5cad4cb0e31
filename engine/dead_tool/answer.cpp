#include "engine/dead_tool/answer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "engine/core/refusal.hpp"

namespace sluice::dead_tool {
namespace {

using AnswerJson = nlohmann::json;

// Empty: it is none.
std::string text_in(const AnswerJson& body, const char* name) {
    if (!body.is_object()) return {};
    const auto found = body.find(name);
    return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool counts(const AnswerJson& body, const char* name, std::uint64_t count) {
    const auto found = body.find(name);
    return found != body.end() && found->is_number_unsigned() && found->get<std::uint64_t>() == count;
}

bool is_of_a_record(std::string_view code) {
    const auto* const info = std::ranges::find(refusal_table, code, &RefusalInfo::code);
    return info != refusal_table.end() && info->scope == RefusalScope::record;
}

// In the shape of JSON, or in one of those of InfluxDB (engine/ingest/influx_answer.cpp), which quotes the line.
bool is_record_refused(const AnswerJson& body) {
    if (text_in(body, "error").starts_with("unable to parse '")) return true;
    if (text_in(body, "message").starts_with("unable to parse '")) return true;
    if (text_in(body, "code") != info_of(Refusal::all_records_refused).code) return false;
    const auto errors = body.find("errors");
    const bool is_one = counts(body, "accepted", 0) && counts(body, "rejected", 1) && errors != body.end() &&
                        errors->is_array() && errors->size() == 1;
    return is_one && is_of_a_record(text_in(errors->front(), "code"));
}

// `400 bad_ack: ack must be one of …`
std::string what_of(const HttpAnswer& answer, const AnswerJson& body) {
    std::string what = "the engine answers " + std::to_string(answer.status);
    if (const std::string code = text_in(body, "code"); !code.empty()) what += " " + code;
    std::string sentence = text_in(body, "error");
    if (sentence.empty()) sentence = text_in(body, "message");
    return sentence.empty() ? what : what + ": " + sentence;
}

bool is_taken(const HttpAnswer& answer, const AnswerJson& body, AckLevel asked) {
    const auto level = ack_level_of(answer.ack);
    if (!level || *level < asked) return false;
    return answer.status == 204 || (body.is_object() && counts(body, "accepted", 1) && counts(body, "rejected", 0));
}

}  // namespace

Verdict judge(const HttpAnswer& answer, AckLevel asked) {
    const AnswerJson body = AnswerJson::parse(answer.body, nullptr, false);
    switch (answer.status) {
        case 200:
        case 204:
            if (is_taken(answer, body, asked)) return {Proof::taken, {}};
            return {Proof::none, "the answer " + std::to_string(answer.status) + " does not say that the record is " +
                                     std::string(name_of(asked)) + "; is it an engine of this version?"};
        case 400:
        case 413:
            if (answer.status == 400 && is_record_refused(body)) return {Proof::refused_record, {}};
            return {Proof::refused_request, what_of(answer, body)};
        default: return {Proof::none, what_of(answer, body)};
    }
}

}  // namespace sluice::dead_tool
