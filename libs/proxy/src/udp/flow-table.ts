/**
 * Who serves which flow, for all workers of all SEs that share a VIP in one network namespace: one file per virtual
 * service and address, written by all of them. The kernel spreads datagrams by a hash over the sockets that are open, so
 * when one comes or goes it gives flows to others than before; they look here whose they are and pass them on.
 *
 * ```
 * header    what follows; a secret that only who can read the file knows
 * members   one per worker: incarnation (0: free), where it takes datagrams passed on, state, beat
 * flows     64 bits each: tag, member, incarnation of that member, hint of the server
 * ```
 * A flow is found by a hash of its two ends: a window of cells, in which its tag stands or not. There is no lock: a cell
 * changes by compare-and-swap alone. Who dies leaves its cells behind; they count for nothing once its place is free or
 * another's, since incarnations differ.
 */
const MAGIC = 0x574c4646; // "FFLW"
const VERSION = 1;

/** Words of the header (Int32). */
const HEADER = { MAGIC: 0, VERSION: 1, STATE: 2, NEXT: 3, SECRET: 4, SEED: 8 } as const;
const HEADER_BYTES = 64;
const STATE = { OPEN: 0, CLOSED: 1 } as const;

export const SECRET_BYTES = 16;

/** Words of a member (Int32). */
const MEMBER = { INCARNATION: 0, PORT: 1, STATE: 2, BEAT: 3 } as const;
const MEMBER_BYTES = 64;
const MEMBER_WORDS = MEMBER_BYTES >> 2;
/** Workers of all SEs together that can share one address of a virtual service. */
export const MOST_MEMBERS = 64;

/** What a member does with flows that are nobody's. */
export const MEMBER_STATE = { JOINING: 0, ACTIVE: 1, DRAINING: 2 } as const;

/** Cells for flows; a power of two. With so many flows half of the cells are still empty. */
const CELLS = 262_144;
const WINDOW = 32;
const FLOWS = HEADER_BYTES + MOST_MEMBERS * MEMBER_BYTES;

export const TABLE_BYTES = FLOWS + CELLS * 8;

const INCARNATIONS = 1023;
/** Stands for an incarnation while a place is being taken. */
const RESERVED = -1;

/** What names a flow in the table. */
export interface FlowHash {
  cell: number;
  tag: number;
}

/** The bytes are no flow table that this version knows. */
export class FlowTableError extends Error {
  readonly code = 'FLOW_TABLE_INVALID';
}

export class FlowTable {
  readonly secret: Uint8Array;
  private readonly i32: Int32Array;
  private readonly cells: BigInt64Array;
  /** The same cells by halves: the tag of a cell is its odd half. */
  private readonly halves: Int32Array;
  private readonly seed0: number;
  private readonly seed1: number;

  constructor(bytes: Uint8Array) {
    const { buffer, byteOffset } = bytes;
    if (bytes.byteLength < TABLE_BYTES) throw new FlowTableError(`flow table: ${bytes.byteLength} bytes`);
    this.i32 = new Int32Array(buffer, byteOffset, FLOWS >> 2);
    if (this.i32[HEADER.MAGIC] !== MAGIC || this.i32[HEADER.VERSION] !== VERSION)
      throw new FlowTableError(
        `flow table: version ${this.i32[HEADER.VERSION]}, this program knows ${VERSION}`,
      );
    this.cells = new BigInt64Array(buffer, byteOffset + FLOWS, CELLS);
    this.halves = new Int32Array(buffer, byteOffset + FLOWS, CELLS * 2);
    this.secret = bytes.slice(HEADER.SECRET * 4, HEADER.SECRET * 4 + SECRET_BYTES);
    this.seed0 = this.i32[HEADER.SEED]!;
    this.seed1 = this.i32[HEADER.SEED + 1]!;
  }

  /** Makes a table of zeroed bytes, before anybody else sees them. `random` gives so many unguessable bytes. */
  static format(bytes: Uint8Array, random: (length: number) => Uint8Array): void {
    const i32 = new Int32Array(bytes.buffer, bytes.byteOffset, HEADER_BYTES >> 2);
    bytes.set(random(SECRET_BYTES + 8), HEADER.SECRET * 4);
    i32[HEADER.VERSION] = VERSION;
    i32[HEADER.MAGIC] = MAGIC;
  }

