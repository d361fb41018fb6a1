/* The inner loops of picture synthesis, compiled to WebAssembly with SIMD128.
 *
 * Knows patches, fields and planes of numbers; nothing of files, brands or schedules. There is no
 * allocator and no global state: the caller (feedsmith/images/kernel.py) lays out the memory and
 * passes offsets. Patch distances are exact integers and the float steps are plain IEEE single
 * precision in a fixed order (no relaxed SIMD), so every machine computes the same bytes.
 *
 * Words used throughout:
 *   picture   RGB, 8 bit, packed (h, w, 3), at least 16 readable bytes after its end
 *   patch     7 x 7 pixels, named by its top left pixel (its origin)
 *   field     for every patch of the picture (h-6, w-6) the origin of its match in the source,
 *             packed as y << 16 | x
 *   grid      the origins a source offers: (h-7, w-7). One less than would fit, so that forward
 *             differences at a patch's last row and column are always inside the source
 *   plane     float (h, w) with a rim: rows of `stride` floats, 4 floats to the left, at least one
 *             to the right, one row above and one below. The rim stays 0
 */
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) name
#define PATCH 7
#define EDGE 6 /* PATCH - 1: pictures have this many patches fewer than pixels, each way */
#define FAR 1e30f

static inline uint32_t next(uint32_t *state) { /* xorshift32, Marsaglia 2003 */
  uint32_t s = *state;
  s ^= s << 13;
  s ^= s >> 17;
  s ^= s << 5;
  return *state = s;
}

static inline uint32_t seeded(uint32_t seed, uint32_t row) {
  uint32_t s = seed * 2654435761u + row * 2246822519u + 374761393u;
  s ^= s >> 15;
  s *= 2246822519u;
  s ^= s >> 13;
  return s ? s : 1;
}

static inline uint32_t below(uint32_t *state, uint32_t n) { /* 0 .. n-1, n < 2^20 */
  return (uint32_t)(((uint64_t)next(state) * n) >> 32);
}

/* exp(x) for x <= 0, relative error under 2e-5: enough for a weight, and the same everywhere. */
static inline float expneg(float x) {
  if (x < -80.f) return 0.f;
  float t = x * 1.44269504f;
  int n = (int)(t - 0.5f);
  float r = (t - (float)n) * 0.69314718f;
  float p = 1.f + r * (1.f + r * (0.5f + r * (0.16666667f + r * (0.041666668f + r * 0.0083333f))));
  union { uint32_t i; float f; } two = {(uint32_t)(n + 127) << 23};
  return p * two.f;
}

/* ---- distance ------------------------------------------------------------------------------ */

static inline v128_t square_sum(v128_t d) { /* sixteen |differences| -> four partial sums of squares */
  v128_t lo = wasm_u16x8_extend_low_u8x16(d), hi = wasm_u16x8_extend_high_u8x16(d);
  return wasm_i32x4_add(wasm_i32x4_dot_i16x8(lo, lo), wasm_i32x4_dot_i16x8(hi, hi));
}

static inline v128_t apart(v128_t a, v128_t b) { /* |a - b|, bytes */
  return wasm_v128_or(wasm_u8x16_sub_sat(a, b), wasm_u8x16_sub_sat(b, a));
}

static inline int total(v128_t s) {
  s = wasm_i32x4_add(s, wasm_i32x4_shuffle(s, s, 2, 3, 0, 1));
  s = wasm_i32x4_add(s, wasm_i32x4_shuffle(s, s, 1, 0, 3, 2));
  return wasm_i32x4_extract_lane(s, 0);
}

/* Two rows of 21 bytes: 16 each, then both tails of 5 in one register. */
static inline v128_t two_rows(const uint8_t *a, const uint8_t *a1, const uint8_t *b,
                              const uint8_t *b1) {
  const v128_t keep = wasm_i8x16_const(-1, -1, -1, -1, -1, 0, 0, 0, -1, -1, -1, -1, -1, 0, 0, 0);
  v128_t s = square_sum(apart(wasm_v128_load(a), wasm_v128_load(b)));
  s = wasm_i32x4_add(s, square_sum(apart(wasm_v128_load(a1), wasm_v128_load(b1))));
  v128_t ta = wasm_v128_load64_lane(a1 + 16, wasm_v128_load64_zero(a + 16), 1);
  v128_t tb = wasm_v128_load64_lane(b1 + 16, wasm_v128_load64_zero(b + 16), 1);
  return wasm_i32x4_add(s, square_sum(wasm_v128_and(apart(ta, tb), keep)));
}

