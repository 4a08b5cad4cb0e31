// JSONTestSuite: y_ files never meet a JSON refusal, n_ files always do, and i_ files (where RFC 8259 leaves the
// choice) do what the table here says, which docs/json.md repeats. The files are in tests/corpora.
// runs: release asan
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tests/support/decoding.hpp"

namespace sluice::tests {
namespace {

using parsers::BodyFormat;

const std::filesystem::path suite_path = SLUICE_SOURCE_DIR "/tests/corpora/json_test_suite/test_parsing";

struct SuiteFile {
    std::string name, text;
};

std::vector<SuiteFile> files_of(char kind) {
    std::vector<SuiteFile> files;
    for (const auto& entry : std::filesystem::directory_iterator(suite_path)) {
        const std::string name = entry.path().filename();
        if (name.starts_with(std::string{kind} + "_") == false) continue;
        std::ifstream stream(entry.path(), std::ios::binary);
        files.push_back({name, {std::istreambuf_iterator<char>(stream), {}}});
    }
    return files;
}

// A sample that keeps `text` as it comes. No file of the suite is a sample itself, so this is where the files matter.
std::string as_metadata(const std::string& text) {
    return R"({"device_id":"d","type":"t","value":1,"metadata":{"x":)" + text + "}}";
}

// The code of the refusal of the body, or of its first refused record.
std::string_view outcome_of(const Decoded& decoded) {
    if (decoded.body_refused) return info_of(decoded.body_refusal).code;
    return decoded.refused.empty() ? "accepted" : info_of(decoded.refused.front().refusal).code;
}

// What RFC 8259 leaves open. Numbers that no double or 64-bit integer holds are a fault of the record; all else here is
// a fault of the text.
const std::map<std::string_view, std::string_view> implementation_defined{
    {"i_number_double_huge_neg_exp.json", "accepted"},  // underflows to 0, which is in range
    {"i_number_huge_exp.json", "number_out_of_range"},
    {"i_number_neg_int_huge_exp.json", "number_out_of_range"},
    {"i_number_pos_double_huge_exp.json", "number_out_of_range"},
    {"i_number_real_neg_overflow.json", "number_out_of_range"},
    {"i_number_real_pos_overflow.json", "number_out_of_range"},
    {"i_number_real_underflow.json", "accepted"},
    {"i_number_too_big_neg_int.json", "number_out_of_range"},
    {"i_number_too_big_pos_int.json", "number_out_of_range"},
    {"i_number_very_big_negative_int.json", "number_out_of_range"},
    {"i_object_key_lone_2nd_surrogate.json", "invalid_json"},
    {"i_string_1st_surrogate_but_2nd_missing.json", "invalid_json"},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", "invalid_json"},
    {"i_string_UTF-16LE_with_BOM.json", "invalid_json"},
    {"i_string_UTF-8_invalid_sequence.json", "invalid_utf8"},
    {"i_string_UTF8_surrogate_U+D800.json", "invalid_utf8"},
    {"i_string_incomplete_surrogate_and_escape_valid.json", "invalid_json"},
    {"i_string_incomplete_surrogate_pair.json", "invalid_json"},
    {"i_string_incomplete_surrogates_escape_valid.json", "invalid_json"},
    {"i_string_invalid_lonely_surrogate.json", "invalid_json"},
    {"i_string_invalid_surrogate.json", "invalid_json"},
    {"i_string_invalid_utf-8.json", "invalid_utf8"},
    {"i_string_inverted_surrogates_U+1D11E.json", "invalid_json"},
    {"i_string_iso_latin_1.json", "invalid_utf8"},
    {"i_string_lone_second_surrogate.json", "invalid_json"},
    {"i_string_lone_utf8_continuation_byte.json", "invalid_utf8"},
    {"i_string_not_in_unicode_range.json", "invalid_utf8"},
    {"i_string_overlong_sequence_2_bytes.json", "invalid_utf8"},
    {"i_string_overlong_sequence_6_bytes.json", "invalid_utf8"},
    {"i_string_overlong_sequence_6_bytes_null.json", "invalid_utf8"},
    {"i_string_truncated-utf-8.json", "invalid_utf8"},
    {"i_string_utf16BE_no_BOM.json", "invalid_json"},
    {"i_string_utf16LE_no_BOM.json", "invalid_json"},
    {"i_structure_500_nested_arrays.json", "json_too_deep"},
    {"i_structure_UTF-8_BOM_empty_object.json", "invalid_json"},  // a mark is taken at the beginning of a body only
};

TEST(JsonTestSuite, ValidFilesMeetNoJsonRefusal) {
    const std::vector<SuiteFile> files = files_of('y');
    EXPECT_GT(files.size(), 90u);
    for (const SuiteFile& file : files) {
        EXPECT_FALSE(decode(file.text).body_refused) << file.name;
        const bool has_duplicates = file.name.find("duplicated_key") != std::string::npos;
        EXPECT_EQ(outcome_of(decode(as_metadata(file.text))), has_duplicates ? "duplicate_member" : "accepted")
            << file.name;
    }
}

TEST(JsonTestSuite, InvalidFilesAreRefusedInEveryPosition) {
    const std::vector<SuiteFile> files = files_of('n');
    EXPECT_GT(files.size(), 180u);
    for (const SuiteFile& file : files) {
        EXPECT_TRUE(decode(file.text).body_refused) << file.name;
        EXPECT_TRUE(decode(file.text, BodyFormat::ndjson).samples.empty()) << file.name;
        EXPECT_TRUE(decode(as_metadata(file.text)).body_refused) << file.name;
    }
}

TEST(JsonTestSuite, ImplementationDefinedFilesDoWhatTheTableSays) {
    const std::vector<SuiteFile> files = files_of('i');
    EXPECT_EQ(files.size(), implementation_defined.size());
    for (const SuiteFile& file : files) {
        const auto expected = implementation_defined.find(file.name);
        ASSERT_NE(expected, implementation_defined.end()) << file.name;
        EXPECT_EQ(outcome_of(decode(as_metadata(file.text))), expected->second) << file.name;
        (void)decode(file.text);  // neither crashes nor hangs
    }
}

}  // namespace
}  // namespace sluice::tests
