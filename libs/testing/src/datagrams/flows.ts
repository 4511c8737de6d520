import dgram from 'node:dgram';

/** Flows of datagrams that are kept up: each sends numbered datagrams and notes who answered. */
export interface FlowsSpec {
  host: string;
  port: number;
  flows: number;
  /** Milliseconds between two datagrams of a flow. */
  every: number;
}

export interface FlowsReport {
  flows: number;
  /** Flows that have had an answer. */
  answering: number;
  sent: number;
  answered: number;
  /** Datagrams whose answer had a second to come and did not. */
  lost: number;
  /** Flows that another socket than before spoke for, at the same server or at another. */
  moved: number;
  /** Of these, those that went to another server. */
  serverChanged: number;
  /** Answers to another flow's datagram. */
  foreign: number;
}

const PATIENCE_MS = 1000;

interface Flow {
  socket: dgram.Socket;
  id: string;
  /** When each datagram without an answer was sent, by its number. */
  waiting: Map<number, number>;
  next: number;
  server: string;
  from: string;
  moved: boolean;
  serverChanged: boolean;
}

const typeOf = (host: string): 'udp4' | 'udp6' => (host.includes(':') ? 'udp6' : 'udp4');

/** A server that answers `<its name> <port of the sender> <what came>`. */
export async function datagramOrigin(name: string, host: string): Promise<number> {
  const socket = dgram.createSocket(typeOf(host));
  socket.on('error', () => undefined);
  socket.on('message', (data, from) => {
    socket.send(`${name} ${from.port} ${data.toString('latin1')}`, from.port, from.address);
  });
  await bind(socket, host);
  return socket.address().port;
}

export class DatagramFlows {
  readonly #flows: Flow[] = [];
  readonly #report = { sent: 0, answered: 0, lost: 0, foreign: 0 };
  #ticker: ReturnType<typeof setInterval> | undefined;

  /** More flows. */
  async start(spec: FlowsSpec): Promise<void> {
    const added = await Promise.all(Array.from({ length: spec.flows }, async () => this.#open(spec)));
    this.#flows.push(...added);
    let turn = 0;
    const ticker = setInterval(() => {
      // Spread over the interval, so that not all come at once.
      const upTo = Math.ceil((added.length * ((turn % 10) + 1)) / 10);
      const from = Math.ceil((added.length * (turn % 10)) / 10);
      for (const flow of added.slice(from, upTo)) this.#send(flow, spec);
      turn++;
    }, spec.every / 10);
    const before = this.#ticker;
    this.#ticker = ticker;
    if (before !== undefined) this.#older.push(before);
  }

  readonly #older: ReturnType<typeof setInterval>[] = [];

  report(): FlowsReport {
    this.#age();
    const flows = this.#flows;
    return {
      ...this.#report,
      flows: flows.length,
      answering: flows.filter((f) => f.from !== '').length,
      moved: flows.filter((f) => f.moved).length,
      serverChanged: flows.filter((f) => f.serverChanged).length,
    };
  }

  /** Sends no more, waits for what is under way, and forgets all flows. */
  async stop(): Promise<FlowsReport> {
    for (const ticker of [this.#ticker, ...this.#older.splice(0)]) clearInterval(ticker);
    this.#ticker = undefined;
    await new Promise((resolve) => {
      setTimeout(resolve, PATIENCE_MS + 50);
    });
    const report = this.report();
    for (const flow of this.#flows.splice(0)) flow.socket.close();
    Object.assign(this.#report, { sent: 0, answered: 0, lost: 0, foreign: 0 });
    return report;
  }

  async #open(spec: FlowsSpec): Promise<Flow> {
    const socket = dgram.createSocket(typeOf(spec.host));
    socket.on('error', () => undefined);
    await bind(socket, spec.host.includes(':') ? '::1' : '127.0.0.1');
    const flow: Flow = {
      socket,
      id: `${socket.address().port}`,
      waiting: new Map(),
      next: 0,
      server: '',
      from: '',
      moved: false,
      serverChanged: false,
    };
    socket.on('message', (data) => this.#answered(flow, data.toString('latin1')));
    return flow;
  }

  #send(flow: Flow, { host, port }: FlowsSpec): void {
    const number = flow.next++;
    flow.waiting.set(number, Date.now());
    this.#report.sent++;
    flow.socket.send(`${flow.id} ${number}`, port, host);
  }

  #answered(flow: Flow, text: string): void {
    const [server = '', from = '', id = '', number = ''] = text.split(' ');
    if (id !== flow.id) {
      this.#report.foreign++;
      return;
    }
    if (flow.waiting.delete(Number(number))) this.#report.answered++;
    if (flow.from !== '' && (from !== flow.from || server !== flow.server)) flow.moved = true;
    if (flow.server !== '' && server !== flow.server) flow.serverChanged = true;
    flow.from = from;
    flow.server = server;
  }

  #age(): void {
    const late = Date.now() - PATIENCE_MS;
    for (const { waiting } of this.#flows)
      for (const [number, at] of waiting) {
        if (at > late) break;
        waiting.delete(number);
        this.#report.lost++;
      }
  }
}

function bind(socket: dgram.Socket, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, host, () => resolve());
  });
}