/* Sum of squared differences of two patches; may stop early once it exceeds `limit`. */
static inline int ssd(const uint8_t *a, int as, const uint8_t *b, int bs, int limit) {
  v128_t s = two_rows(a + as, a + 5 * as, b + bs, b + 5 * bs);
  int t = total(s);
  if (t > limit) return t;
  s = wasm_i32x4_add(s, two_rows(a + 3 * as, a, b + 3 * bs, b));
  t = total(s);
  if (t > limit) return t;
  s = wasm_i32x4_add(s, two_rows(a + 2 * as, a + 4 * as, b + 2 * bs, b + 4 * bs));
  const v128_t keep = wasm_i8x16_const(-1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  a += 6 * as;
  b += 6 * bs;
  s = wasm_i32x4_add(s, square_sum(apart(wasm_v128_load(a), wasm_v128_load(b))));
  v128_t tail = apart(wasm_v128_load64_zero(a + 16), wasm_v128_load64_zero(b + 16));
  return total(wasm_i32x4_add(s, square_sum(wasm_v128_and(tail, keep))));
}

static inline int whole(float limit) { return limit > 2e9f ? 2000000000 : (int)limit; }

/* ---- nearest patches ------------------------------------------------------------------------ */

static inline float price(int count, float fair, float dislike) { /* a cell has 16 origins */
  float over = (float)count * 0.0625f - fair;
  return over > 0.f ? 1.f + dislike * over : 1.f;
}

/* PatchMatch (Barnes et al., SIGGRAPH 2009), in place, alternating scan directions.
 *
 * q (qh, qw) the picture; k (kh, kw) the source. weight (grid) multiplies a source patch's distance,
 * allowed (grid) is 0 where a patch may not be taken, skip (field) is 1 where the field is given and
 * stays; each may be null. place[grid row] and target[field row] are heights 0..1; the distance grows
 * by pull * (place - target)^2. A random candidate must beat `coherence` times the distance held.
 *
 * crowd (null, or room for a count per 4 x 4 cell of the grid) keeps the picture from saying the same
 * thing twice: a patch whose cell is used more than `fair` times over costs 1 + dislike for each use
 * too many (after the occurrence term of Kaspar et al., Eurographics 2015).
 */
void EXPORT(search)(const uint8_t *q, int qh, int qw, const uint8_t *k, int kh, int kw,
                    const float *weight, const uint8_t *allowed, const uint8_t *skip,
                    const float *place, const float *target, float pull, uint32_t *field,
                    float *dist, int sweeps, int radius, int tries, float coherence, int *crowd,
                    float fair, float dislike, uint32_t seed) {
  const int h = qh - EDGE, w = qw - EDGE, gh = kh - PATCH, gw = kw - PATCH, qs = 3 * qw, ks = 3 * kw;
  const int cells = (gw + 3) >> 2;
#define CELL(y, x) crowd[((y) >> 2) * cells + ((x) >> 2)]
#define COST(y, x, cy, cx, lim)                                                                   \
  float scale = weight ? weight[(size_t)(cy) * gw + (cx)] : 1.f;                                  \
  float off = place[cy] - target[y];                                                              \
  float extra = pull * off * off;                                                                 \
  float lim_ = (lim) / scale - extra;                                                             \
  float cost = FAR;                                                                               \
  if (lim_ > 0.f)                                                                                 \
    cost = ((float)ssd(q + (size_t)(y) * qs + 3 * (x), qs, k + (size_t)(cy) * ks + 3 * (cx), ks,  \
                       whole(lim_)) +                                                             \
            extra) *                                                                              \
           scale;

  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      uint32_t at = field[(size_t)y * w + x];
      int cy = at >> 16, cx = at & 0xffff;
      COST(y, x, cy, cx, FAR)
      dist[(size_t)y * w + x] = cost;
      if (crowd) CELL(cy, cx)++;
    }
  for (int sweep = 0; sweep < sweeps; sweep++) {
    const int d = sweep & 1 ? -1 : 1;
    for (int row = 0; row < h; row++) {
      const int y = d > 0 ? row : h - 1 - row;
      uint32_t state = seeded(seed + (uint32_t)sweep * 7919u, (uint32_t)y);
      for (int col = 0; col < w; col++) {
        const int x = d > 0 ? col : w - 1 - col;
        const size_t here = (size_t)y * w + x;
        if (skip && skip[here]) continue;
        float best = dist[here];
        int by = field[here] >> 16, bx = field[here] & 0xffff;
        const int oy = by, ox = bx;
        float toll = crowd ? price(CELL(by, bx), fair, dislike) : 1.f;
        for (int side = 0; side < 2; side++) {
          int ny = side ? y : y - d, nx = side ? x - d : x;
          if (ny < 0 || ny >= h || nx < 0 || nx >= w) continue;
          uint32_t at = field[(size_t)ny * w + nx];
          int cy = (int)(at >> 16) + (y - ny), cx = (int)(at & 0xffff) + (x - nx);
          if (cy < 0 || cy >= gh || cx < 0 || cx >= gw || (cy == by && cx == bx)) continue;
          if (allowed && !allowed[(size_t)cy * gw + cx]) continue;
          float its = crowd ? price(CELL(cy, cx), fair, dislike) : 1.f;
          float bar = best * toll / its;
          COST(y, x, cy, cx, bar)
          if (cost < bar) best = cost, toll = its, by = cy, bx = cx;
        }
        int r = radius;
        for (int n = 0; n < tries && r >= 1; n++, r >>= 1) {
          int cy = by - r + (int)below(&state, 2 * r + 1), cx = bx - r + (int)below(&state, 2 * r + 1);
          if (cy < 0 || cy >= gh || cx < 0 || cx >= gw) continue;
          if (allowed && !allowed[(size_t)cy * gw + cx]) continue;
          float its = crowd ? price(CELL(cy, cx), fair, dislike) : 1.f;
          float bar = best * coherence * toll / its;
          COST(y, x, cy, cx, bar)
          if (cost < bar) best = cost, toll = its, by = cy, bx = cx;
        }
        if (crowd) CELL(oy, ox)--, CELL(by, bx)++;
        dist[here] = best;
        field[here] = (uint32_t)by << 16 | (uint32_t)bx;
      }
    }
  }
}

