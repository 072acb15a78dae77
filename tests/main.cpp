#include <gtest/gtest.h>

#include <iostream>

namespace {

// Ends the output with one plain line that any reader of logs understands.
class ClosingLine : public ::testing::EmptyTestEventListener {
    void OnTestProgramEnd(const ::testing::UnitTest& all) override {
        std::cout << all.successful_test_count() << " passed, " << all.failed_test_count() << " failed, "
                  << all.skipped_test_count() << " skipped" << std::endl;
    }
};

}  // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    ::testing::UnitTest::GetInstance()->listeners().Append(new ClosingLine);
    return RUN_ALL_TESTS();
}
