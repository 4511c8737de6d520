import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import { withTimeout } from './eventually.js';
import type { Netns } from './netns.js';
import { RunningProcess } from './run.js';
import type { Scope } from './scope.js';

/*
 * The small JSON protocol between a test and an instrument in a process of its own:
 *   parent -> child  {"id":1,"call":"start","arg":{…}}
 *   child  -> parent {"id":1,"result":…} | {"id":1,"error":"…"} | {"event":"name","data":…}
 */
interface Call {
  id: number;
  call: string;
  arg: unknown;
}
type Reply = { id: number; result?: unknown; error?: string } | { event: string; data: unknown };

/** Methods an instrument's program answers. */
export type Handlers = Record<string, (arg: never) => unknown>;

function send(message: Reply): void {
  if (process.connected) process.send!(message);
}

/** Child side: answers calls until the parent goes away, then ends at once (nothing outlives its test). */
export function serveProgram(handlers: Handlers): (event: string, data: unknown) => void {
  if (!process.send) throw new Error('this program is started by spawnProgram, with an IPC channel');
  process.on('disconnect', () => process.exit(0));
  const answer = async ({ id, call, arg }: Call): Promise<void> => {
    try {
      const handler = handlers[call];
      if (!handler) throw new Error(`no such call: ${call}`);
      send({ id, result: await handler(arg as never) });
    } catch (error) {
      send({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };
  process.on('message', (message) => void answer(message as Call));
  send({ event: 'ready', data: null });
  return (event, data) => send({ event, data });
}

/** Parent side of an instrument that runs in a process of its own. */
export class Program extends EventEmitter {
  readonly #waiting = new Map<number, { resolve: (v: unknown) => void; reject: (e: Error) => void }>();
  #nextId = 1;

  private constructor(readonly process: RunningProcess) {
    super();
    process.child.on('message', (message) => {
      const reply = message as Reply;
      if ('event' in reply) {
        this.emit(reply.event, reply.data);
        return;
      }
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error === undefined) waiting?.resolve(reply.result);
      else waiting?.reject(new Error(reply.error));
    });
    process.child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`${process.name} ended (${signal ?? code}) during a call:\n${process.output()}`));
      }
      this.#waiting.clear();
    });
  }

  /** Starts `module` (a URL or path of a compiled `*.program.js`) on this Node and waits until it answers. */
  static async start(
    scope: Scope,
    module: string | URL,
    options: { name?: string; netns?: Netns; args?: string[] } = {},
  ): Promise<Program> {
    const file = module instanceof URL ? fileURLToPath(module) : module;
    const running = await RunningProcess.start(scope, process.execPath, [file, ...(options.args ?? [])], {
      ...(options.netns && { netns: options.netns }),
      name: options.name ?? file,
      ipc: true,
    });
    const program = new Program(running);
    const ready = new Promise<'ready'>((resolve) => {
      program.once('ready', () => resolve('ready'));
    });
    const first = await withTimeout(
      Promise.race([ready, running.exited]),
      15_000,
      `start of ${running.name}`,
    );
    if (first !== 'ready') throw new Error(`${running.name} ended at its start:\n${running.output()}`);
    return program;
  }

  async call<T>(method: string, arg: unknown = null, within = 60_000): Promise<T> {
    if (this.process.exit) {
      throw new Error(`${this.process.name} has ended: cannot call ${method}\n${this.process.output()}`);
    }
    const id = this.#nextId++;
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.process.child.send({ id, call: method, arg } satisfies Call, (error) => {
        if (error) reject(error);
      });
    });
    return (await withTimeout(reply, within, `${this.process.name}: ${method}`)) as T;
  }

  stop(): Promise<unknown> {
    return this.process.stop();
  }
}
