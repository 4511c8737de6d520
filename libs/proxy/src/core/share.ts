/**
 * The part of a limit that is this SE's: all parts together are the limit, the first ones get what is left over. Each is
 * one at least, so that no SE is without ("applied value no less than number of SEs").
 * @param place which of `sharers` this SE is, from 0
 */
export const shareOf = (limit: number, sharers: number, place: number): number =>
  Math.max(1, Math.floor(limit / sharers) + (place < limit % sharers ? 1 : 0));
