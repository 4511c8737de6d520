import net from 'node:net';
import type { AgentMessage, WorkerMessage } from '../ipc/messages.js';
import { LineSocket } from '../ipc/line-socket.js';

const FIRST_PAUSE = 20;
const MOST_PAUSE = 500;

/** The connection to the agent; it comes back by itself, and the worker serves on meanwhile. */
export class AgentLink {
  #line: LineSocket | undefined;
  #pause = FIRST_PAUSE;

  constructor(
    private readonly path: string,
    private readonly hello: Extract<WorkerMessage, { type: 'hello' }>,
    private readonly onMessage: (message: AgentMessage) => void,
  ) {}

  connect(): void {
    const socket = net.connect({ path: this.path });
    const line = new LineSocket(socket);
    socket.once('connect', () => {
      this.#pause = FIRST_PAUSE;
      this.#line = line;
      line.send(this.hello);
    });
    line.onMessage = (message) => this.onMessage(message as AgentMessage);
    line.onClose = () => {
      if (this.#line === line) this.#line = undefined;
      setTimeout(() => this.connect(), this.#pause);
      this.#pause = Math.min(MOST_PAUSE, this.#pause * 2);
    };
  }

  /** Dropped while there is no agent: after the next hello everything is told anew. */
  send(message: WorkerMessage): void {
    this.#line?.send(message);
  }
}
