// SQLite with a disk and a memory that fail at a certain call: a VFS over the system's own, which every connection of the process uses, and
// SQLite's allocator. One thread at a time.
#pragma once

namespace undrop::test::faulty_sqlite {

enum class Kind {
    io,               // one operation on a file fails
    disk_gone,        // one fails, and each that follows
    disk_full,        // one that writes finds no room, and each that follows
    busy,             // a lock of a file is another's, once
    done_and_failed,  // one that writes, syncs or deletes does its work and says that it failed
    no_memory,        // an allocation fails
    memory_gone       // one fails, and each that follows
};

// Before SQLite is used by the process.
void install();
void arm(Kind kind, int n);   // the n-th call of that kind from now on fails
[[nodiscard]] bool disarm();  // did one fail since arm()?
[[nodiscard]] int calls();    // of that kind, since arm()

}  // namespace undrop::test::faulty_sqlite
