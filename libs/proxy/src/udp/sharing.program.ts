import { VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { DatagramClient, DatagramOrigin, LocalMemory } from '../suite/datagrams.js';
import { freeUdpPort } from '../suite/ports.js';
import { Rig, type ServiceSpec } from '../suite/rig.js';
import { FlowTable, MEMBER_STATE } from './flow-table.js';

/** Several data planes on one address and port, as the workers of one or of several SEs. */
class Site {
  readonly memory = new LocalMemory();
  readonly rigs: Rig[] = [];

  private constructor(
    readonly port: number,
    readonly origins: DatagramOrigin[],
    private readonly address: string,
  ) {}

  static async make(planes: number, address = '127.0.0.1'): Promise<Site> {
    const origins = [await DatagramOrigin.start('a'), await DatagramOrigin.start('b')];
    const site = new Site(await freeUdpPort(1, address), origins, address);
    for (let i = 0; i < planes; i++) await site.add();
    return site;
  }

  async add(): Promise<Rig> {
    const rig = await Rig.make({ shared: this.memory });
    this.rigs.push(rig);
    await this.serve(rig);
    return rig;
  }

  serve(rig: Rig, placement: ServiceSpec['placement'] = {}): Promise<void> {
    const udp = { idle_timeout: 60_000, per_datagram: false };
    return rig.apply(
      [
        {
          ports: [this.port],
          address: this.address,
          application: { type: 'udp', udp },
          placement: placement!,
        },
      ],
      { pool: { servers: this.origins.map((o) => ({ port: o.port })) } },
    );
  }

  drain(rig: Rig, milliseconds = 30_000): Promise<void> {
    return this.serve(rig, { state: 'drain', drain_timeout: milliseconds });
  }

  clients(count: number): Promise<DatagramClient[]> {
    return Promise.all(Array.from({ length: count }, async () => DatagramClient.open(this.address)));
  }

  /** Each client asks once, one after the other. */
  async ask(clients: DatagramClient[]): Promise<string[]> {
    const at: string[] = [];
    for (const [i, c] of clients.entries()) at.push(await c.ask(this.port, `${i}`));
    return at;
  }

  /** Ends of the flows as the servers see them: one for each flow that was ever begun. */
  get begun(): number {
    return new Set(this.origins.flatMap((o) => o.got.map((g) => g.from))).size;
  }

  /** The same as the planes count it. */
  get counted(): number {
    return this.rigs.reduce((n, rig) => n + rig.mapping.serviceTotals(0).counters[VS.CONNECTIONS]!, 0);
  }

  flowsOf(rig: Rig): number {
    return rig.mapping.serviceTotals(0).counters[VS.CONNECTIONS_ACTIVE]!;
  }

  end(clients: DatagramClient[]): void {
    for (const c of clients) c.close();
    for (const rig of this.rigs) rig.plane.close();
    for (const o of this.origins) o.stop();
  }
}

const FLOWS = 48;

const cases: Case[] = [
  ...['127.0.0.1', '::1'].map((address): Case => ({
    name: `no flow moves when planes join and leave in order (${address})`,
    async run() {
      const site = await Site.make(1, address);
      const clients = await site.clients(FLOWS);
      const at = await site.ask(clients);
      const [first] = site.rigs;
      for (const joined of [2, 3, 4]) {
        await site.add();
        equal(await site.ask(clients), at, `servers with ${joined} planes`);
      }
      equal([site.begun, site.flowsOf(first!)], [FLOWS, FLOWS], 'flows begun, flows of the first plane');
      const late = await site.clients(FLOWS);
      const lateAt = await site.ask(late);
      const spread = site.rigs.map((rig) => site.flowsOf(rig));
      check(
        spread.slice(1).every((n) => n > 0),
        `new flows: ${spread.join(', ')}`,
      );
      await site.drain(first!);
      const drained = await site.clients(FLOWS);
      const drainedAt = await site.ask(drained);
      equal(site.flowsOf(first!), spread[0], 'flows of the plane that drains');
      equal(await site.ask(clients), at, 'servers of the oldest in the drain');
      equal(await site.ask(late), lateAt, 'servers of the late ones in the drain');
      await site.drain(site.rigs[3]!);
      equal(await site.ask(drained), drainedAt, 'servers with two planes in a drain');
      equal(site.begun, 3 * FLOWS, 'flows begun');
      site.end([...clients, ...late, ...drained]);
    },
  })),
  {
    name: 'a plane in a drain goes when its last flow ends, and others keep theirs',
    async run() {
      const site = await Site.make(2);
      const clients = await site.clients(FLOWS);
      const at = await site.ask(clients);
      const [leaving, staying] = site.rigs as [Rig, Rig];
      const kept = site.flowsOf(staying);
      await site.drain(leaving, 500);
      await until(() => leaving.plane.status()[0]!.state === 'drained', 'the end of the drain');
      equal(site.flowsOf(staying), kept, 'flows of the other');
      const after = await site.ask(clients);
      equal(site.flowsOf(staying), FLOWS, 'all flows with the one that stays');
      equal(site.counted, FLOWS + (FLOWS - kept), 'only flows of the one that left were begun anew');
      check(after.filter((n, i) => n !== at[i]).length <= FLOWS - kept, 'servers changed');
      site.end(clients);
    },
  },
  {
    name: 'a plane that dies loses its own flows only, and they keep their servers',
    async run() {
      const site = await Site.make(3);
      const clients = await site.clients(FLOWS);
      const at = await site.ask(clients);
      const [dying, ...others] = site.rigs as [Rig, Rig, Rig];
      const lost = site.flowsOf(dying);
      check(lost > 0, 'the dying plane has no flow');
      const copies = new Map([...site.memory.files].map(([name, bytes]) => [name, bytes.slice()]));
      dying.plane.close();
      // As after a kill: nothing of the dead was cleaned away.
      for (const [name, bytes] of copies) site.memory.files.get(name)?.set(bytes);
      const repeated = async (c: DatagramClient, i: number): Promise<string> => {
        const { length } = c.got;
        await until(() => {
          c.send(site.port, `${i}`);
          return c.got.length > length;
        }, 'an answer after the loss');
        return c.got.at(-1)!.split(' ')[0]!;
      };
      const after: string[] = [];
      for (const [i, c] of clients.entries()) after.push(await repeated(c, i));
      equal(after, at, 'servers');
      equal(site.counted, FLOWS + lost, 'flows begun');
      equal(
        others.reduce((n, rig) => n + site.flowsOf(rig), 0),
        FLOWS,
        'flows of the others',
      );
      site.end(clients);
    },
  },
  {
    name: 'a worker that hangs is buried when it has not beaten for three seconds, and its flows go on',
    async run() {
      const site = await Site.make(1);
      const [client] = await site.clients(1);
      const table = new FlowTable([...site.memory.files.values()][0]!);
      const deaf = await DatagramOrigin.start('deaf');
      deaf.silent = true;
      const ghost = table.join(deaf.port);
      table.setState(ghost, MEMBER_STATE.ACTIVE);
      const hash = { cell: 0, tag: 0 };
      table.hash('127.0.0.1', client!.socket.address().port, site.port, hash);
      equal(table.claim(hash, ghost, 0), ghost, 'owner');
      client!.send(site.port, 'x');
      await until(() => deaf.got.length > 0, 'the datagram to be passed on');
      await until(() => {
        client!.send(site.port, 'y');
        return client!.got.length > 0;
      }, 'an answer');
      equal(table.incarnationOf(ghost), 0, 'place of the dead');
      equal(site.flowsOf(site.rigs[0]!), 1, 'flows');
      deaf.stop();
      site.end([client!]);
    },
  },
  {
    name: 'the longest datagrams are passed on whole',
    async run() {
      const site = await Site.make(1);
      const clients = await site.clients(8);
      await site.ask(clients);
      for (let i = 0; i < 3; i++) await site.add();
      const lengths = [0, 1, 1472, 65_400, 65_470, 65_490, 65_507];
      for (const o of site.origins) {
        o.got.length = 0;
        o.silent = true;
      }
      const got = (): number[] => site.origins.flatMap((o) => o.got.map((g) => g.length));
      let sent = 0;
      for (const length of lengths)
        for (const c of clients) {
          c.send(site.port, Buffer.alloc(length, 'x'));
          sent++;
          await until(() => got().length === sent, `datagram ${sent} of ${length} bytes`);
        }
      equal(
        got().sort((a, b) => a - b),
        lengths.flatMap((n) => clients.map(() => n)),
        'lengths',
      );
      site.end(clients);
    },
  },
  {
    name: 'who does not know the secret passes nothing on',
    async run() {
      const site = await Site.make(2);
      const clients = await site.clients(2);
      await site.ask(clients);
      const rogue = await DatagramClient.open();
      const head = Buffer.alloc(60);
      head.write('SWFP');
      head[7] = 9;
      head.writeUInt16BE(5000, 24);
      head.writeUInt16BE(site.port, 26);
      head.write('127.0.0.9', 32);
      const before = site.begun;
      // Every port where planes of this process listen gets it, with junk of all lengths beside it.
      const { readFileSync } = await import('node:fs');
      const ports = readFileSync('/proc/self/net/udp', 'latin1')
        .split('\n')
        .flatMap((line) => /0100007F:([0-9A-F]{4}) 00000000:0000/.exec(line)?.[1] ?? [])
        .map((hex) => Number.parseInt(hex, 16))
        .filter((p) => p !== site.port && !site.origins.some((o) => o.port === p));
      for (const p of ports)
        for (let length = 0; length <= head.length; length++) rogue.send(p, head.subarray(0, length));
      await site.ask(clients);
      equal(site.begun, before, 'flows begun');
      rogue.close();
      site.end(clients);
    },
  },
];

await runCases(cases);
