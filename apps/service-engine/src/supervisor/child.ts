import type { Logger } from '../log/logger.js';
import { BackOff } from './back-off.js';

export interface ChildSpec {
  name: string;
  args: string[];
  env: Record<string, string | undefined>;
  /** With it, the child can send messages to the supervisor. */
  onMessage?: (message: unknown) => void;
  onStart?: () => void;
  /** Called when it has ended, before it is started again. */
  onEnd?: () => void;
}

type Process = Bun.Subprocess<'ignore', 'inherit', 'inherit'>;

/** A process that is started again, with back-off, whenever it ends. */
export class Child {
  restarts = 0;
  #process: Process | undefined;
  #stopping = false;
  #served = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #backOff = new BackOff();
  #ended: (() => void)[] = [];

  constructor(
    private readonly spec: ChildSpec,
    private readonly log: Logger,
  ) {}

  /** 0 while it does not run. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  start(): void {
    this.#stopping = false;
    this.#served = false;
    const began = performance.now();
    const { onMessage } = this.spec;
    const child: Process = Bun.spawn([process.execPath, ...this.spec.args], {
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      env: this.spec.env,
      ...(onMessage === undefined ? {} : { ipc: (message: unknown) => onMessage(message) }),
      onExit: (ended, code, signal) =>
        this.#exited(ended, began, signal === null ? `code ${code}` : `signal ${signal}`),
    });
    this.#process = child;
    this.spec.onStart?.();
  }

  /** It has done its work: its end, whenever it comes, is not that of one that cannot start. */
  served(): void {
    this.#served = true;
  }

  send(message: unknown): void {
    try {
      this.#process?.send(message);
    } catch (error) {
      this.log.warn(`${this.spec.name} cannot be told`, { error });
    }
  }

  kill(reason: string): void {
    if (this.#process === undefined) return;
    this.log.error(`${this.spec.name} is killed: ${reason}`, { pid: this.pid });
    this.#process.kill('SIGKILL');
  }

  /** Lets it end: it is not started again. */
  letEnd(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
  }

  /** Ends it now and resolves when it is gone. */
  async end(): Promise<void> {
    this.letEnd();
    const child = this.#process;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => this.#ended.push(resolve));
    child.kill('SIGKILL');
    await gone;
  }

  #exited(child: Process, began: number, how: string): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    this.spec.onEnd?.();
    for (const call of this.#ended.splice(0)) call();
    if (this.#stopping) return;
    const pause = this.#backOff.next(performance.now() - began, this.#served);
    this.restarts++;
    this.log.warn(`${this.spec.name} ended (${how}), it is started again`, { in_ms: pause });
    this.#timer = setTimeout(() => this.start(), pause);
  }
}
