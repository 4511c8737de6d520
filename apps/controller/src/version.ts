/** The release of the published API whose schema this controller speaks. */
export const API_VERSION = '30.2.1';
/** Oldest `X-Avi-Version` that is understood. */
export const MIN_API_VERSION = 15.2;

/** `version` in the replies of login, `/api/initial-data` and `/api/cluster/version`. */
export function versionInfo(): Record<string, unknown> {
  return {
    build: 0,
    Date: '2026-01-01T00:00:00+00:00',
    min_version: MIN_API_VERSION,
    Product: 'controller',
    ProductName: 'Spillway',
    Tag: `${API_VERSION}-spillway`,
    Version: API_VERSION,
  };
}
