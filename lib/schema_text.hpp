// How a schema is written as a script that can be read again.
//
//     -- undrop schema 1, PostgreSQL
//     -- fingerprint sha256:...
//     SET ...;
//
//     -- object ["table","public","t"] 1
//     CREATE TABLE public.t ();
//
//     -- unknown "cast (a AS b)"
//
// Behind an object's name is the number of its lines: what a function's body says is no comment of ours.
#pragma once

#include <string>
#include <string_view>

#include <undrop/schema.hpp>

namespace undrop {

// As fingerprints and comparisons take it: rights are a set, and in which order they were granted means nothing.
[[nodiscard]] std::string compared(SchemaObject const& object);

// Leaves out what is not meant.
void keep_parts(Schema& schema, SchemaParts const& parts);

}  // namespace undrop
