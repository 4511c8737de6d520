/** Lets so many at a time go on; the others wait, the first one first. */
export class Line {
  #busy = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * @param most at a time; 0 is no limit
   * @returns what to call once it is over, or is not to begin any more
   */
  enter(most: number, go: () => void): () => void {
    let begun = false;
    const begin = () => {
      begun = true;
      this.#busy++;
      go();
    };
    if (most === 0 || this.#busy < most) begin();
    else this.#waiting.push(begin);
    return () => {
      if (!begun) this.#waiting.splice(this.#waiting.indexOf(begin), 1);
      else {
        this.#busy--;
        this.#waiting.shift()?.();
      }
    };
  }
}
