/** Why a pool gave no server. */
export const enum Refusal {
  /** None may be used: the pool is down, disabled or empty. */
  Down,
  /** All that are up have as many connections as they may have. */
  Full,
  /** The server that the client belongs to is down, and it may have no other (`server_hm_down_recovery`). */
  PersistentServerDown,
}
