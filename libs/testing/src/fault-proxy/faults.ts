/** What a fault proxy does to what passes; every part can be changed while it runs. */
export interface Faults {
  /** Milliseconds added in each direction. */
  delay: number;
  /** Bytes per second in each direction and connection; 0 is unlimited. UDP: ignored. */
  throttle: number;
  /** Nothing passes in either direction, connections stay open (TCP holds the bytes, UDP drops them). */
  blackhole: boolean;
  /** TCP: what becomes of new connections. `reset`: RST at once; `hang`: accepted and never served. */
  accept: 'forward' | 'reset' | 'hang';
  /** TCP half-open: the end or reset of one side is not told to the other. */
  halfOpen: boolean;
  /** UDP: share of datagrams lost, 0..1. */
  loss: number;
}

export const noFaults: Faults = {
  delay: 0,
  throttle: 0,
  blackhole: false,
  accept: 'forward',
  halfOpen: false,
  loss: 0,
};

/** What passed a fault proxy. */
export interface FaultCounters {
  /** TCP connections, or UDP flows. */
  connections: number;
  open: number;
  bytesUp: number;
  bytesDown: number;
  /** UDP: datagrams not passed on. */
  dropped: number;
  resets: number;
}

/** What to start. */
export interface FaultProxySpec {
  kind?: 'tcp' | 'udp';
  /** Where to listen. Default 127.0.0.1, any free port. */
  host?: string;
  port?: number;
  target: { host: string; port: number };
  faults?: Partial<Faults>;
}

/** A proxy that is the network's bad day, between any two parts. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  set(faults: Partial<Faults>): Promise<void>;
  counters(): Promise<FaultCounters>;
  /** Resets all open connections (UDP: forgets all flows). */
  reset(): Promise<void>;
  /** Stops listening: TCP connections are refused; open ones go on. */
  refuse(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}
