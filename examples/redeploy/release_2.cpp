#include <undrop_migrations/shop_2.hpp>

#include "shop.hpp"

int main() { return start("shop 2", undrop_migrations::shop_2::files()); }
