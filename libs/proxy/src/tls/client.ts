/** TLS to servers, for whoever speaks to them beside the data plane and must come to the same verdict. */
export { ClientContext } from './client-contexts.js';
export type { CertificateProblem } from './certificate-problem.js';
export { TlsSocket } from './socket.js';
export { tlsLibraryHere } from './libssl.js';
export { wireHere } from './wire.js';