  /** False when the last member has left and the file is going away: open it anew. */
  get open(): boolean {
    return Atomics.load(this.i32, HEADER.STATE) === STATE.OPEN;
  }

  /** Where a flow between these ends stands. */
  hash(address: string, port: number, localPort: number, into: FlowHash): void {
    let a = (this.seed0 ^ Math.imul(port, 0x9e3779b1)) | 0;
    let b = (this.seed1 ^ Math.imul(localPort, 0x85ebca6b) ^ port) | 0;
    for (let i = 0; i < address.length; i++) {
      const c = address.charCodeAt(i);
      a = Math.imul(a ^ c, 0x01000193);
      b = Math.imul((b << 5) ^ (b >>> 27) ^ c, 0x27d4eb2f);
    }
    into.cell = mix(a) & (CELLS - 1);
    into.tag = mix(b ^ Math.imul(a, 0x9e3779b1));
  }

  /** Takes a free place; -1 when there is none. `port`: where it takes datagrams that are passed on. */
  join(port: number): number {
    const incarnation = 1 + ((Atomics.add(this.i32, HEADER.NEXT, 1) >>> 0) % INCARNATIONS);
    for (let member = 0; member < MOST_MEMBERS; member++) {
      const at = this.memberAt(member);
      if (Atomics.compareExchange(this.i32, at + MEMBER.INCARNATION, 0, RESERVED) !== 0) continue;
      Atomics.store(this.i32, at + MEMBER.STATE, MEMBER_STATE.JOINING);
      Atomics.store(this.i32, at + MEMBER.PORT, port);
      Atomics.store(this.i32, at + MEMBER.INCARNATION, incarnation);
      return member;
    }
    return -1;
  }

  /**
   * Frees a place, of its holder or of one that died, unless it is another's by now. The last one closes the table:
   * true when the file may go.
   */
  leave(member: number, incarnation: number): boolean {
    const at = this.memberAt(member);
    Atomics.store(this.i32, at + MEMBER.PORT, 0);
    Atomics.compareExchange(this.i32, at + MEMBER.INCARNATION, incarnation, 0);
    if (this.anyMember()) return false;
    // Who joins meanwhile sees that it is closed, or is seen here.
    Atomics.store(this.i32, HEADER.STATE, STATE.CLOSED);
    if (!this.anyMember()) return true;
    Atomics.store(this.i32, HEADER.STATE, STATE.OPEN);
    return false;
  }

  /** One that does not live any more; its place is free, and its flows are whose they come to. */
  bury(member: number, incarnation: number): void {
    Atomics.compareExchange(this.i32, this.memberAt(member) + MEMBER.INCARNATION, incarnation, 0);
  }

  incarnationOf(member: number): number {
    return Atomics.load(this.i32, this.memberAt(member) + MEMBER.INCARNATION);
  }

  portOf(member: number): number {
    return Atomics.load(this.i32, this.memberAt(member) + MEMBER.PORT);
  }

  setState(member: number, state: number): void {
    Atomics.store(this.i32, this.memberAt(member) + MEMBER.STATE, state);
  }

  beat(member: number): void {
    Atomics.add(this.i32, this.memberAt(member) + MEMBER.BEAT, 1);
  }

  beatsOf(member: number): number {
    return Atomics.load(this.i32, this.memberAt(member) + MEMBER.BEAT);
  }

  /** An active member for a flow that is nobody's; -1 when there is none. */
  pickActive(hash: FlowHash): number {
    let active = 0;
    for (let m = 0; m < MOST_MEMBERS; m++) if (this.isActive(m)) active++;
    if (active === 0) return -1;
    let nth = (hash.tag >>> 0) % active;
    for (let m = 0; m < MOST_MEMBERS; m++) if (this.isActive(m) && nth-- === 0) return m;
    return -1;
  }

