import { createHash } from 'node:crypto';

/** The same uuid for the same system object in every cluster, so that a restore and scripts can rely on it. */
export function seedUuid(kind: string, name: string): string {
  const hex = createHash('sha256').update(`spillway ${kind} ${name}`).digest('hex');
  const variant = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  const uuid = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `${kind}-${uuid.join('-')}`;
}
