#include "controller/store/secret_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/fakes/temp_dir.h"

namespace ballast::store {
namespace {

using reconcilers::StoreKey;
using ::testing::HasSubstr;
using ::testing::Not;

const StoreKey kDb{"secrets", "default", "db"};

TEST(SecretBox, UnsealsWhatItSealedAlsoAfterARestart) {
  const TempDir dir;
  const auto box = SecretBox::Create(dir.path("secrets.key"));
  ASSERT_TRUE(box) << box.error().message;
  const std::string sealed = (*box)->Seal(kDb, "password");
  EXPECT_THAT(sealed, Not(HasSubstr("password")));
  EXPECT_NE(sealed, (*box)->Seal(kDb, "password")) << "a nonce was used twice";
  const auto loaded = SecretBox::Load(dir.path("secrets.key"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->Unseal(kDb, sealed), "password");
  EXPECT_EQ((*loaded)->Unseal(kDb, (*box)->Seal(kDb, "")), "");
}

TEST(SecretBox, RefusesWhatWasChangedMovedOrSealedByAnother) {
  const TempDir dir;
  const auto box = SecretBox::Create(dir.path("secrets.key"));
  const auto other = SecretBox::Create(dir.path("other.key"));
  const std::string sealed = (*box)->Seal(kDb, "password");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] ^= 1;
    EXPECT_FALSE((*box)->Unseal(kDb, changed)) << "byte " << i;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE((*box)->Unseal(kDb, sealed.substr(0, size)));
  }
  EXPECT_FALSE((*box)->Unseal({"secrets", "other", "db"}, sealed));
  EXPECT_FALSE((*box)->Unseal({"secrets", "defaul", "tdb"}, sealed));
  const auto refused = (*other)->Unseal(kDb, sealed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("secrets default/db cannot be decrypted"));
}

TEST(SecretBox, ItsFileIsForItsOwnerOnly) {
  const TempDir dir;
  const std::string path = dir.path("secrets.key");
  ASSERT_TRUE(SecretBox::Create(path));
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const std::string text = dir.Read("secrets.key");
  const auto again = SecretBox::Create(path);
  ASSERT_FALSE(again) << "it replaced a key";
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_EQ(dir.Read("secrets.key"), text);

  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  const auto open = SecretBox::Load(path);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(open.error().message, HasSubstr("chmod 600 " + path));
}

TEST(SecretBox, RefusesWhatIsNoKey) {
  const TempDir dir;
  const std::string path = dir.path("secrets.key");
  EXPECT_EQ(SecretBox::Load(path).error().code, Code::kNotFound);
  EXPECT_EQ(SecretBox::Load(dir.path()).error().code, Code::kFailedPrecondition);
  for (const std::string& text :
       {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'z'),
        std::string(62, 'a') + " a", std::string(1000, 'a'), std::string(64, '\0')}) {
    dir.Write("secrets.key", text);
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    const auto loaded = SecretBox::Load(path);
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().code, Code::kFailedPrecondition);
    EXPECT_THAT(loaded.error().message, HasSubstr("is not a key"));
  }
  dir.Write("secrets.key", std::string(64, 'a'));  // as an editor may leave it
  EXPECT_TRUE(SecretBox::Load(path));
}

}  // namespace
}  // namespace ballast::store