/* Plain distances of a field, without weights or places. */
void EXPORT(measure)(const uint8_t *q, int qh, int qw, const uint8_t *k, int kw,
                     const uint32_t *field, float *dist) {
  const int h = qh - EDGE, w = qw - EDGE, qs = 3 * qw, ks = 3 * kw;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      uint32_t at = field[(size_t)y * w + x];
      dist[(size_t)y * w + x] =
          (float)ssd(q + (size_t)y * qs + 3 * x, qs,
                     k + (size_t)(at >> 16) * ks + 3 * (at & 0xffff), ks, 2000000000);
    }
}

static uint32_t any(uint32_t *state, int gh, int gw, const uint8_t *allowed) {
  uint32_t y = 0, x = 0;
  for (int n = 0; n < 64; n++) {
    y = below(state, gh), x = below(state, gw);
    if (!allowed || allowed[(size_t)y * gw + x]) return y << 16 | x;
  }
  for (size_t n = (size_t)gh * gw; n; n--) { /* a tiny allowed area: walk on to its next origin */
    if (++x == (uint32_t)gw) x = 0, y = y + 1 == (uint32_t)gh ? 0 : y + 1;
    if (allowed[(size_t)y * gw + x]) break;
  }
  return y << 16 | x;
}

/* A field (h, w) of random allowed origins. */
void EXPORT(scatter)(uint32_t *field, int h, int w, int gh, int gw, const uint8_t *allowed,
                     uint32_t seed) {
  for (int y = 0; y < h; y++) {
    uint32_t state = seeded(seed, (uint32_t)y);
    for (int x = 0; x < w; x++) field[(size_t)y * w + x] = any(&state, gh, gw, allowed);
  }
}

static inline int clamp(int v, int hi) { return v < 0 ? 0 : v > hi ? hi : v; }
static inline int nearest(float v) { return (int)(v + 1024.5f) - 1024; }

