#include <undrop_migrations/shop_1.hpp>

#include "shop.hpp"

int main() { return start("shop 1", undrop_migrations::shop_1::files()); }
