import type { ConnectionFacts, PlacementStatus, RuleHits } from '@spillway/proxy';
import type { Fragment, FragmentId } from '@spillway/snapshot';

/** Slots of the shared mapping: what was added or changed, and what is not used any more. */
export interface SlotChange {
  virtual_services: Record<string, number>;
  servers: Record<string, number>;
  pools: Record<string, number>;
  removed_virtual_services: string[];
  removed_servers: string[];
  removed_pools: string[];
}

/** From a worker to the agent, over the agent's socket. */
export type WorkerMessage =
  /** After each connect; the agent answers with `config`. */
  | { type: 'hello'; index: number; pid: number }
  /** The configuration of this sequence is live. */
  | { type: 'applied'; sequence: number; placements: PlacementStatus[] }
  /** It could not be run; what was live before is live still. */
  | { type: 'refused'; sequence: number; reason: string }
  /** The same rows as in `applied`, when they changed. */
  | { type: 'status'; placements: PlacementStatus[] }
  /** A part of the answer to `describe`. */
  | { type: 'described'; id: number; rows: ConnectionFacts[]; last: boolean }
  /** Rules of policies that have matched since the last of these. */
  | { type: 'hits'; rows: RuleHits[] };

/** From the agent to a worker. */
export type AgentMessage =
  /**
   * What to run, as a change of what was sent on this connection before; `full` starts anew. The sequence is the
   * agent's own count: one generation may be handed over more than once, as claims and health come.
   */
  | {
      type: 'config';
      sequence: number;
      epoch: number;
      generation: number;
      full: boolean;
      put: Fragment[];
      remove: FragmentId[];
      slots: SlotChange;
    }
  /** Drain everything within so many milliseconds and end. */
  | { type: 'stop'; drain_timeout: number }
  /** Tell what connections are doing: at most `limit`, of one virtual service where it is named. */
  | { type: 'describe'; id: number; virtual_service?: string; limit: number };

/** A worker as its supervisor sees it. */
export interface WorkerRecord {
  index: number;
  pid: number;
  restarts: number;
}

/** From the agent to the supervisor. */
export type AgentReport =
  | {
      type: 'settings';
      se_uuid: string;
      fence_dir: string;
      dp_hb_frequency: number;
      dp_hb_timeout_count: number;
    }
  | { type: 'metrics'; address: string }
  /** The first configuration is live, or cannot be. */
  | { type: 'started'; listeners: string[]; failures: string[] }
  /** Everything has drained: end the SE. */
  | { type: 'ended'; reason: string };

/** From the supervisor to the agent. */
export type SupervisorOrder =
  | { type: 'workers'; workers: WorkerRecord[] }
  /** Drain and end. */
  | { type: 'stop' }
  /** Drain one worker and end it: another one has taken its place. */
  | { type: 'stop_worker'; index: number }
  /** Read the snapshot file again. */
  | { type: 'reload' };
