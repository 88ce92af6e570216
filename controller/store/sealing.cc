#include "controller/store/sealing.h"

#include <utility>

#include "controller/store/sqlite.h"

namespace ballast::store {
namespace {

using reconcilers::StoreKey;
using reconcilers::StoreValue;

// Sealed into the database when its key is first used: tells whether a key is the right one.
const StoreKey kCheckKey{"key-check", "", "key-check"};
constexpr char kCheckText[] = "ballast";

Result<std::string> ReadCheck(Database& database) {
  return database.QueryText("SELECT value FROM meta WHERE key = 'key_check'");
}

Result<void> WriteCheck(Database& database, const SecretBox& box) {
  auto statement =
      database.Prepare("INSERT OR REPLACE INTO meta(key, value) VALUES('key_check', ?1)");
  if (!statement) return std::unexpected(statement.error());
  const std::string sealed = box.Seal(kCheckKey, kCheckText);
  return statement->BindBlob(1, sealed).Run();
}

Result<bool> HoldsSealed(Database& database) {
  const auto found = database.QueryInt(
      "SELECT EXISTS(SELECT 1 FROM objects WHERE sealed = 1) OR"
      " EXISTS(SELECT 1 FROM history WHERE sealed = 1)");
  if (!found) return std::unexpected(found.error());
  return *found != 0;
}

}  // namespace

Result<Sealing> Sealing::Open(Database& database, const std::string& key_path,
                              std::set<std::string> resources) {
  Sealing sealing;
  sealing.resources_ = std::move(resources);
  const Result<std::string> check = ReadCheck(database);
  if (!check) return std::unexpected(check.error());
  if (sealing.resources_.empty() && check->empty()) return sealing;

  Result<std::unique_ptr<SecretBox>> box = SecretBox::Load(key_path);
  if (!box && box.error().code != Code::kNotFound) return std::unexpected(box.error());
  const bool fits = box && !check->empty() && (*box)->Unseal(kCheckKey, *check).has_value();
  if (!fits && !check->empty()) {
    const Result<bool> sealed = HoldsSealed(database);
    if (!sealed) return std::unexpected(sealed.error());
    if (*sealed) {
      const std::string what =
          box ? " does not fit " + database.path() + ", whose secrets are sealed with another key"
              : " is missing, and the secrets in " + database.path() + " are sealed with it";
      return Error(Code::kFailedPrecondition,
                   key_path + what +
                       ": put the key file back that belongs to the database (a backup of the "
                       "database does not contain it)");
    }
  }
  if (!box) box = SecretBox::Create(key_path);
  if (!box) return std::unexpected(box.error());
  if (!fits) {
    if (auto written = WriteCheck(database, **box); !written) {
      return std::unexpected(written.error());
    }
  }
  sealing.box_ = std::move(*box);
  return sealing;
}

Sealing::Encoded Sealing::Encode(const StoreKey& object, std::string_view value,
                                 std::string& buffer) const {
  if (!box_ || !resources_.contains(object.resource)) return {false, value};
  buffer = box_->Seal(object, value);
  return {true, buffer};
}

Result<StoreValue> Sealing::Decode(const StoreKey& object, Encoded encoded) const {
  if (!encoded.sealed) return std::make_shared<const std::string>(encoded.bytes);
  if (!box_) {
    return Error(Code::kFailedPrecondition, object.ToString() + " is sealed, but there is no key");
  }
  Result<std::string> plain = box_->Unseal(object, encoded.bytes);
  if (!plain) return std::unexpected(plain.error());
  return std::make_shared<const std::string>(std::move(*plain));
}

}  // namespace ballast::store
