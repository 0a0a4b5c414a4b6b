// Philox 4x32 with 10 rounds (Salmon et al., SC 2011). Meaning: Graph/Philox.swift
#ifndef RANDOM_PHILOX_GLSL
#define RANDOM_PHILOX_GLSL

uvec4 philox(uvec2 key, uvec4 c) {
  for (uint round = 0; round < 10; round++) {
    uint aHigh, aLow, bHigh, bLow;
    umulExtended(c.x, 0xd2511f53u, aHigh, aLow);
    umulExtended(c.z, 0xcd9e8d57u, bHigh, bLow);
    c = uvec4(bHigh ^ c.y ^ key.x, bLow, aHigh ^ c.w ^ key.y, aLow);
    key += uvec2(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

#endif