/* A field (oh, ow) carried to the next size (h, w); the source grows by ry, rx. */
void EXPORT(carry)(const uint32_t *old, int oh, int ow, uint32_t *field, int h, int w, float ry,
                   float rx, int gh, int gw, const uint8_t *allowed, uint32_t seed) {
  for (int y = 0; y < h; y++) {
    uint32_t state = seeded(seed, (uint32_t)y);
    float fy = ((float)y + 0.5f) * (float)oh / (float)h - 0.5f;
    int iy = clamp(nearest(fy), oh - 1);
    for (int x = 0; x < w; x++) {
      float fx = ((float)x + 0.5f) * (float)ow / (float)w - 0.5f;
      int ix = clamp(nearest(fx), ow - 1);
      uint32_t at = old[(size_t)iy * ow + ix];
      float sy = ((float)(at >> 16) + fy - (float)iy) * ry + (ry - 1.f) * 0.5f;
      float sx = ((float)(at & 0xffff) + fx - (float)ix) * rx + (rx - 1.f) * 0.5f;
      int cy = clamp(nearest(sy), gh - 1), cx = clamp(nearest(sx), gw - 1);
      if (allowed && !allowed[(size_t)cy * gw + cx])
        field[(size_t)y * w + x] = any(&state, gh, gw, allowed);
      else
        field[(size_t)y * w + x] = (uint32_t)cy << 16 | (uint32_t)cx;
    }
  }
}

/* ---- painting: votes or labels become a screened Poisson problem ----------------------------- */

static inline float lambda_at(const float *diag, int y, int x, int H, int W) {
  return *diag - (float)((y > 0) + (y < H - 1) + (x > 0) + (x < W - 1));
}

/* One finished row of colours and forward differences into u (first guess) and f (right hand side). */
static void settle(int y, int H, int W, int stride, size_t plane, const float *diag, const float *c,
                   const float *gx, const float *gy, const float *gy_above, float *u, float *f) {
  for (int x = 0; x < W; x++) {
    size_t at = (size_t)y * stride + x;
    float lambda = lambda_at(diag + at, y, x, H, W);
    for (int n = 0; n < 3; n++) {
      float g = 0.f;
      if (x < W - 1) g += gx[3 * x + n];
      if (x > 0) g -= gx[3 * x + n - 3];
      if (y < H - 1) g += gy[3 * x + n];
      if (y > 0) g -= gy_above[3 * x + n];
      u[n * plane + at] = c[3 * x + n];
      f[n * plane + at] = lambda * c[3 * x + n] - g;
    }
  }
}

/* Where two neighbours disagree by far more than the copied difference (a rock against a sky that
 * came from elsewhere), spreading the step over many pixels makes a halo. Such steps stay steps:
 * the wish g moves to the step c1 - c0 as the disagreement grows from `mild` to `stark` levels. */
static inline void keep_step(const float *c0, const float *c1, float *g, float mild, float stark) {
  float most = 0.f;
  for (int n = 0; n < 3; n++) {
    float d = c1[n] - c0[n] - g[n];
    d = d < 0.f ? -d : d;
    most = d > most ? d : most;
  }
  if (most <= mild) return;
  float t = most >= stark ? 1.f : (most - mild) / (stark - mild);
  for (int n = 0; n < 3; n++) g[n] += t * (c1[n] - c0[n] - g[n]);
}

/* A row against itself and the one below it: steps kept, except across the border of what is held. */
static void keep_steps(float *row, const float *below, const uint8_t *mask, int y, int H, int W,
                       float mild, float stark) {
  const uint8_t *m = mask ? mask + (size_t)y * W : 0;
  for (int x = 0; x < W; x++) {
    if (x + 1 < W && !(m && m[x] != m[x + 1]))
      keep_step(row + 3 * x, row + 3 * x + 3, row + 3 * (W + x), mild, stark);
    if (y + 1 < H && !(m && m[x] != m[x + W]))
      keep_step(row + 3 * x, below + 3 * x, row + 3 * (2 * W + x), mild, stark);
  }
}

/* Every patch votes for the colours and forward differences of its 49 pixels with weight
 * exp(-dist * falloff). room: 7 * (10 W + 40) + 21 W floats. */
