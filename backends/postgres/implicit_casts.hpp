// ImplicitCasts: what pg_get_viewdef and its kin write of a cast that nobody wrote. Pure; any thread.
#pragma once

#include <string>

namespace undrop::postgres {

// A statement whose definition, once made, has the same text again. PostgreSQL writes `v IN ('a', 'b')` of a varchar as
// `(v)::text = ANY ((ARRAY['a'::character varying, ...])::text[])`, and `n = ANY (ARRAY[1, 2])` of a number or `coalesce(l, array['a'])` of
// varchars alike, and reads that as a cast of each element, which it writes otherwise: a cast that somebody wrote around ARRAY[...] is
// never written so. Without it the statement reads as it once did.
[[nodiscard]] std::string without_implicit_casts(std::string definition);

}  // namespace undrop::postgres
