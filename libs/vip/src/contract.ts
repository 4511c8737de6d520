/** Ports in a row that are listened on. */
export interface ClaimedPorts {
  protocol: 'tcp' | 'udp';
  port: number;
  port_range_end: number;
}

/** One VIP of one virtual service, as one SE wants to serve it; its addresses of both families go together. */
export interface VipClaim {
  virtualServiceUuid: string;
  virtualServiceName: string;
  vipId: string;
  addresses: readonly string[];
  services: readonly ClaimedPorts[];
}

/** Who asks: every claim is made in the name of one SE of one cluster. */
export interface Claimant {
  clusterUuid: string;
  seUuid: string;
  seName: string;
}

export type VipErrorCode =
  /** Another cluster, or another virtual service, has claimed it. */
  | 'VIP_CLAIMED'
  /** A process that is no SE listens there. */
  | 'VIP_IN_USE'
  /** The address is not local and may not be added. */
  | 'VIP_NOT_LOCAL'
  /** The port is reserved for privileged processes. */
  | 'VIP_PORT_PRIVILEGED'
  /** This way of distribution is not to be had here. */
  | 'VIP_MODE_UNAVAILABLE';

/** A VIP cannot be served here; the message names the VIP, the reason and the remedy. */
export class VipError extends Error {
  readonly status = 409;
  constructor(
    readonly code: VipErrorCode,
    message: string,
    /** Who has it, where that is known. */
    readonly holder: string = '',
    /** True when the holder is of the same cluster, so that it may be about to leave. */
    readonly passing: boolean = false,
  ) {
    super(message);
    this.name = 'VipError';
  }
}

/** Whether a mode can be used here, and why not. */
export interface ModeProbe {
  mode: 'host' | 'relay' | 'l2' | 'l2-tunnel' | 'bgp';
  available: boolean;
  reason: string;
}

/**
 * One way in which several SEs share a VIP.
 *
 * ```
 * prepare ─► (listeners open) ─► admit ─► withdraw ─► (drained) ─► release
 * ```
 * Every call is idempotent and may be repeated with another set of ports: what a claim held before stays held until
 * `admit` says that the new set is the one that serves.
 */
export interface VipDistribution {
  readonly mode: ModeProbe['mode'];
  /**
   * Makes VIPs and ports this SE's to listen on. Answers, per claim, why it cannot be had; undefined when it is held.
   * What a claim held before is still held when it fails.
   */
  prepare(claims: readonly VipClaim[]): Promise<(VipError | undefined)[]>;
  /** New connections may come here; what the claim held beyond its present ports and address is given back. */
  admit(claim: VipClaim): Promise<void>;
  /** No new connection may come here any more. */
  withdraw(claim: VipClaim): Promise<void>;
  /** Nothing of the VIP is left here: its claims and, when nobody else needs it, its address go. */
  release(virtualServiceUuid: string, vipId: string): Promise<void>;
  /** Who listens at an address, in words; empty when that cannot be told. */
  holderOf(address: string, port: number): Promise<string>;
  probe(): Promise<ModeProbe>;
  /** Releases everything. */
  close(): Promise<void>;
}