void EXPORT(vote)(const uint8_t *a, int aw, const uint32_t *field, const float *dist, float falloff,
                  const uint8_t *mask, float mild, float stark, int H, int W, int stride,
                  size_t plane, const float *diag, float *u, float *f, float *room) {
  const int h = H - EDGE, w = W - EDGE, as = 3 * aw, line = 3 * W + 12, ring = 3 * line + W + 4;
  float *row = room + 7 * (size_t)ring, *below = row + 9 * (size_t)W, *gy_above = below + 9 * (size_t)W;
  for (size_t i = 0; i < 7 * (size_t)ring; i++) room[i] = 0.f;
  for (int y = 0; y < H; y++) {
    if (y < h)
      for (int x = 0; x < w; x++) {
        size_t at = (size_t)y * w + x;
        float wt = expneg(-dist[at] * falloff) + 1e-12f;
        const uint8_t *s = a + (size_t)(field[at] >> 16) * as + 3 * (field[at] & 0xffff);
        const v128_t all = wasm_f32x4_splat(wt), one = wasm_f32x4_make(wt, 0.f, 0.f, 0.f);
        for (int i = 0; i < PATCH; i++, s += as) {
          float *to = room + (size_t)((y + i) % PATCH) * ring;
          float *sum = to + 3 * line + x;
          wasm_v128_store(sum, wasm_f32x4_add(wasm_v128_load(sum), all));
          sum += 4;
          wasm_v128_store(sum, wasm_f32x4_add(wasm_v128_load(sum), wasm_f32x4_make(wt, wt, wt, 0.f)));
          to += 3 * x;
          for (int j = 0; j < 24; j += 8) {
            v128_t v = wasm_u16x8_load8x8(s + j);
            v128_t right = wasm_i16x8_sub(wasm_u16x8_load8x8(s + j + 3), v);
            v128_t down = wasm_i16x8_sub(wasm_u16x8_load8x8(s + j + as), v);
            const v128_t second = j == 16 ? one : all;
#define ADD(p, wide, by)                                                                          \
  wasm_v128_store(p, wasm_f32x4_add(wasm_v128_load(p),                                            \
                                    wasm_f32x4_mul(wasm_f32x4_convert_i32x4(wide), by)))
            ADD(to + j, wasm_i32x4_extend_low_i16x8(v), all);
            ADD(to + line + j, wasm_i32x4_extend_low_i16x8(right), all);
            ADD(to + 2 * line + j, wasm_i32x4_extend_low_i16x8(down), all);
            ADD(to + j + 4, wasm_i32x4_extend_high_i16x8(v), second);
            ADD(to + line + j + 4, wasm_i32x4_extend_high_i16x8(right), second);
            ADD(to + 2 * line + j + 4, wasm_i32x4_extend_high_i16x8(down), second);
          }
        }
      }
    float *from = room + (size_t)(y % PATCH) * ring;
    for (int x = 0; x < W; x++) {
      float inv = 1.f / from[3 * line + x];
      for (int n = 0; n < 3; n++)
        for (int part = 0; part < 3; part++)
          below[3 * (part * W + x) + n] = from[part * line + 3 * x + n] * inv;
    }
    for (int i = 0; i < ring; i++) from[i] = 0.f;
    if (y) {
      keep_steps(row, below, mask, y - 1, H, W, mild, stark);
      settle(y - 1, H, W, stride, plane, diag, row, row + 3 * W, row + 6 * W, gy_above, u, f);
      for (int i = 0; i < 3 * W; i++) gy_above[i] = row[6 * W + i];
    }
    float *swap = row; /* a row is settled once the next is known */
    row = below;
    below = swap;
  }
  keep_steps(row, below, mask, H - 1, H, W, mild, stark);
  settle(H - 1, H, W, stride, plane, diag, row, row + 3 * W, row + 6 * W, gy_above, u, f);
}

static void copy_row(const uint8_t *a, int as, const uint32_t *field, int y, int h, int W, float *to) {
  const int w = W - EDGE, fy = clamp(y - 3, h - 1);
  for (int x = 0; x < W; x++) {
    int fx = clamp(x - 3, w - 1);
    uint32_t at = field[(size_t)fy * w + fx];
    const uint8_t *s = a + (size_t)((at >> 16) + (y - fy)) * as + 3 * ((at & 0xffff) + (x - fx));
    for (int n = 0; n < 3; n++) {
      to[3 * x + n] = s[n];
      to[3 * (W + x) + n] = (float)s[n + 3] - (float)s[n];
      to[3 * (2 * W + x) + n] = (float)s[n + as] - (float)s[n];
    }
  }
}

/* Every pixel is copied, with its forward differences, from the one patch centred on it. Across the
 * border of what is held (mask, may be null) every step is melded. room: 21 W floats. */