  /** The member that serves a flow; -1 when none does. */
  ownerOf(hash: FlowHash): number {
    for (let i = 0; i < WINDOW; i++) {
      const at = (hash.cell + i) & (CELLS - 1);
      if (this.halves[2 * at + 1] !== hash.tag) continue;
      const value = Atomics.load(this.cells, at);
      const owner = ownerOf(value);
      if (owner !== 0 && tagOf(value) === hash.tag && this.lives(owner)) return memberIn(owner);
    }
    return -1;
  }

  /**
   * Makes a flow that is nobody's this member's. Returns who has it, which may be another; `hint` of the flow as the
   * dead had it is in `inherited`. Where the window is full the flow is served without standing in the table.
   */
  claim(hash: FlowHash, member: number, hint: number): number {
    this.inherited = 0;
    const incarnation = this.incarnationOf(member);
    const mine = (BigInt(hash.tag) << 32n) | BigInt(ownerWord(member, incarnation, hint));
    for (let attempt = 0; attempt < 4; attempt++) {
      let free = -1;
      let freeValue = 0n;
      for (let i = 0; i < WINDOW; i++) {
        const at = (hash.cell + i) & (CELLS - 1);
        const value = Atomics.load(this.cells, at);
        const owner = ownerOf(value);
        const alive = owner !== 0 && this.lives(owner);
        if (owner !== 0 && tagOf(value) === hash.tag) {
          if (alive) return memberIn(owner);
          this.inherited = owner & 0xffff;
          free = at;
          freeValue = value;
          break;
        }
        if (!alive && free < 0) {
          free = at;
          freeValue = value;
        }
      }
      if (free < 0) return member;
      if (Atomics.compareExchange(this.cells, free, freeValue, BigInt.asIntN(64, mine)) === freeValue)
        return member;
    }
    return member;
  }

  /** Of the last `claim`: the hint that a dead member had left for the flow; 0 for none. */
  inherited = 0;

  /** Changes the hint of a flow of this member. */
  setHint(hash: FlowHash, member: number, hint: number): void {
    const incarnation = this.incarnationOf(member);
    this.swap(hash, member, (BigInt(hash.tag) << 32n) | BigInt(ownerWord(member, incarnation, hint)));
  }

  /** A flow of this member is over. */
  release(hash: FlowHash, member: number): void {
    this.swap(hash, member, 0n);
  }

  private swap(hash: FlowHash, member: number, to: bigint): void {
    const incarnation = this.incarnationOf(member);
    for (let i = 0; i < WINDOW; i++) {
      const at = (hash.cell + i) & (CELLS - 1);
      if (this.halves[2 * at + 1] !== hash.tag) continue;
      const value = Atomics.load(this.cells, at);
      const owner = ownerOf(value);
      if (tagOf(value) !== hash.tag || memberIn(owner) !== member) continue;
      if (incarnationIn(owner) !== incarnation) continue;
      Atomics.compareExchange(this.cells, at, value, BigInt.asIntN(64, to));
      return;
    }
  }

  private lives(owner: number): boolean {
    return this.incarnationOf(memberIn(owner)) === incarnationIn(owner);
  }

  private isActive(member: number): boolean {
    return (
      this.incarnationOf(member) > 0 &&
      Atomics.load(this.i32, this.memberAt(member) + MEMBER.STATE) === MEMBER_STATE.ACTIVE
    );
  }

  private anyMember(): boolean {
    for (let m = 0; m < MOST_MEMBERS; m++) if (this.incarnationOf(m) !== 0) return true;
    return false;
  }

  private memberAt(member: number): number {
    return (HEADER_BYTES >> 2) + member * MEMBER_WORDS;
  }
}

const tagOf = (cell: bigint): number => Number(BigInt.asIntN(32, cell >> 32n));
const ownerOf = (cell: bigint): number => Number(cell & 0xffff_ffffn);
/** Member (6 bits), its incarnation (10 bits, not 0), hint (16 bits). */
const ownerWord = (member: number, incarnation: number, hint: number): number =>
  ((member << 26) | (incarnation << 16) | (hint & 0xffff)) >>> 0;
const memberIn = (owner: number): number => owner >>> 26;
const incarnationIn = (owner: number): number => (owner >>> 16) & 1023;

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}
