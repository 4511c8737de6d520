/** A heap of places (0 to `most` - 1) with the least key on top. Each place is in it at most once. */
export class IndexHeap {
  /** Key of each place. Write it through `set`. */
  readonly keys: Float64Array;
  private readonly places: Uint16Array;
  /** Index of each place in `places`, -1 when it is not in the heap. */
  private readonly where: Int32Array;
  size = 0;

  constructor(most: number) {
    this.keys = new Float64Array(most);
    this.places = new Uint16Array(most);
    this.where = new Int32Array(most).fill(-1);
  }

  /** The place with the least key; only while `size` is not 0. */
  get top(): number {
    return this.places[0]!;
  }

  /** The place with the least key but one; only while `size` is 2 or more. */
  get second(): number {
    const left = this.places[1]!;
    if (this.size === 2) return left;
    const right = this.places[2]!;
    return this.keys[right]! < this.keys[left]! ? right : left;
  }

  has(place: number): boolean {
    return this.where[place] !== -1;
  }

  clear(): void {
    for (let i = 0; i < this.size; i++) this.where[this.places[i]!] = -1;
    this.size = 0;
  }

  /** Gives a place its key, whether it is in the heap or not. */
  set(place: number, key: number): void {
    let i = this.where[place]!;
    if (i === -1) {
      i = this.size++;
      this.places[i] = place;
      this.where[place] = i;
    }
    this.keys[place] = key;
    if (!this.up(i)) this.down(i);
  }

  remove(place: number): void {
    const i = this.where[place]!;
    if (i === -1) return;
    this.where[place] = -1;
    const last = this.places[--this.size]!;
    if (i === this.size) return;
    this.places[i] = last;
    this.where[last] = i;
    if (!this.up(i)) this.down(i);
  }

  private up(from: number): boolean {
    const { places, keys, where } = this;
    const place = places[from]!;
    const key = keys[place]!;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = places[parent]!;
      if (keys[above]! <= key) break;
      places[i] = above;
      where[above] = i;
      i = parent;
    }
    places[i] = place;
    where[place] = i;
    return i !== from;
  }

  private down(from: number): void {
    const { places, keys, where, size } = this;
    const place = places[from]!;
    const key = keys[place]!;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[places[child + 1]!]! < keys[places[child]!]!) child++;
      const below = places[child]!;
      if (keys[below]! >= key) break;
      places[i] = below;
      where[below] = i;
      i = child;
    }
    places[i] = place;
    where[place] = i;
  }
}