void EXPORT(label)(const uint8_t *a, int aw, const uint32_t *field, const uint8_t *mask, float mild,
                   float stark, int H, int W, int stride, size_t plane, const float *diag, float *u,
                   float *f, float *room) {
  float *row = room, *below = room + 9 * (size_t)W, *gy_above = below + 9 * (size_t)W;
  copy_row(a, 3 * aw, field, 0, H - EDGE, W, row);
  for (int y = 0; y < H; y++) {
    if (y + 1 < H) copy_row(a, 3 * aw, field, y + 1, H - EDGE, W, below);
    keep_steps(row, below, mask, y, H, W, mild, stark);
    settle(y, H, W, stride, plane, diag, row, row + 3 * W, row + 6 * W, gy_above, u, f);
    for (int i = 0; i < 3 * W; i++) gy_above[i] = row[6 * W + i];
    float *swap = row;
    row = below;
    below = swap;
  }
}

#define REACH 4 /* half side of the window that says how rough a place is */

static void edges_row(const uint8_t *q, int y, int H, int W, float *to) { /* windowed along x */
  const uint8_t *p = q + 3 * (size_t)y * W, *b = y + 1 < H ? p + 3 * W : p;
#define GREY(p, x) ((int)(p)[3 * (x)] + 2 * (int)(p)[3 * (x) + 1] + (int)(p)[3 * (x) + 2])
#define STEEP(x)                                                                                  \
  ({                                                                                              \
    int g_ = GREY(p, x), r_ = (x) + 1 < W ? GREY(p, (x) + 1) - g_ : 0, d_ = GREY(b, x) - g_;       \
    (r_ < 0 ? -r_ : r_) + (d_ < 0 ? -d_ : d_);                                                    \
  })
  int sum = 0;
  for (int x = 0; x < REACH && x < W; x++) sum += STEEP(x);
  for (int x = 0; x < W; x++) {
    if (x + REACH < W) sum += STEEP(x + REACH);
    if (x > REACH) sum -= STEEP(x - REACH - 1);
    int n = (x < REACH ? x : REACH) + 1 + (W - 1 - x < REACH ? W - 1 - x : REACH);
    to[x] = (float)sum / (float)n;
  }
}

/* lambda (H, W) packed: `smooth` where the picture's mean step between neighbours is under `calm`
 * grey levels, `rough` where it is over `busy`, quadratic in between. room: 10 W floats. */
void EXPORT(adapt)(const uint8_t *q, int H, int W, float calm, float busy, float smooth, float rough,
                   float *lambda, float *room) {
  const int ring = 2 * REACH + 1;
  for (int y = 0; y < REACH && y < H; y++) edges_row(q, y, H, W, room + (size_t)(y % ring) * W);
  for (int y = 0; y < H; y++) {
    if (y + REACH < H) edges_row(q, y + REACH, H, W, room + (size_t)((y + REACH) % ring) * W);
    int first = y < REACH ? 0 : y - REACH, last = y + REACH < H ? y + REACH : H - 1;
    for (int x = 0; x < W; x++) {
      float sum = 0.f;
      for (int r = first; r <= last; r++) sum += room[(size_t)(r % ring) * W + x];
      float t = (sum / (float)(8 * (last - first + 1)) - calm) / (busy - calm);
      t = t < 0.f ? 0.f : t > 1.f ? 1.f : t;
      lambda[(size_t)y * W + x] = smooth + (rough - smooth) * t * t;
    }
  }
}

/* Held pixels (mask not 0) take the colour of `picture` and pull the solution to it. */
void EXPORT(hold)(const uint8_t *picture, const uint8_t *mask, int H, int W, int stride, size_t plane,
                  const float *diag, float *u, float *f) {
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++)
      if (mask[(size_t)y * W + x]) {
        size_t at = (size_t)y * stride + x;
        float lambda = lambda_at(diag + at, y, x, H, W);
        for (int n = 0; n < 3; n++) {
          float c = picture[3 * ((size_t)y * W + x) + n];
          u[n * plane + at] = c;
          f[n * plane + at] = lambda * c;
        }
      }
}

/* The diagonal of lambda - Laplace (zero-flux borders). lambda (H, W) packed. Also clears rims. */
void EXPORT(diagonal)(const float *lambda, int H, int W, int stride, float *diag) {
  for (int y = 0; y < H; y++) {
    for (int x = 0; x < W; x++)
      diag[(size_t)y * stride + x] =
          lambda[(size_t)y * W + x] +
          (float)((y > 0) + (y < H - 1) + (x > 0) + (x < W - 1));
    for (int x = W; x < stride - 4; x++) diag[(size_t)y * stride + x] = FAR;
  }
}

