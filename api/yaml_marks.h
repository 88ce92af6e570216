// Where the fields of YAML documents stand in their text: a server that refuses an object names its
// fields, a person looks for lines. Pure; callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec.h"

namespace ballast::api {

class DocumentMarks {
 public:
  struct Mark {
    int line = 0;  // 1-based; 0: unknown
    int column = 0;
  };

  // Of "spec.template.spec.containers[0].image" (a dot before it does no harm); of the nearest
  // field around it when that is not in the text; of the document when nothing of it is.
  [[nodiscard]] Mark Find(std::string_view field) const;

 private:
  friend std::vector<DocumentMarks> MarkYaml(std::string_view text);
  struct Entry {
    std::string field;
    Mark mark;
  };
  std::vector<Entry> entries_;  // sorted by field
  Mark start_;
};

// Of the documents of a text, in the order of ParseYamlAsJson; none when the text is wrong.
[[nodiscard]] std::vector<DocumentMarks> MarkYaml(std::string_view text);

}  // namespace ballast::api
