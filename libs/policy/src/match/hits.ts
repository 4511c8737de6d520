/** Numbers that a look-up found; filled anew by each. */
export class Hits {
  list = new Int32Array(64);
  count = 0;

  push(number: number): void {
    if (this.count === this.list.length) {
      const larger = new Int32Array(this.list.length * 2);
      larger.set(this.list);
      this.list = larger;
    }
    this.list[this.count++] = number;
  }
}
