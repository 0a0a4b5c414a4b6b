// libjpeg's default error handler ends the process, and its documented replacement is longjmp, which
// Swift frames must not be jumped over: these functions catch every error on the C side.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CJPEG_MESSAGE_SIZE = 200 };

/// What the header of a JPEG says. `channels` is of the decoded pixels: 3 (RGB) or 4 (CMYK as
/// stored, which by Adobe's convention is inverted).
typedef struct {
  uint32_t width, height;
  uint32_t channels;
} CJPEGHeader;

/// Reads the header. Returns 0, or 1 with `message` filled.
int cjpeg_header(const uint8_t *bytes, size_t length, CJPEGHeader *header, char *message);

/// Decodes to packed rows of `channels` bytes a pixel, as `cjpeg_header` says. Data that ends early
/// or is corrupt, which libjpeg fills with grey and a warning, is an error here.
/// Returns 0, or 1 with `message` filled.
int cjpeg_decode(const uint8_t *bytes, size_t length, uint8_t *pixels, char *message);
