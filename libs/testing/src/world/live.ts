import type { RequestRecord } from '../clients/ledger.js';
import type { ClientsReport } from '../clients/report.js';

/** One edit: when the API had answered (ms since the epoch), and what shows in traffic that it is live. */
export interface LiveEdit {
  answeredAt: number;
  /** The origin that answers then. */
  origin: string;
  /** So many requests in a row, as an SE gets them, go to it only after the edit. Default 1. */
  inARow?: number;
}

/**
 * Per edit the milliseconds from the API's answer until the last of the SEs had answered a request that shows it.
 * `report` is of clients that kept every request and knew the SEs.
 * An SE that went over an edit (what waits for a slow SE is coalesced to the newest) shows it when it shows the next.
 * @throws when an SE showed neither an edit nor any after it
 */
export function timesToLive(report: ClientsReport, edits: readonly LiveEdit[]): number[] {
  const bySe = new Map<string, RequestRecord[]>();
  for (const r of report.requests ?? []) {
    if (r.se === undefined) continue;
    const records = bySe.get(r.se);
    if (records) records.push(r);
    else bySe.set(r.se, [r]);
  }
  if (bySe.size === 0) throw new Error(`${report.name}: no request is known to have gone to an SE`);
  return edits.map((edit, i) => {
    let slowest = 0;
    for (const [se, records] of bySe) {
      const at = liveAt(records, edits, i);
      if (at === undefined) throw new Error(`edit ${i} never had effect on ${se}`);
      slowest = Math.max(slowest, at - edit.answeredAt);
    }
    return slowest;
  });
}

/** When the SE showed edit `i`, or the first one after it that it did show. */
function liveAt(
  records: readonly RequestRecord[],
  edits: readonly LiveEdit[],
  i: number,
): number | undefined {
  for (let k = i; k < edits.length; k++) {
    const until = edits[k + 1]?.answeredAt ?? Infinity;
    const at = shownAt(records, edits[k]!);
    if (at !== undefined && at.startedAt <= until) return at.endedAt;
  }
  return undefined;
}

/** The first request that shows the edit and was not over when the API answered. */
function shownAt(
  records: readonly RequestRecord[],
  { answeredAt, origin, inARow = 1 }: LiveEdit,
): RequestRecord | undefined {
  let row = 0;
  return records.find((r) => {
    row = r.origin === origin ? row + 1 : 0;
    return row >= inARow && r.endedAt >= answeredAt;
  });
}

/** The value that a share `q` of all is not above; `values` need not be sorted. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.min(sorted.length, Math.ceil(q * sorted.length)) - 1)] ?? NaN;
}
