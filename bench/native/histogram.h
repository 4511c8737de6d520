/* Counts of durations in nanoseconds, exact to 1/64 of the value. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <stdint.h>

enum { SUB = 64, BUCKETS = 58 * SUB };

struct histogram {
  uint64_t total, highest, counts[BUCKETS];
};

static inline int bucket_of(uint64_t value) {
  if (value < 2 * SUB) return (int)value;
  int shift = 63 - __builtin_clzll(value) - 6;
  return shift * SUB + (int)(value >> shift);
}

static inline uint64_t upper_edge(int bucket) {
  if (bucket < 2 * SUB) return bucket;
  int shift = bucket / SUB - 1;
  return ((uint64_t)(bucket - shift * SUB) + 1) << shift;
}

static inline void record(struct histogram *h, uint64_t value) {
  int bucket = bucket_of(value);
  h->counts[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
  h->total++;
  if (value > h->highest) h->highest = value;
}

static inline void merge(struct histogram *into, const struct histogram *from) {
  for (int i = 0; i < BUCKETS; i++) into->counts[i] += from->counts[i];
  into->total += from->total;
  if (from->highest > into->highest) into->highest = from->highest;
}

/* Microseconds below which `share` of all values lie; 0 when there are none. */
static inline double microseconds(const struct histogram *h, double share) {
  uint64_t wanted = (uint64_t)(share * (double)h->total), seen = 0;
  if (h->total == 0) return 0;
  for (int i = 0; i < BUCKETS; i++)
    if ((seen += h->counts[i]) > wanted) {
      uint64_t edge = upper_edge(i);
      return (edge < h->highest ? edge : h->highest) / 1000.0;
    }
  return h->highest / 1000.0;
}
#endif
