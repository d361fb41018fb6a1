/* The inner loop of cinemagraphs, compiled to WebAssembly with SIMD128: one frame out of one still.
 *
 * Knows pixels and a coarse grid of what happens to them; nothing of water, leaves or time. No
 * allocator and no state but a constant table: feedsmith/film/loop.py lays out the memory and passes
 * offsets. Integers and IEEE single precision in a fixed order: every machine computes the same bytes.
 *
 *   still   RGBX, 8 bit, signed (value - 128), `rim` pixels of margin on all sides, rows of `stride`
 *           pixels; points at the pixel (0, 0)
 *   soft    the still blurred, same layout; may be null where nothing is blended
 *   grid    nodes every 4 pixels, 8 floats each: dxA dyA dxB dyB (pixels to look away), weights of
 *           A and B, gain (0 = as it is), veil (share of the veil's colour)
 *   mask    (h, w) 0..255: how much of what is computed replaces the still; 0 is not touched
 *   out     RGB, (h, w, 3)
 */
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) name
#define CELL 4
#define LANES 8
#define WARPED 1
#define BLENDED 2
#define SHADED 4

/* Catmull-Rom, a = -1/2, by 64 steps of a pixel, weights of 128; rows sum to 128 exactly. */
static int16_t taps[64][4];
static int ready;

static void prepare(void) {
  for (int i = 0; i < 64; i++) {
    float t = (float)i / 64.f, t2 = t * t, t3 = t2 * t;
    float w0 = -0.5f * t + t2 - 0.5f * t3, w2 = 0.5f * t + 2.f * t2 - 1.5f * t3;
    float w3 = -0.5f * t2 + 0.5f * t3;
    int a = -(int)(0.5f - 128.f * w0), c = (int)(128.f * w2 + 0.5f), d = -(int)(0.5f - 128.f * w3);
    taps[i][0] = (int16_t)a, taps[i][2] = (int16_t)c, taps[i][3] = (int16_t)d;
    taps[i][1] = (int16_t)(128 - a - c - d);
  }
  ready = 1;
}

static inline int inside(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

/* The still at (x, y) in 64ths of a pixel: four floats, -128..127 and a little beyond. */
static inline v128_t look(const int8_t *still, int stride, int w, int h, int rim, int x, int y) {
  int ix = inside((x >> 6) - 1, -rim, w + rim - 4), iy = inside((y >> 6) - 1, -rim, h + rim - 4);
  const int16_t *tx = taps[x & 63], *ty = taps[y & 63];
  const int8_t *p = still + 4 * ((long)iy * stride + ix);
  v128_t low = wasm_i16x8_splat(0), high = low;
  for (int j = 0; j < 4; j++, p += 4 * stride) {
    v128_t row = wasm_v128_load(p), t = wasm_i16x8_splat(ty[j]);
    low = wasm_i16x8_add(low, wasm_i16x8_mul(wasm_i16x8_extend_low_i8x16(row), t));
    high = wasm_i16x8_add(high, wasm_i16x8_mul(wasm_i16x8_extend_high_i8x16(row), t));
  }
  low = wasm_i16x8_shuffle(low, low, 0, 4, 1, 5, 2, 6, 3, 7);
  high = wasm_i16x8_shuffle(high, high, 0, 4, 1, 5, 2, 6, 3, 7);
  v128_t ta = wasm_i32x4_splat((uint16_t)tx[0] | (int32_t)tx[1] << 16);
  v128_t tb = wasm_i32x4_splat((uint16_t)tx[2] | (int32_t)tx[3] << 16);
  v128_t sum = wasm_i32x4_add(wasm_i32x4_dot_i16x8(low, ta), wasm_i32x4_dot_i16x8(high, tb));
  return wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), wasm_f32x4_splat(1.f / 16384.f));
}

static inline v128_t pixel(const int8_t *at) {
  v128_t four = wasm_v128_load32_zero(at);
  return wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(four)));
}