/* Planes to a picture, rounded and clipped; held pixels come back exactly as given. */
void EXPORT(pack)(const float *u, int H, int W, int stride, size_t plane, const uint8_t *picture,
                  const uint8_t *mask, uint8_t *out) {
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      size_t to = 3 * ((size_t)y * W + x), at = (size_t)y * stride + x;
      for (int n = 0; n < 3; n++) {
        float v = u[n * plane + at];
        v = v < 0.f ? 0.f : v > 255.f ? 255.f : v;
        out[to + n] = mask && mask[to / 3] ? picture[to + n] : (uint8_t)(v + 0.5f);
      }
    }
}

/* ---- screened Poisson: multigrid --------------------------------------------------------------- */

typedef struct {
  float *u, *f, *diag;
  int h, w, stride;
} Grid;

static int stride_of(int w) { return (4 + w + 1 + 3) & ~3; }

int EXPORT(row_stride)(int w) { return stride_of(w); }

/* Red-black Gauss-Seidel, one colour. */
static void relax(const Grid *g, int colour) {
  const v128_t even = wasm_i32x4_const(-1, 0, -1, 0), odd = wasm_i32x4_const(0, -1, 0, -1);
  for (int y = 0; y < g->h; y++) {
    const v128_t mask = (y + colour) & 1 ? odd : even;
    float *u = g->u + (size_t)y * g->stride;
    const float *f = g->f + (size_t)y * g->stride, *d = g->diag + (size_t)y * g->stride;
    for (int x = 0; x < g->w; x += 4) {
      v128_t s = wasm_f32x4_add(
          wasm_f32x4_add(wasm_v128_load(u + x - 1), wasm_v128_load(u + x + 1)),
          wasm_f32x4_add(wasm_v128_load(u + x - g->stride), wasm_v128_load(u + x + g->stride)));
      v128_t v = wasm_f32x4_div(wasm_f32x4_add(s, wasm_v128_load(f + x)), wasm_v128_load(d + x));
      wasm_v128_store(u + x, wasm_v128_bitselect(v, wasm_v128_load(u + x), mask));
    }
  }
}

/* Residuals of fine, summed two by two into coarse->f; coarse->u becomes 0. */
static void restrict_to(const Grid *fine, Grid *coarse) {
  for (int y = 0; y < coarse->h; y++) {
    float *to = coarse->f + (size_t)y * coarse->stride, *zero = coarse->u + (size_t)y * coarse->stride;
    for (int x = 0; x < coarse->w; x++) to[x] = zero[x] = 0.f;
    for (int yy = 2 * y; yy < 2 * y + 2 && yy < fine->h; yy++) {
      const float *u = fine->u + (size_t)yy * fine->stride, *f = fine->f + (size_t)yy * fine->stride,
                  *d = fine->diag + (size_t)yy * fine->stride;
      int s = fine->stride;
      for (int x = 0; x < coarse->w; x++) {
        int x0 = 2 * x;
        float r = f[x0] + u[x0 - 1] + u[x0 + 1] + u[x0 - s] + u[x0 + s] - d[x0] * u[x0];
        x0++;
        if (x0 < fine->w) r += f[x0] + u[x0 - 1] + u[x0 + 1] + u[x0 - s] + u[x0 + s] - d[x0] * u[x0];
        to[x] += r;
      }
    }
  }
}

/* Bilinear, cell centred: 9, 3, 3, 1 sixteenths. */
static void prolong(const Grid *coarse, const Grid *fine) {
  for (int y = 0; y < fine->h; y++) {
    int cy = y >> 1, oy = clamp(y & 1 ? cy + 1 : cy - 1, coarse->h - 1);
    const float *near = coarse->u + (size_t)cy * coarse->stride,
                *far = coarse->u + (size_t)oy * coarse->stride;
    float *u = fine->u + (size_t)y * fine->stride;
    float before = 0.75f * near[0] + 0.25f * far[0], here = before;
    for (int x = 0; x < coarse->w; x++) {
      float after = x + 1 < coarse->w ? 0.75f * near[x + 1] + 0.25f * far[x + 1] : here;
      u[2 * x] += 0.75f * here + 0.25f * before;
      if (2 * x + 1 < fine->w) u[2 * x + 1] += 0.75f * here + 0.25f * after;
      before = here;
      here = after;
    }
  }
}

