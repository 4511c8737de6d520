import { createRequire } from 'node:module';

/** An address in the memory of the process; 0 is none. Addresses of user space fit into a number. */
export type Pointer = number;

/** Types that a foreign function takes and gives. `long` is 64 bits, given as a number. */
export type ForeignType = 'void' | 'pointer' | 'int' | 'long';
export type Signature = readonly [returns: ForeignType, ...takes: ForeignType[]];
export type ForeignFunction = (...args: number[]) => number;

/** Shared libraries and memory, alike on Bun (`bun:ffi`) and on Node (`node:ffi`). */
export interface Foreign {
  /**
   * The functions of a shared library; of the process itself when `file` is null.
   * @throws when the library or one of the functions is not there
   */
  open<Name extends string>(
    file: string | null,
    functions: Readonly<Record<Name, Signature>>,
  ): Record<Name, ForeignFunction>;
  /** Where the bytes of a view lie. Stable for views of LARGE bytes or more, as long as they are referred to. */
  addressOf(view: Uint8Array): Pointer;
  /** A view of memory that is not ours. */
  view(at: Pointer, length: number): Buffer;
  /** A function that C may call, on this thread and from inside a foreign function only; for ever. */
  callback(signature: Signature, run: ForeignFunction): Pointer;
}

/** From this size on the memory of a view never moves: smaller ones may lie inside the garbage collector's heap. */
export const LARGE = 65_536;

const require = createRequire(import.meta.url);

/** The foreign functions of this runtime; null when it has none. */
export function foreignHere(): Foreign | null {
  try {
    return 'Bun' in globalThis ? onBun(require('bun:ffi') as BunFfi) : onNode(require('node:ffi') as NodeFfi);
  } catch {
    return null;
  }
}

interface BunFfi {
  dlopen(
    file: string,
    symbols: Record<string, { args: string[]; returns: string }>,
  ): { symbols: Record<string, ForeignFunction> };
  ptr(view: Uint8Array): number;
  toArrayBuffer(at: number, offset: number, length: number): ArrayBuffer;
  JSCallback: new (run: ForeignFunction, definition: { args: string[]; returns: string }) => { ptr: number };
}

const BUN: Record<ForeignType, string> = { void: 'void', pointer: 'ptr', int: 'i32', long: 'i64_fast' };

const bunDefinition = ([returns, ...takes]: Signature): { args: string[]; returns: string } => ({
  args: takes.map((t) => BUN[t]),
  returns: BUN[returns],
});

function onBun(ffi: BunFfi): Foreign {
  const callbacks: unknown[] = []; // what is collected must not be called
  return {
    open<Name extends string>(file: string | null, functions: Readonly<Record<Name, Signature>>) {
      if (file === null) throw new Error('Bun exports no functions of its own');
      const wanted: Record<string, { args: string[]; returns: string }> = {};
      for (const name in functions) wanted[name] = bunDefinition(functions[name]);
      return ffi.dlopen(file, wanted).symbols;
    },
    addressOf: (view) => ffi.ptr(view),
    view: (at, length) => Buffer.from(ffi.toArrayBuffer(at, 0, length)),
    callback(signature, run) {
      const made = new ffi.JSCallback(run, bunDefinition(signature));
      callbacks.push(made);
      return made.ptr;
    },
  };
}

interface NodeFfi {
  dlopen(
    file: string | null,
    symbols: Record<string, { arguments: string[]; return: string }>,
  ): {
    lib: { registerCallback(s: object, run: (...args: unknown[]) => unknown): bigint };
    functions: Record<string, (...args: unknown[]) => unknown>;
  };
  getRawPointer(view: Uint8Array): bigint;
  toArrayBuffer(at: bigint, length: number, copy: boolean): ArrayBuffer;
}

const NODE: Record<ForeignType, string> = { void: 'void', pointer: 'pointer', int: 'int32', long: 'int64' };

const give = (value: number, t: ForeignType): unknown =>
  t === 'pointer' || t === 'long' ? BigInt(value) : value;

const nodeDefinition = ([returns, ...takes]: Signature): { arguments: string[]; return: string } => ({
  arguments: takes.map((t) => NODE[t]),
  return: NODE[returns],
});

/** Node wants 64-bit values as bigint; slower, which matters to nobody here. */
function onNode(ffi: NodeFfi): Foreign {
  const own = ffi.dlopen(null, {}).lib;
  return {
    open<Name extends string>(file: string | null, functions: Readonly<Record<Name, Signature>>) {
      const wanted: Record<string, { arguments: string[]; return: string }> = {};
      for (const name in functions) wanted[name] = nodeDefinition(functions[name]);
      const found = ffi.dlopen(file, wanted).functions;
      const result: Record<string, ForeignFunction> = {};
      for (const name in functions) {
        const takes = functions[name].slice(1);
        const call = found[name]!;
        result[name] = (...args) => Number(call(...args.map((a, i) => give(a, takes[i]!))));
      }
      return result;
    },
    addressOf: (view) => Number(ffi.getRawPointer(view)),
    view: (at, length) => Buffer.from(ffi.toArrayBuffer(BigInt(at), length, false)),
    callback: (signature, run) =>
      Number(
        own.registerCallback(nodeDefinition(signature), (...args) =>
          give(run(...args.map(Number)), signature[0]),
        ),
      ),
  };
}
