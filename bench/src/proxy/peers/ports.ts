import type { Application, ContestantName } from '../workloads.js';

/** The bench has a network namespace of its own, so ports are fixed and say who listens. */
export const ORIGIN_PORTS = [9001, 9002, 9003, 9004] as const;
export const UDP_ECHO_PORT = 9101;

const FIRST: Record<ContestantName, number> = { spillway: 8100, nginx: 8200, haproxy: 8300, relay: 8400 };
const OFFSET: Record<Application, number> = { http: 1, tls: 2, h2: 3, tcp: 4, udp: 5 };

export const portOf = (who: ContestantName, application: Application): number =>
  FIRST[who] + OFFSET[application];

/** Ours for HTTP, where each algorithm has a virtual service. */
export const algorithmPort = (index: number): number => 8500 + index;
