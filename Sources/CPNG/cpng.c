#include "CPNG.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// Both directions keep their state here, so that no local variable lives across a longjmp.
typedef struct {
  const uint8_t *input;
  size_t inputLength, position;
  uint8_t *output;
  size_t outputLength, outputCapacity;
  char *message;
  png_structp png;
  png_infop info;
  png_bytepp rows;
  png_textp texts;
} State;

static void fail(png_structp png, png_const_charp text) {
  State *state = png_get_error_ptr(png);
  strncpy(state->message, text, CPNG_MESSAGE_SIZE - 1);
  state->message[CPNG_MESSAGE_SIZE - 1] = 0;
  longjmp(png_jmpbuf(png), 1);
}

// libpng's warnings concern ancillary chunks (colour profiles, times); the pixels are whole.
static void ignore_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep out, png_size_t count) {
  State *state = png_get_io_ptr(png);
  if (count > state->inputLength - state->position) png_error(png, "the file ends too early");
  memcpy(out, state->input + state->position, count);
  state->position += count;
}

static void write_bytes(png_structp png, png_bytep bytes, png_size_t count) {
  State *state = png_get_io_ptr(png);
  if (count > state->outputCapacity - state->outputLength) {
    size_t capacity = 2 * state->outputCapacity + count + 4096;
    uint8_t *grown = realloc(state->output, capacity);
    if (!grown) png_error(png, "out of memory");
    state->output = grown;
    state->outputCapacity = capacity;
  }
  memcpy(state->output + state->outputLength, bytes, count);
  state->outputLength += count;
}

static void flush_nothing(png_structp png) { (void)png; }

static int out_of_memory(State *state) {
  strcpy(state->message, "out of memory");
  return 1;
}

static int start_reading(State *state) {
  state->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, state, fail, ignore_warning);
  if (!state->png) return out_of_memory(state);
  state->info = png_create_info_struct(state->png);
  if (!state->info) return out_of_memory(state);
  return 0;
}

static void stop_reading(State *state) {
  if (state->png) png_destroy_read_struct(&state->png, &state->info, NULL);
  free(state->rows);
}

static void read_header(State *state, CPNGHeader *header) {
  png_set_read_fn(state->png, state, read_bytes);
  png_read_info(state->png, state->info);
  header->width = png_get_image_width(state->png, state->info);
  header->height = png_get_image_height(state->png, state->info);
  header->bits = png_get_bit_depth(state->png, state->info) == 16 ? 16 : 8;
}

int cpng_header(const uint8_t *bytes, size_t length, CPNGHeader *header, char *message) {
  State state = {.input = bytes, .inputLength = length, .message = message};
  int failed = start_reading(&state);
  if (!failed) {
    failed = setjmp(png_jmpbuf(state.png)) != 0;
    if (!failed) read_header(&state, header);
  }
  stop_reading(&state);
  return failed;
}

static void read_pixels(State *state, uint8_t *pixels) {
  CPNGHeader header;
  read_header(state, &header);
  png_structp png = state->png;
  png_set_expand(png);  // palette to RGB, grey to at least 8 bits, tRNS to alpha
  png_set_gray_to_rgb(png);
  png_set_add_alpha(png, 0xffff, PNG_FILLER_AFTER);
  const uint16_t one = 1;
  if (header.bits == 16 && *(const uint8_t *)&one == 1) png_set_swap(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, state->info);
  size_t stride = (size_t)header.width * 4 * (header.bits / 8);
  if (png_get_rowbytes(png, state->info) != stride) png_error(png, "unexpected row size");
  state->rows = malloc(header.height * sizeof(png_bytep));
  if (!state->rows) png_error(png, "out of memory");
  for (size_t y = 0; y < header.height; y++) state->rows[y] = pixels + y * stride;
  png_read_image(png, state->rows);
  png_read_end(png, NULL);  // checks the last data chunk's CRC and that the file has an end
}

int cpng_decode(const uint8_t *bytes, size_t length, void *pixels, char *message) {
  State state = {.input = bytes, .inputLength = length, .message = message};
  int failed = start_reading(&state);
  if (!failed) {
    failed = setjmp(png_jmpbuf(state.png)) != 0;
    if (!failed) read_pixels(&state, pixels);
  }
  stop_reading(&state);
  return failed;
}

static void write_all(State *state, const uint8_t *rgb, uint32_t width, uint32_t height,
                      const CPNGText *texts, size_t textCount) {
  png_structp png = state->png;
  png_set_write_fn(png, state, write_bytes, flush_nothing);
  png_set_IHDR(png, state->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  state->texts = calloc(textCount + 1, sizeof(png_text));
  if (!state->texts) png_error(png, "out of memory");
  for (size_t i = 0; i < textCount; i++) {
    state->texts[i].compression =
        texts[i].isUTF8 ? PNG_ITXT_COMPRESSION_NONE : PNG_TEXT_COMPRESSION_NONE;
    state->texts[i].key = texts[i].key;
    state->texts[i].text = texts[i].text;
  }
  if (textCount) png_set_text(png, state->info, state->texts, (int)textCount);
  png_write_info(png, state->info);
  for (size_t y = 0; y < height; y++) png_write_row(png, rgb + y * width * 3);
  png_write_end(png, NULL);
}

int cpng_encode(const uint8_t *rgb, uint32_t width, uint32_t height, const CPNGText *texts,
                size_t textCount, uint8_t **output, size_t *outputLength, char *message) {
  State state = {.message = message};
  int failed = 1;
  state.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state, fail, ignore_warning);
  if (state.png) state.info = png_create_info_struct(state.png);
  if (!state.info) {
    out_of_memory(&state);
  } else {
    failed = setjmp(png_jmpbuf(state.png)) != 0;
    if (!failed) write_all(&state, rgb, width, height, texts, textCount);
  }
  if (state.png) png_destroy_write_struct(&state.png, &state.info);
  free(state.texts);
  if (failed) {
    free(state.output);
  } else {
    *output = state.output;
    *outputLength = state.outputLength;
  }
  return failed;
}
