import { randomBytes } from 'node:crypto';
import {
  MOST_DATAGRAM,
  type DatagramHandler,
  type DatagramListener,
  type DatagramPeer,
  type Transport,
} from '../transport/seam.js';
import { FlowTable, MEMBER_STATE, MOST_MEMBERS, TABLE_BYTES, type FlowHash } from './flow-table.js';
import { fits, hasSecret, PASS_HEAD, MOST_ADDRESS, readPass, writePass, type Passed } from './passing.js';

/** Memory that all workers of all SEs which share VIPs in this network namespace see alike. */
export interface SharedMemory {
  /**
   * The memory of that name. Where there is none yet it is made: `bytes` zeroes, which `format` has changed before
   * anybody else sees them.
   * @throws what the system says when there is no room or no permission
   */
  open(name: string, bytes: number, format: (memory: Uint8Array) => void): Uint8Array;
  /** The next `open` makes it anew; who has it open keeps it. */
  remove(name: string): void;
}

/** Takes datagrams that another worker has passed on. */
export interface PassedHandler {
  onPassed(data: Uint8Array, start: number, end: number, address: string, port: number, hops: number): void;
  /** This worker was taken for dead and its flows may be others' now: they must be claimed again. */
  onBuried(): void;
}

/** Ticks between two looks at the beats of others. */
const LOOK_TICKS = 10;
/** Looks without a beat after which a member counts as dead; longer than a supervisor waits to kill it. */
const SILENT_LOOKS = 3;
const LOOPBACK = '127.0.0.1';

/** The share of this worker in the flows of one virtual service on one address. */
export class FlowGroup {
  /** By port of the virtual service. */
  readonly points = new Map<number, PassedHandler>();
  users = 0;
  private ticks = 0;
  private readonly taking = new Set<PassedHandler>();
  private member: number;
  private incarnation: number;
  private state: number = MEMBER_STATE.JOINING;
  private readonly beats = new Int32Array(MOST_MEMBERS);
  private readonly silent = new Uint8Array(MOST_MEMBERS);

  constructor(
    private readonly sharing: FlowSharing,
    readonly name: string,
    readonly table: FlowTable,
    private readonly ownPort: number,
  ) {
    this.member = table.join(ownPort);
    this.incarnation = this.member < 0 ? 0 : table.incarnationOf(this.member);
  }

  hash(address: string, port: number, localPort: number, into: FlowHash): void {
    this.table.hash(address, port, localPort, into);
  }

  /** Whether this worker may serve the flow: it is nobody's, or its own. `owner` then says whose it is. */
  claim(hash: FlowHash, hint: number): boolean {
    if (this.member < 0) return true;
    this.owner = this.table.claim(hash, this.member, hint);
    return this.owner === this.member;
  }

  /** Of the last `claim` or `find`. */
  owner = -1;

  /** Another worker that shall have the datagram, where this one takes no new flows; `owner` says which. */
  find(hash: FlowHash): boolean {
    const owner = this.table.ownerOf(hash);
    this.owner = owner >= 0 && owner !== this.member ? owner : this.table.pickActive(hash);
    return this.owner >= 0 && this.owner !== this.member;
  }

  setHint(hash: FlowHash, hint: number): void {
    if (this.member >= 0) this.table.setHint(hash, this.member, hint);
  }

  release(hash: FlowHash): void {
    if (this.member >= 0) this.table.release(hash, this.member);
  }

  /** Passes a datagram on to `owner`. */
  pass(
    data: Uint8Array,
    start: number,
    end: number,
    address: string,
    port: number,
    localPort: number,
    hops: number,
  ): void {
    this.sharing.pass(this, this.owner, data, start, end, address, port, localPort, hops);
  }

  /** Says whether a point takes new flows; the worker does as long as one of them does. */
  takesNew(point: PassedHandler, takes: boolean): void {
    if (takes) this.taking.add(point);
    else this.taking.delete(point);
    this.state = this.taking.size > 0 ? MEMBER_STATE.ACTIVE : MEMBER_STATE.DRAINING;
    if (this.member >= 0) this.table.setState(this.member, this.state);
  }

  /** Shows that this worker lives, and buries who has not for long. */
  tick(): void {
    const { table } = this;
    if (this.member < 0 || table.incarnationOf(this.member) !== this.incarnation) this.rejoin();
    if (this.member >= 0) table.beat(this.member);
    if (++this.ticks % LOOK_TICKS === 0) this.buryTheSilent();
  }

  private buryTheSilent(): void {
    const { table } = this;
    for (let m = 0; m < MOST_MEMBERS; m++) {
      if (m === this.member) continue;
      const incarnation = table.incarnationOf(m);
      const beats = table.beatsOf(m);
      if (incarnation <= 0 || beats !== this.beats[m]) {
        this.beats[m] = beats;
        this.silent[m] = 0;
      } else if (++this.silent[m]! >= SILENT_LOOKS) {
        this.silent[m] = 0;
        table.bury(m, incarnation);
      }
    }
  }

  leave(): void {
    if (this.member >= 0 && this.table.leave(this.member, this.incarnation)) this.sharing.remove(this.name);
    this.member = -1;
  }

  private rejoin(): void {
    this.member = this.table.join(this.ownPort);
    this.incarnation = this.member < 0 ? 0 : this.table.incarnationOf(this.member);
    if (this.member < 0) return;
    this.table.setState(this.member, this.state);
    for (const point of this.points.values()) point.onBuried();
  }
}

/** Where datagrams are passed on to. */
class Route implements DatagramHandler {
  private readonly peer: DatagramPeer;

