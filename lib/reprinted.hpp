// Reprinted: what was made by its text, and is printed otherwise by the database, since what it names is another one by now.
#pragma once

#include <set>

#include "catalog.hpp"
#include "ledger.hpp"
#include "mend.hpp"

namespace undrop {

// Of what was made by its wanted text within this step: others' objects, which stepped aside, are meant as they are printed now (with a
// cast more or less, where a column they name has its other type back); and so is what only names its columns in another order, which
// is that of the table. `recorded`: by the step that is taken back.
void want_as_printed(Wanted& wanted, std::set<ObjectId> const& made, Catalog const& now, std::vector<Recorded> const& recorded);

}  // namespace undrop
