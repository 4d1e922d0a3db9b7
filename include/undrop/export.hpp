// What a shared build of undrop shows; everything else is hidden. The build defines UNDROP_STATIC for a static library.
#pragma once

#if defined(UNDROP_STATIC)
#define UNDROP_EXPORT
#elif defined(_WIN32)
#ifdef UNDROP_BUILDING
#define UNDROP_EXPORT __declspec(dllexport)
#else
#define UNDROP_EXPORT __declspec(dllimport)
#endif
#else
#define UNDROP_EXPORT __attribute__((visibility("default")))
#endif
