/** What was made of texts that came lately: between `most` and twice as many, the newest. */
export class Recent<T> {
  private young = new Map<string, T>();
  private old = new Map<string, T>();

  constructor(
    private readonly most: number,
    private readonly make: (text: string) => T,
  ) {}

  of(text: string): T {
    const known = this.young.get(text);
    if (known !== undefined) return known;
    const made = this.old.get(text) ?? this.make(text);
    if (this.young.size >= this.most) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(text, made);
    return made;
  }

  get size(): number {
    return this.young.size + this.old.size;
  }
}
