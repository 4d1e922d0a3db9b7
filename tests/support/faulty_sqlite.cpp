#include "support/faulty_sqlite.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace undrop::test::faulty_sqlite {
namespace {

enum class Call { open, read, write, truncate, sync, size, lock, remove, memory };

struct Armed {
    bool on = false;
    Kind kind = Kind::io;
    int at = 0;
    int calls = 0;
    bool failed = false;
};
Armed armed;

bool is_of(Kind kind, Call call) {
    bool const writes = call == Call::write || call == Call::truncate || call == Call::sync || call == Call::remove;
    switch (kind) {
        case Kind::io:
        case Kind::disk_gone:
            return call != Call::memory;
        case Kind::disk_full:
            return call == Call::write || call == Call::truncate;
        case Kind::busy:
            return call == Call::lock;
        case Kind::done_and_failed:
            return writes;
        default:
            return call == Call::memory;
    }
}

bool fails(Call call) {
    if (!armed.on || !is_of(armed.kind, call)) return false;
    ++armed.calls;
    bool const lasts = armed.kind == Kind::disk_gone || armed.kind == Kind::disk_full || armed.kind == Kind::memory_gone;
    bool const now = armed.calls == armed.at || (lasts && armed.calls > armed.at);
    armed.failed = armed.failed || now;
    return now;
}

// `work`, or its failure.
template <class Work>
int call(Call which, int error, Work&& work) {
    if (!fails(which)) return work();
    if (armed.kind == Kind::busy) return SQLITE_BUSY;
    if (armed.kind == Kind::disk_full) return SQLITE_FULL;
    if (armed.kind == Kind::done_and_failed) (void)work();
    return error;
}

// -- A file: the system's own comes right behind it in memory.

struct File {
    sqlite3_file base;
    sqlite3_file* real;
};

sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs vfs{};

sqlite3_file* real_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }
sqlite3_io_methods const& of(sqlite3_file* file) { return *real_of(file)->pMethods; }

int close_file(sqlite3_file* file) { return of(file).xClose(real_of(file)); }
int read_file(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
    return call(Call::read, SQLITE_IOERR_READ, [&] { return of(file).xRead(real_of(file), to, count, at); });
}
int write_file(sqlite3_file* file, void const* from, int count, sqlite3_int64 at) {
    return call(Call::write, SQLITE_IOERR_WRITE, [&] { return of(file).xWrite(real_of(file), from, count, at); });
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
    return call(Call::truncate, SQLITE_IOERR_TRUNCATE, [&] { return of(file).xTruncate(real_of(file), size); });
}
int sync_file(sqlite3_file* file, int flags) {
    return call(Call::sync, SQLITE_IOERR_FSYNC, [&] { return of(file).xSync(real_of(file), flags); });
}
int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
    return call(Call::size, SQLITE_IOERR_FSTAT, [&] { return of(file).xFileSize(real_of(file), size); });
}
int lock_file(sqlite3_file* file, int level) {
    return call(Call::lock, SQLITE_IOERR_LOCK, [&] { return of(file).xLock(real_of(file), level); });
}
int unlock_file(sqlite3_file* file, int level) { return of(file).xUnlock(real_of(file), level); }
int reserved(sqlite3_file* file, int* result) { return of(file).xCheckReservedLock(real_of(file), result); }
int control(sqlite3_file* file, int what, void* argument) { return of(file).xFileControl(real_of(file), what, argument); }
int sector(sqlite3_file* file) { return of(file).xSectorSize(real_of(file)); }
int device(sqlite3_file* file) { return of(file).xDeviceCharacteristics(real_of(file)); }
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** to) {
    return call(Call::read, SQLITE_IOERR_SHMMAP, [&] { return of(file).xShmMap(real_of(file), page, size, extend, to); });
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    auto const work = [&] { return of(file).xShmLock(real_of(file), offset, count, flags); };
    return (flags & SQLITE_SHM_UNLOCK) != 0 ? work() : call(Call::lock, SQLITE_IOERR_SHMLOCK, work);
}
void shm_barrier(sqlite3_file* file) { of(file).xShmBarrier(real_of(file)); }
int shm_unmap(sqlite3_file* file, int remove) { return of(file).xShmUnmap(real_of(file), remove); }

sqlite3_io_methods const methods{.iVersion = 2,
                                 .xClose = close_file,
                                 .xRead = read_file,
                                 .xWrite = write_file,
                                 .xTruncate = truncate_file,
                                 .xSync = sync_file,
                                 .xFileSize = size_of_file,
                                 .xLock = lock_file,
                                 .xUnlock = unlock_file,
                                 .xCheckReservedLock = reserved,
                                 .xFileControl = control,
                                 .xSectorSize = sector,
                                 .xDeviceCharacteristics = device,
                                 .xShmMap = shm_map,
                                 .xShmLock = shm_lock,
                                 .xShmBarrier = shm_barrier,
                                 .xShmUnmap = shm_unmap,
                                 .xFetch = nullptr,
                                 .xUnfetch = nullptr};

int open_file(sqlite3_vfs*, char const* name, sqlite3_file* file, int flags, int* out) {
    auto& opened = *new (file) File{};
    opened.real = reinterpret_cast<sqlite3_file*>(&opened + 1);
    opened.real->pMethods = nullptr;
    auto const result = call(Call::open, SQLITE_CANTOPEN, [&] { return real_vfs->xOpen(real_vfs, name, opened.real, flags, out); });
    opened.base.pMethods = opened.real->pMethods != nullptr ? &methods : nullptr;
    return result;
}

int remove_file(sqlite3_vfs*, char const* name, int sync) {
    return call(Call::remove, SQLITE_IOERR_DELETE, [&] { return real_vfs->xDelete(real_vfs, name, sync); });
}

int access_file(sqlite3_vfs*, char const* name, int flags, int* result) { return real_vfs->xAccess(real_vfs, name, flags, result); }
int full_path(sqlite3_vfs*, char const* name, int count, char* out) { return real_vfs->xFullPathname(real_vfs, name, count, out); }

// -- Memory

sqlite3_mem_methods real_memory{};

void* allocate(int size) { return fails(Call::memory) ? nullptr : real_memory.xMalloc(size); }
void* reallocate(void* old, int size) { return fails(Call::memory) ? nullptr : real_memory.xRealloc(old, size); }

}  // namespace

void install() {
    if (real_vfs != nullptr) return;
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    auto memory = real_memory;
    memory.xMalloc = allocate;
    memory.xRealloc = reallocate;
    // Without lookaside each allocation is one that can fail.
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK || sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
        throw std::runtime_error("SQLite is in use already");
    real_vfs = sqlite3_vfs_find(nullptr);
    vfs = *real_vfs;
    vfs.szOsFile = static_cast<int>(sizeof(File)) + real_vfs->szOsFile;
    vfs.zName = "faulty";
    vfs.pNext = nullptr;
    vfs.xOpen = open_file;
    vfs.xDelete = remove_file;
    vfs.xAccess = access_file;
    vfs.xFullPathname = full_path;
    sqlite3_vfs_register(&vfs, 1);
}

void arm(Kind kind, int n) { armed = {.on = true, .kind = kind, .at = n}; }
bool disarm() {
    armed.on = false;
    return armed.failed;
}
int calls() { return armed.calls; }

}  // namespace undrop::test::faulty_sqlite
