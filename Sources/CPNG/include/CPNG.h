// libpng reports errors with longjmp, which Swift frames must not be jumped over: these functions
// catch every error on the C side and return a message instead.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CPNG_MESSAGE_SIZE = 160 };

/// What the header of a PNG says. `bits` is 8 or 16: of the decoded samples, not of the file's.
typedef struct {
  uint32_t width, height;
  uint32_t bits;
} CPNGHeader;

/// Reads the header. Returns 0, or 1 with `message` filled.
int cpng_header(const uint8_t *bytes, size_t length, CPNGHeader *header, char *message);

/// Decodes to RGBA, rows packed, in native byte order: `pixels` holds width * height * 4 samples of
/// `bits` bits, as `cpng_header` says. No gamma is applied. Returns 0, or 1 with `message` filled.
int cpng_decode(const uint8_t *bytes, size_t length, void *pixels, char *message);

/// A text chunk: iTXt if `isUTF8`, else tEXt (Latin-1). `key` and `text` end with a zero.
typedef struct {
  char *key;
  char *text;
  int isUTF8;
} CPNGText;

/// Encodes packed 8-bit RGB rows. On success returns 0 and a block in `*output`, to be freed with
/// `free`, of `*outputLength` bytes; else 1 with `message` filled.
int cpng_encode(const uint8_t *rgb, uint32_t width, uint32_t height, const CPNGText *texts,
                size_t textCount, uint8_t **output, size_t *outputLength, char *message);