static inline v128_t mixed(v128_t a, v128_t b, float t) {
  return wasm_f32x4_add(a, wasm_f32x4_mul(wasm_f32x4_sub(b, a), wasm_f32x4_splat(t)));
}

/* Writes the pixels of the box (x0, y0)..(x1, y1) where mask is not 0. */
void EXPORT(frame)(const int8_t *still, const int8_t *soft, int stride, int w, int h, int rim,
                   const float *grid, int gw, float *row, const uint8_t *mask, uint8_t *out, int x0,
                   int y0, int x1, int y1, int flags, float red, float green, float blue) {
  if (!ready) prepare();
  const v128_t veil = wasm_f32x4_make(red - 128.f, green - 128.f, blue - 128.f, 0.f);
  const v128_t zero = wasm_f32x4_splat(128.f);
  for (int y = y0; y < y1; y++) {
    const float *g = grid + (long)(y / CELL) * gw * LANES;
    const float down = (float)(y % CELL) / CELL;
    for (int i = 4 * 2 * (x0 / CELL); i < 4 * 2 * ((x1 - 1) / CELL + 2); i += 4)
      wasm_v128_store(row + i,
                      mixed(wasm_v128_load(g + i), wasm_v128_load(g + (long)gw * LANES + i), down));
    const uint8_t *m = mask + (long)y * w;
    for (int x = x0; x < x1; x++) {
      if (!m[x]) continue;
      const float *r = row + LANES * (x / CELL);
      const float across = (float)(x % CELL) / CELL;
      v128_t way = mixed(wasm_v128_load(r), wasm_v128_load(r + 8), across);
      v128_t rest = mixed(wasm_v128_load(r + 4), wasm_v128_load(r + 12), across);
      const long here = 4 * ((long)y * stride + x);
      v128_t base = pixel(still + here), v = base;
      if (flags & WARPED) {
        v128_t at = wasm_i32x4_trunc_sat_f32x4(
            wasm_f32x4_floor(wasm_f32x4_add(wasm_f32x4_mul(way, wasm_f32x4_splat(64.f)), wasm_f32x4_splat(0.5f))));
        v = look(still, stride, w, h, rim, 64 * x + wasm_i32x4_extract_lane(at, 0),
                 64 * y + wasm_i32x4_extract_lane(at, 1));
        if (flags & BLENDED) {
          v128_t other = look(still, stride, w, h, rim, 64 * x + wasm_i32x4_extract_lane(at, 2),
                              64 * y + wasm_i32x4_extract_lane(at, 3));
          v128_t mean = pixel(soft + here);
          v128_t a = wasm_f32x4_mul(wasm_f32x4_sub(v, mean), wasm_i32x4_shuffle(rest, rest, 0, 0, 0, 0));
          v128_t b = wasm_f32x4_mul(wasm_f32x4_sub(other, mean), wasm_i32x4_shuffle(rest, rest, 1, 1, 1, 1));
          v = wasm_f32x4_add(mean, wasm_f32x4_add(a, b));
        }
      }
      if (flags & SHADED) {
        v128_t gain = wasm_i32x4_shuffle(rest, rest, 2, 2, 2, 2);
        v = wasm_f32x4_add(v, wasm_f32x4_mul(wasm_f32x4_add(v, zero), gain));
        v = mixed(v, veil, wasm_f32x4_extract_lane(rest, 3));
      }
      v = mixed(base, v, (float)m[x] * (1.f / 255.f));
      v128_t whole = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_floor(wasm_f32x4_add(v, wasm_f32x4_splat(128.5f))));
      v128_t bytes = wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(whole, whole), whole);
      uint8_t *o = out + 3 * ((long)y * w + x);
      uint32_t rgb = (uint32_t)wasm_i32x4_extract_lane(bytes, 0);
      o[0] = (uint8_t)rgb, o[1] = (uint8_t)(rgb >> 8), o[2] = (uint8_t)(rgb >> 16);
    }
  }
}
