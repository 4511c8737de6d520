import type { PeerCertificate } from 'node:tls';

const SERVICE_ENGINE = /^spiffe:\/\/([a-z0-9._-]+)\/serviceengine\/([A-Za-z0-9._-]+)$/;
const OUTSIDER = /^spiffe:\/\/([a-z0-9._-]+)\/outsider\/([A-Za-z0-9._-]+)$/;

export const serviceEngineUri = (clusterUuid: string, seUuid: string): string =>
  `spiffe://${clusterUuid}/serviceengine/${seUuid}`;

export const outsiderUri = (clusterUuid: string, name: string): string =>
  `spiffe://${clusterUuid}/outsider/${name}`;

/** The SE that a verified client certificate belongs to, by its SPIFFE URI; undefined when it is none of this cluster. */
export const serviceEngineOf = (certificate: PeerCertificate | undefined, clusterUuid: string) =>
  subjectOf(certificate, clusterUuid, SERVICE_ENGINE);

/** The name of the outsider that a verified client certificate belongs to. */
export const outsiderOf = (certificate: PeerCertificate | undefined, clusterUuid: string) =>
  subjectOf(certificate, clusterUuid, OUTSIDER);

function subjectOf(
  certificate: PeerCertificate | undefined,
  clusterUuid: string,
  pattern: RegExp,
): string | undefined {
  for (const name of (certificate?.subjectaltname ?? '').split(', ')) {
    if (!name.startsWith('URI:')) continue;
    const match = pattern.exec(name.slice('URI:'.length));
    if (match?.[1] === clusterUuid) return match[2];
  }
  return undefined;
}
