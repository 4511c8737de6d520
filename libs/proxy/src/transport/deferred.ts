import type { Deferred } from './seam.js';

/** Tasks for after the current callback, run by one microtask however many there are. */
export class DeferredQueue {
  private tasks: Deferred[] = [];
  private spare: Deferred[] = [];
  private scheduled = false;
  private readonly flush = (): void => this.run();

  add(task: Deferred): void {
    this.tasks.push(task);
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(this.flush);
  }

  private run(): void {
    const tasks = this.tasks;
    this.tasks = this.spare;
    this.scheduled = false;
    for (const task of tasks) task.run();
    tasks.length = 0;
    this.spare = tasks;
  }
}

/** Tasks for the end of a turn of the event loop, run by one immediate however many there are. */
export class TurnQueue {
  private tasks: Deferred[] = [];
  private spare: Deferred[] = [];
  private readonly flush = (): void => this.run();

  add(task: Deferred): void {
    if (this.tasks.push(task) === 1) setImmediate(this.flush);
  }

  private run(): void {
    const { tasks } = this;
    this.tasks = this.spare;
    for (const task of tasks) task.run();
    tasks.length = 0;
    this.spare = tasks;
  }
}
