export * from './api.js';
export * from './transport/seam.js';
export type { ConnectionFacts } from './core/describe.js';
export { createDataPlane } from './dataplane.js';
export { warm, type WarmUp } from './warm.js';
export { MOST_CLIENT_HELLO, peekClientHello, type ClientHello, type Peeked } from './tls/client-hello.js';
export { HelloPeek } from './tls/peek.js';
export type { SharedMemory } from './udp/sharing.js';
export { tlsLibraryHere } from './tls/libssl.js';