#define GRIDS 14

static int ladder(Grid *g, float *room) { /* lays the coarser grids out in room; returns how many */
  int n = 1;
  while (n < GRIDS && g[n - 1].h > 3 && g[n - 1].w > 3) {
    Grid *c = g + n;
    c->h = (g[n - 1].h + 1) / 2;
    c->w = (g[n - 1].w + 1) / 2;
    c->stride = stride_of(c->w);
    size_t plane = (size_t)(c->h + 2) * c->stride;
    c->u = room + c->stride + 4;
    c->f = c->u + plane;
    c->diag = c->f + plane;
    room += 3 * plane;
    n++;
  }
  return n;
}

/* Floats of room that `solve` needs. */
int EXPORT(solve_room)(int h, int w) {
  int n = 0;
  for (int k = 0; k < GRIDS && h > 3 && w > 3; k++) {
    h = (h + 1) / 2, w = (w + 1) / 2;
    n += 3 * (h + 2) * stride_of(w);
  }
  return n;
}

/* (lambda - Laplace) u = f by V-cycles from the u given. room must be zero in its rims (fresh). */
void EXPORT(solve)(float *u, float *f, float *diag, int H, int W, int cycles, float *room) {
  Grid g[GRIDS];
  g[0] = (Grid){u, f, diag, H, W, stride_of(W)};
  int n = ladder(g, room);
  for (int k = 1; k < n; k++) { /* lambda sums over the four cells; faces keep weight 1 */
    const Grid *a = g + k - 1;
    Grid *c = g + k;
    for (int y = 0; y < c->h; y++) {
      for (int x = 0; x < c->w; x++) {
        float lambda = 0.f;
        for (int yy = 2 * y; yy < 2 * y + 2 && yy < a->h; yy++)
          for (int xx = 2 * x; xx < 2 * x + 2 && xx < a->w; xx++)
            lambda += lambda_at(a->diag + (size_t)yy * a->stride + xx, yy, xx, a->h, a->w);
        c->diag[(size_t)y * c->stride + x] =
            lambda + (float)((y > 0) + (y < c->h - 1) + (x > 0) + (x < c->w - 1));
      }
      for (int x = c->w; x < c->stride - 4; x++) c->diag[(size_t)y * c->stride + x] = FAR;
    }
  }
  for (int cycle = 0; cycle < cycles; cycle++) {
    for (int k = 0; k < n - 1; k++) {
      relax(g + k, 0), relax(g + k, 1);
      restrict_to(g + k, g + k + 1);
    }
    for (int i = 0; i < 12; i++) relax(g + n - 1, 0), relax(g + n - 1, 1);
    for (int k = n - 2; k >= 0; k--) {
      prolong(g + k + 1, g + k);
      relax(g + k, 0), relax(g + k, 1);
    }
  }
}

/* ---- what was copied ----------------------------------------------------------------------------- */

static uint32_t root(uint32_t *parent, uint32_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

/* Size of the largest connected area of a field whose neighbours move together (offsets within tol).
 * parent, size: (h, w) each. */
uint32_t EXPORT(largest_area)(const uint32_t *field, int h, int w, int tol, uint32_t *parent,
                              uint32_t *size) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < (uint32_t)h * (uint32_t)w; i++) parent[i] = i, size[i] = 1;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      uint32_t i = (uint32_t)(y * w + x);
      int sy = (int)(field[i] >> 16) - y, sx = (int)(field[i] & 0xffff) - x;
      for (int side = 0; side < 2; side++) {
        int ny = side ? y : y - 1, nx = side ? x - 1 : x;
        if (ny < 0 || nx < 0) continue;
        uint32_t j = (uint32_t)(ny * w + nx);
        int dy = (int)(field[j] >> 16) - ny - sy, dx = (int)(field[j] & 0xffff) - nx - sx;
        if (dy > tol || dy < -tol || dx > tol || dx < -tol) continue;
        uint32_t a = root(parent, i), b = root(parent, j);
        if (a == b) continue;
        if (size[a] < size[b]) { uint32_t t = a; a = b; b = t; }
        parent[b] = a;
        size[a] += size[b];
      }
    }
  for (uint32_t i = 0; i < (uint32_t)h * (uint32_t)w; i++)
    if (parent[i] == i && size[i] > most) most = size[i];
  return most;
}
