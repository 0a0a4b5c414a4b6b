#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

typedef struct {
  struct jpeg_error_mgr manager;  // first: libjpeg hands back a pointer to it
  jmp_buf escape;
  char *message;
  int isDecoding;
} ErrorState;

static void fail(j_common_ptr codec) {
  ErrorState *state = (ErrorState *)codec->err;
  char text[JMSG_LENGTH_MAX];
  state->manager.format_message(codec, text);
  snprintf(state->message, CJPEG_MESSAGE_SIZE, "%s", text);
  longjmp(state->escape, 1);
}

// Warnings after which every pixel is still what the file says.
static int is_harmless(const ErrorState *state) {
  switch (state->manager.msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_PROGRESSION:
      return 1;
    case JWRN_EXTRANEOUS_DATA:  // padding between headers or before the end marker: some cameras
      return !state->isDecoding || state->manager.msg_parm.i[1] == 0xd9;
    default:
      return 0;
  }
}

static void emit(j_common_ptr codec, int level) {
  if (level < 0 && !is_harmless((ErrorState *)codec->err)) fail(codec);
}

static void start(struct jpeg_decompress_struct *codec, ErrorState *state, char *message) {
  memset(codec, 0, sizeof(*codec));
  codec->err = jpeg_std_error(&state->manager);
  state->manager.error_exit = fail;
  state->manager.emit_message = emit;
  state->message = message;
  state->isDecoding = 0;
}

static void read_header(struct jpeg_decompress_struct *codec, const uint8_t *bytes, size_t length,
                        CJPEGHeader *header) {
  jpeg_create_decompress(codec);
  jpeg_mem_src(codec, bytes, length);
  jpeg_read_header(codec, TRUE);
  int isCMYK = codec->jpeg_color_space == JCS_CMYK || codec->jpeg_color_space == JCS_YCCK;
  codec->out_color_space = isCMYK ? JCS_CMYK : JCS_RGB;
  header->width = codec->image_width;
  header->height = codec->image_height;
  header->channels = isCMYK ? 4 : 3;
}

int cjpeg_header(const uint8_t *bytes, size_t length, CJPEGHeader *header, char *message) {
  struct jpeg_decompress_struct codec;
  ErrorState state;
  start(&codec, &state, message);
  int failed = setjmp(state.escape) != 0;
  if (!failed) read_header(&codec, bytes, length, header);
  jpeg_destroy_decompress(&codec);
  return failed;
}

static void read_pixels(struct jpeg_decompress_struct *codec, ErrorState *state,
                        const uint8_t *bytes, size_t length, uint8_t *pixels) {
  CJPEGHeader header;
  read_header(codec, bytes, length, &header);
  state->isDecoding = 1;
  jpeg_start_decompress(codec);
  size_t stride = (size_t)header.width * header.channels;
  while (codec->output_scanline < codec->output_height) {
    JSAMPROW row = pixels + codec->output_scanline * stride;
    jpeg_read_scanlines(codec, &row, 1);
  }
  jpeg_finish_decompress(codec);
}

int cjpeg_decode(const uint8_t *bytes, size_t length, uint8_t *pixels, char *message) {
  struct jpeg_decompress_struct codec;
  ErrorState state;
  start(&codec, &state, message);
  int failed = setjmp(state.escape) != 0;
  if (!failed) read_pixels(&codec, &state, bytes, length, pixels);
  jpeg_destroy_decompress(&codec);
  return failed;
}
