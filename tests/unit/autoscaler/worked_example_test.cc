// The worked example of docs/autoscaling.md is what Decide does.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

// 180 requests a second for five minutes, then 900 for five, then 100.
double LoadAt(int second) { return second <= 300 ? 180 : second <= 600 ? 900 : 100; }

// second -> what the page says is decided then.
std::map<int, std::string> Rows() {
  std::ifstream page(std::string(BALLAST_SOURCE_DIR) + "/docs/autoscaling.md");
  std::map<int, std::string> rows;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.find("begin: worked example") != line.npos) inside = true;
    if (line.find("end: worked example") != line.npos) inside = false;
    std::istringstream cells(line);
    std::string cell;
    std::getline(cells, cell, '|');
    std::getline(cells, cell, '|');
    const int second = std::atoi(cell.c_str());
    if (!inside || second == 0) continue;
    std::getline(cells, cell, '|');
    EXPECT_EQ(std::atoi(cell.c_str()), static_cast<int>(LoadAt(second))) << line;
    std::getline(cells, cell, '|');
    const auto first = cell.find('`');
    rows[second] = cell.substr(first + 1, cell.rfind('`') - first - 1);
  }
  return rows;
}

TEST(WorkedExample, IsWhatHappens) {
  const std::map<int, std::string> rows = Rows();
  ASSERT_GE(rows.size(), 5U);
  World world(SpecOf(2, 40, {RequestRateOf(50)}), 4, 3);
  for (int second = 1; second <= rows.rbegin()->first; ++second) {
    const Decision decision = world.Second(LoadAt(second));
    const auto row = rows.find(second);
    if (row == rows.end()) continue;
    EXPECT_EQ(decision.message, row->second) << second;
  }
}

}  // namespace
}  // namespace ballast::reconcilers
