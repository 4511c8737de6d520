/** What a worker has seen of the latency of each server since it last looked: sums in log2 of microseconds. */
export class Windows {
  private readonly sums: Float64Array;
  private readonly squares: Float64Array;
  private readonly loads: Float64Array;
  readonly counts: Uint32Array;
  /** Milliseconds of the first sample. */
  readonly began: Float64Array;

  constructor(count: number) {
    this.sums = new Float64Array(count);
    this.squares = new Float64Array(count);
    this.loads = new Float64Array(count);
    this.counts = new Uint32Array(count);
    this.began = new Float64Array(count);
  }

  /** @param load requests under way at the server, over all workers */
  add(place: number, microseconds: number, load: number, now: number): void {
    if (this.counts[place]!++ === 0) this.began[place] = now;
    const log = Math.log2(Math.max(1, microseconds));
    this.sums[place]! += log;
    this.squares[place]! += log * log;
    this.loads[place]! += load;
  }

  clear(place: number): void {
    this.sums[place] = 0;
    this.squares[place] = 0;
    this.loads[place] = 0;
    this.counts[place] = 0;
  }

  /** Geometric mean of the latency, as log2 of microseconds: a few long responses among short ones move it little. */
  mean(place: number): number {
    return this.sums[place]! / this.counts[place]!;
  }

  /** Standard error of `mean`. */
  error(place: number): number {
    const n = this.counts[place]!;
    const mean = this.mean(place);
    return Math.sqrt(Math.max(0, this.squares[place]! / n - mean * mean) / n);
  }

  /** Mean number of requests under way. */
  load(place: number): number {
    return this.loads[place]! / this.counts[place]!;
  }
}
