#include "core/json_text.h"

#include <gtest/gtest.h>

namespace testudo {

namespace {

TEST(JsonText, PlacesAreFoundByKeysAndIndices) {
    const std::string text = "{\n \"a\": [1, \"],{\\\"\", {\"b\": {}, \"é\": null}],\n\t\"c\": true}";
    EXPECT_EQ(place_in_json(text, {}), "line 1, column 1");
    EXPECT_EQ(place_in_json(text, {"a"}), "line 2, column 7");
    EXPECT_EQ(place_in_json(text, {"a", "0"}), "line 2, column 8");
    EXPECT_EQ(place_in_json(text, {"a", "2", "é"}), "line 2, column 35");
    EXPECT_EQ(place_in_json(text, {"c"}), "line 3, column 7");
}

TEST(JsonText, WhatIsNotThereIsTheInnermostThatIs) {
    const std::string text = "{\"a\": [{}, []]}";
    EXPECT_EQ(place_in_json(text, {"x"}), "line 1, column 1");
    EXPECT_EQ(place_in_json(text, {"a", "5"}), "line 1, column 7");
    EXPECT_EQ(place_in_json(text, {"a", "0", "start"}), "line 1, column 8");
    EXPECT_EQ(place_in_json(text, {"a", "1", "0", "b"}), "line 1, column 12");
}

}  // namespace

}  // namespace testudo
