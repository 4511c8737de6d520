interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const sooner = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** What is to happen, by time; of what happens at the same time, what was asked for first. */
export class Events {
  private readonly events: Event[] = [];
  private order = 0;

  at(at: number, run: () => void): void {
    const { events } = this;
    let i = events.length;
    const event = { at, order: this.order++, run };
    events.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!sooner(event, events[parent]!)) break;
      events[i] = events[parent]!;
      i = parent;
    }
    events[i] = event;
  }

  /** Takes the next one; null when there is none. */
  take(): Pick<Event, 'at' | 'run'> | null {
    const { events } = this;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined) return null;
    if (events.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && sooner(events[child + 1]!, events[child]!)) child++;
      if (!sooner(events[child]!, last)) break;
      events[i] = events[child]!;
      i = child;
    }
    events[i] = last;
    return first;
  }
}
