/** What a connection is doing, for people who look for a fault. It holds no part of any message. */
export interface ConnectionFacts {
  /** `client`: with one of its own rows per client; `server`: a connection to a server. */
  side: 'client' | 'server';
  virtual_service_uuid: string;
  vip_id: string;
  /** `address:port` of the peer. */
  peer: string;
  /** `address:port` on this side; empty where it is not known. */
  local: string;
  /** `http1`, `http2`, `tcp`, `udp`, `tls` or `proxy` (a handshake or header that is not over), `server`. */
  protocol: string;
  state: string;
  /** Milliseconds since it was taken or begun; -1 where it is not known. */
  age: number;
  /** Bytes by the kernel's count; -1 where it has none. */
  bytes_in: number;
  bytes_out: number;
  /** Bytes that wait in this process on its account. */
  held: number;
  /** Requests under way. */
  requests: number;
  /** Method of the request under way and its age in milliseconds; null when there is none. */
  request: { method: string; age: number; phase: 'waiting' | 'responding' } | null;
  /** `pool/address:port` that serves it; empty where there is none. */
  server: string;
}

/** What a connection adds to what is known of every connection. */
export type OwnFacts = Partial<
  Pick<ConnectionFacts, 'protocol' | 'state' | 'requests' | 'request' | 'server'>
>;

export const endpoint = (address: string, port: number): string =>
  address === '' ? '' : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
