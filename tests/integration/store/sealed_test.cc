// Secrets on the disk: never readable, and not lost to a wrong key without a word.
#include <sys/stat.h>

#include <filesystem>

#include "controller/store/secret_box.h"
#include "tests/integration/store/fixture.h"

namespace ballast::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Sealed : public StoreTest {
 protected:
  // All that is on the disk, by file.
  std::map<std::string, std::string> Files() {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      const std::string name = entry.path().filename().string();
      files[name] = dir_.Read(name);
    }
    return files;
  }
};

TEST_F(Sealed, NoFileShowsASecret) {
  Open();
  const std::string big(20'000, 'x');  // fills pages of its own
  std::uint64_t at = Put(Secret("db"), 0, R"({"data":"Hunter2-first"})");
  at = Put(Secret("db"), at, R"({"data":"Hunter2-second"})" + big);
  Put(Secret("gone"), 0, "Hunter2-gone");
  ASSERT_OK(store_->Commit({Secret("gone"), 3, nullptr}));
  Put({"configmaps", "default", "plain"}, 0, "everybody may read this");
  ASSERT_OK(store_->Backup(dir_.path("backup")));
  at = Put(Secret("db"), at, "Hunter2-third");
  const auto running = Files();
  ASSERT_TRUE(running.contains("state.db-wal"));
  EXPECT_THAT(running.at("state.db-wal"), HasSubstr("everybody may read this"));
  Close();
  const auto closed = Files();
  EXPECT_THAT(closed.at("state.db"), HasSubstr("everybody may read this"));
  EXPECT_THAT(closed.at("backup"), HasSubstr("everybody may read this"));
  for (const auto& files : {running, closed}) {
    for (const auto& [name, content] : files) {
      EXPECT_EQ(content.find("Hunter2"), std::string::npos) << name;
    }
  }
  Open();
  EXPECT_EQ(*store_->Get(Secret("db"))->value, "Hunter2-third");
  const auto history = store_->ReadChanges("secrets", 0, 100);
  ASSERT_OK(history);
  ASSERT_EQ(history->items.size(), 5U);
  EXPECT_EQ(*history->items[1]->previous, R"({"data":"Hunter2-first"})");
  EXPECT_EQ(*history->items[3]->value, "Hunter2-gone");
  EXPECT_EQ(*history->items[4]->value, "Hunter2-third");
}

TEST_F(Sealed, AMissingKeyIsNotReplacedWhereSomethingIsSealed) {
  Open();
  Put(Secret("db"), 0, "password");
  Close();
  std::filesystem::rename(dir_.path("secrets.key"), dir_.path("elsewhere"));
  const Status refused = Refused();
  EXPECT_EQ(refused.code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.message,
              AllOf(HasSubstr(dir_.path("secrets.key") + " is missing"), HasSubstr("put the key")));
  EXPECT_FALSE(std::filesystem::exists(dir_.path("secrets.key")));
  std::filesystem::rename(dir_.path("elsewhere"), dir_.path("secrets.key"));
  Open();
  EXPECT_EQ(*store_->Get(Secret("db"))->value, "password");
}

TEST_F(Sealed, AKeyOfAnotherDatabaseDoesNotFit) {
  Open();
  Put(Secret("db"), 0, "password");
  Close();
  std::filesystem::remove(dir_.path("secrets.key"));
  ASSERT_OK(SecretBox::Create(dir_.path("secrets.key")));
  EXPECT_THAT(Refused().message, HasSubstr("does not fit " + options_.path));
}

TEST_F(Sealed, ANewKeyIsMadeWhereNothingIsSealed) {
  Open();
  Put(App("shop"), 0, "x");
  Close();
  std::filesystem::remove(dir_.path("secrets.key"));
  Open();
  Put(Secret("db"), 0, "password");
  Open();
  EXPECT_EQ(*store_->Get(Secret("db"))->value, "password");
}

TEST_F(Sealed, AKeyThatOthersCanReadIsRefused) {
  Open();
  Close();
  ASSERT_EQ(chmod(dir_.path("secrets.key").c_str(), 0644), 0);
  EXPECT_THAT(Refused().message, HasSubstr("chmod 600 " + dir_.path("secrets.key")));
  ASSERT_EQ(chmod(dir_.path("secrets.key").c_str(), 0400), 0);
  Open();
}

TEST_F(Sealed, OfAnotherListOfResourcesWhatIsThereStaysReadable) {
  options_.sealed = {};
  Open();
  Put(Secret("old"), 0, "written in the open");
  Close();
  EXPECT_FALSE(std::filesystem::exists(dir_.path("secrets.key"))) << "nothing needs it";
  options_.sealed = {"secrets"};
  Open();
  Put(Secret("new"), 0, "Hunter2");
  EXPECT_EQ(*store_->Get(Secret("old"))->value, "written in the open");
  options_.sealed = {};
  Open();
  EXPECT_EQ(*store_->Get(Secret("new"))->value, "Hunter2");
  Close();
  EXPECT_THAT(dir_.Read("state.db"), Not(HasSubstr("Hunter2")));
}

}  // namespace
}  // namespace ballast::store