  constructor(
    transport: Transport,
    port: number,
    private readonly table: FlowTable,
    readonly member: number,
    readonly incarnation: number,
  ) {
    this.peer = transport.connectDatagrams(LOOPBACK, port, this);
  }

  send(data: Uint8Array, end: number): void {
    this.peer.send(data, 0, end);
  }

  onDatagram(): void {}

  /** Nobody is there any more. */
  onError(code: string): void {
    if (code === 'ECONNREFUSED') this.table.bury(this.member, this.incarnation);
  }

  close(): void {
    this.peer.close();
  }
}

/** All that one worker has to do with other workers' flows. */
export class FlowSharing implements DatagramHandler {
  private readonly groups = new Map<string, FlowGroup>();
  private readonly routes = new Map<string, Route>();
  private listener: Promise<DatagramListener> | null = null;
  private readonly out = new Uint8Array(PASS_HEAD + MOST_ADDRESS + MOST_DATAGRAM);
  private readonly passed: Passed = {
    hops: 0,
    part: 0,
    number: 0,
    address: '',
    port: 0,
    localPort: 0,
    start: 0,
  };
  private number = 0;
  /** The first part of a datagram in two, until the second one comes; by sender. */
  private readonly firsts = new Map<number, { number: number; data: Uint8Array }>();

  constructor(
    private readonly transport: Transport,
    private readonly memory: SharedMemory,
  ) {}

  /** Takes part in the flows of a name. Give it back with `leave`. */
  async join(name: string): Promise<FlowGroup> {
    const { port } = await this.listen();
    let group = this.groups.get(name);
    if (group === undefined) {
      group = new FlowGroup(this, name, this.openTable(name), port);
      this.groups.set(name, group);
    }
    group.users++;
    return group;
  }

  /** What fails is tried again the next time. */
  private listen(): Promise<DatagramListener> {
    this.listener ??= this.transport.listenDatagrams(LOOPBACK, 0, this).catch((error: unknown) => {
      this.listener = null;
      throw error;
    });
    return this.listener;
  }

  leave(group: FlowGroup): void {
    if (--group.users > 0) return;
    this.groups.delete(group.name);
    group.leave();
    for (const [key, route] of this.routes) {
      if (!key.startsWith(`${group.name} `)) continue;
      route.close();
      this.routes.delete(key);
    }
  }

  remove(name: string): void {
    this.memory.remove(name);
  }

  tick(): void {
    for (const group of this.groups.values()) group.tick();
  }

  close(): void {
    for (const group of this.groups.values()) {
      group.users = 1;
      this.leave(group);
    }
    this.listener?.then(
      (listener) => listener.close(),
      () => undefined,
    );
  }

  pass(
    group: FlowGroup,
    member: number,
    data: Uint8Array,
    start: number,
    end: number,
    address: string,
    port: number,
    localPort: number,
    hops: number,
  ): void {
    const route = this.routeTo(group, member);
    if (route === null || address.length > MOST_ADDRESS) return;
    const number = this.number++ | 0;
    const send = (part: number, from: number, to: number): void => {
      const head = writePass(this.out, group.table.secret, { hops, part, number, address, port, localPort });
      this.out.set(data.subarray(from, to), head);
      route.send(this.out, head + to - from);
    };
    if (fits(end - start, address)) {
      send(0, start, end);
      return;
    }
    const middle = (start + end) >> 1;
    send(1, start, middle);
    send(2, middle, end);
  }

  /** Something came by loopback: from another worker, or from anybody on this host, who does not know the secret. */
  onDatagram(data: Uint8Array, start: number, end: number, _address: string, sender: number): void {
    const { passed } = this;
    if (!readPass(data, start, end, passed)) return;
    for (const group of this.groups.values()) {
      if (!hasSecret(data, start, group.table.secret)) continue;
      const point = group.points.get(passed.localPort);
      const whole = point === undefined ? null : this.whole(data, end, sender);
      if (whole !== null)
        point!.onPassed(whole.data, whole.start, whole.end, passed.address, passed.port, passed.hops);
      return;
    }
  }

  onError(): void {}

  private whole(
    data: Uint8Array,
    end: number,
    sender: number,
  ): { data: Uint8Array; start: number; end: number } | null {
    const { part, number, start } = this.passed;
    if (part === 0) return { data, start, end };
    if (part === 1) {
      // One datagram of each of the few senders can be under way.
      if (this.firsts.size < MOST_MEMBERS || this.firsts.has(sender))
        this.firsts.set(sender, { number, data: data.slice(start, end) });
      return null;
    }
    const first = this.firsts.get(sender);
    this.firsts.delete(sender);
    if (first?.number !== number) return null;
    const joined = Buffer.concat([first.data, data.subarray(start, end)]);
    return { data: joined, start: 0, end: joined.length };
  }

  private routeTo(group: FlowGroup, member: number): Route | null {
    const { table, name } = group;
    const incarnation = table.incarnationOf(member);
    const key = `${name} ${member}`;
    let route = this.routes.get(key);
    if (route?.incarnation === incarnation) return route;
    route?.close();
    this.routes.delete(key);
    const port = table.portOf(member);
    if (incarnation <= 0 || port <= 0 || port > 65_535) return null;
    route = new Route(this.transport, port, table, member, incarnation);
    this.routes.set(key, route);
    return route;
  }

  /** The table of a name; one that its last user is just closing is made anew. */
  private openTable(name: string): FlowTable {
    for (let attempt = 0; ; attempt++) {
      const table = new FlowTable(
        this.memory.open(name, TABLE_BYTES, (memory) => FlowTable.format(memory, randomBytes)),
      );
      if (table.open) return table;
      if (attempt >= 3) throw new Error(`flow table ${name} stays closed`);
      this.memory.remove(name);
    }
  }
}
