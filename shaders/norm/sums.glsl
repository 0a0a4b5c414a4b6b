// Two sums for each channel, (of dy h, of dy), side by side: f32 [..., channels, 2].

vec2 loadSums(uint64_t sums, uint channel) {
  return uintBitsToFloat(unpack32(WideArray(sums).at[channel]));
}

void storeSumsOfChannel(uint64_t sums, uint channel, float h, float z) {
  WideArray(sums).at[channel] = pack64(floatBitsToUint(vec2(h, z)));
}

// Of all the channels of a Value, whose index is `i`.
#ifdef PAIRS
void storeSums(uint64_t sums, uint i, vec2 h, vec2 z) {
  storeSumsOfChannel(sums, 2 * i, h.x, z.x);
  storeSumsOfChannel(sums, 2 * i + 1, h.y, z.y);
}
#else
void storeSums(uint64_t sums, uint i, float h, float z) { storeSumsOfChannel(sums, i, h, z); }
#endif
